"""Exact nearest neighbours, found by the same streaming machine that scores the quantizers."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.dataset import Metric
from vq_benchmark.datasets.source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.accumulators import Span, joined
from vq_benchmark.evaluation.grid import DEFAULT_BATCH_SIZE, OnBlock, tiles
from vq_benchmark.evaluation.top_candidates import TopCandidates, scores_of

DEFAULT_K = 100


@dataclass
class GroundTruth:
    """The exact k nearest rows of each query among the rows [start, stop) of the base."""

    top: TopCandidates
    """Scores as in `Scores`: inner products, or ‖q‖² − ‖q − x‖² for L2."""
    span: Span

    @property
    def ids(self) -> IdArray:
        """(q, k) int64 row numbers, nearest first, ties by lower id; -1 where the rows are fewer than k."""
        return self.top.ids

    def merge(self, other: Self) -> None:
        """Take in the neighbours among other rows; where one truth is of all rows of the other, it is the one.

        Raises:
            ValueError: the rows overlap in part, leave a gap, or two truths of the same rows disagree.
        """
        if self.span == other.span:
            if not np.array_equal(self.ids, other.ids):
                raise ValueError(f"two ground truths of the rows {self.span[0]} to {self.span[1]} disagree")
            return
        if _within(other.span, self.span):
            return
        if _within(self.span, other.span):
            self.top, self.span = replace(other.top), other.span
            return
        spans = joined([self.span, other.span])
        if len(spans) != 1:
            raise ValueError(f"no ground truth of the rows {spans[0][1]} to {spans[1][0]}")
        self.top.merge(other.top)
        self.span = spans[0]


def _within(inner: Span, outer: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def exact_neighbors(
    base: VectorSource,
    queries: FloatArray,
    metric: Metric,
    k: int = DEFAULT_K,
    *,
    start: int = 0,
    stop: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_block: OnBlock | None = None,
) -> GroundTruth:
    """The exact k nearest rows of each query (q, d) float32 among rows [start, stop) of the base.

    The order is that of float64 scores; memory is bounded by the block and the k best of each query.

    Raises:
        InputError: k is below 1, or d differs, or a row is not finite, or zero under cosine.
    """
    stop = base.n if stop is None else stop
    if k < 1:
        raise InputError(f"k is {k}, it must be at least 1.")
    if queries.shape[1] != base.d:
        raise InputError(f"the queries have dimension {queries.shape[1]}, the base has {base.d}.")
    top = TopCandidates.empty(len(queries), k)
    for tile in tiles(base, start, stop, metric, batch_size, on_block):
        scores = scores_of(queries, tile.vectors, metric)
        top.offer(tile.first, tile.inside, scores, scores)
    top.sort()
    return GroundTruth(top, (start, stop))
