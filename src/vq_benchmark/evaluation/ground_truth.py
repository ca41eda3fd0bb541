"""Exact nearest neighbours, found by the same streaming machine that scores the quantizers."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.dataset import Metric
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.content import ContentDigest, require_same_content
from vq_benchmark.evaluation.spans import Span, joined, next_row
from vq_benchmark.evaluation.tiling import DEFAULT_BATCH_SIZE, TILE_ROWS, AfterBlock, OnBlock, Tile, tiles
from vq_benchmark.evaluation.topk import TopCandidates, scores_of
from vq_benchmark.machine.archive import ArchiveFormat
from vq_benchmark.machine.damage import taking_apart

DEFAULT_K = 100
FORMAT = ArchiveFormat("a ground truth", version=2)
"""Of version 1 are scores that were added in an order of the processor's own, and no digests of the rows."""


@dataclass
class GroundTruth:
    """The exact k nearest rows of each query among the rows [start, stop) of the base."""

    top: TopCandidates
    """Scores as in `Scores`: inner products, or ‖q‖² − ‖q − x‖² for L2."""
    span: Span
    content: ContentDigest = field(default_factory=ContentDigest)
    """Of the rows that were searched."""

    @property
    def ids(self) -> IdArray:
        """(q, k) int64 row numbers, nearest first, ties by lower id; -1 where the rows are fewer than k."""
        return self.top.ids

    def merge(self, other: Self) -> None:
        """Take in the neighbours among other rows; where one truth is of all rows of the other, it is the one.

        Raises:
            ValueError: the rows overlap in part, leave a gap, or two truths of the same rows disagree.
            ChangedData: the same rows had other values.
        """
        require_same_content(self.content, [self.span], other.content, [other.span], TILE_ROWS)
        if self.span == other.span:
            if not np.array_equal(self.ids, other.ids):
                raise ValueError(f"two ground truths of the rows {self.span[0]} to {self.span[1]} disagree")
            return
        if _within(other.span, self.span):
            return
        if _within(self.span, other.span):
            self.top, self.span, self.content = replace(other.top), other.span, other.content.copy()
            return
        spans = joined([self.span, other.span])
        if len(spans) != 1:
            raise ValueError(f"no ground truth of the rows {spans[0][1]} to {spans[1][0]}")
        self.top.merge(other.top)
        self.content.merge(other.content)
        self.span = spans[0]

    def to_bytes(self) -> bytes:
        """An .npz archive (no pickle) that `from_bytes` reads."""
        return FORMAT.pack(
            {"span": self.span}, {"ids": self.top.ids, "scores": self.top.scores, **self.content.to_arrays()}
        )

    @classmethod
    @taking_apart(FORMAT.kind)
    def from_bytes(cls, data: bytes) -> Self:
        """The ground truth that `to_bytes` wrote.

        Raises:
            ValueError: the bytes are damaged or of another format version.
        """
        header, arrays = FORMAT.unpack(data)
        start, stop = header["span"]
        top = TopCandidates(arrays["scores"], arrays["ids"], arrays["scores"])
        return cls(top, (start, stop), ContentDigest.from_arrays(arrays))

    def part(self, queries: slice) -> Self:
        """The neighbours of some of the queries."""
        return type(self)(self.top.part(queries), self.span, self.content.copy())


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
    resume: GroundTruth | None = None,
    after_block: AfterBlock[GroundTruth] | None = None,
) -> GroundTruth:
    """The exact k nearest rows of each query (q, d) float32 among rows [start, stop) of the base.

    The order is that of float64 scores; memory is bounded by the block and the k best of each query.

    Args:
        on_block: called after each block with the number of rows that this pass has finished.
        resume: what was found before of the same queries in rows [start, x); the pass then begins at x.
        after_block: called after each block with the next row, and with a function that copies what was found in
            all rows before it.

    Raises:
        InputError: k is below 1, or d differs, or a row is not finite, or zero under cosine.
    """
    stop = base.n if stop is None else stop
    if k < 1:
        raise InputError(f"k is {k}, it must be at least 1.")
    if queries.shape[1] != base.d:
        raise InputError(f"the queries have dimension {queries.shape[1]}, the base has {base.d}.")

    def offer(top: TopCandidates, tile: Tile) -> None:
        scores = scores_of(queries, tile.vectors, metric)
        top.offer(tile.first, tile.inside, scores, scores)

    return neighbors_by_tile(
        offer, base, len(queries), metric, k, start=start, stop=stop, batch_size=batch_size,
        on_block=on_block, resume=resume, after_block=after_block,
    )  # fmt: skip


def neighbors_by_tile(
    offer: Callable[[TopCandidates, Tile], None],
    base: VectorSource,
    queries: int,
    metric: Metric,
    k: int,
    *,
    start: int,
    stop: int,
    batch_size: int,
    on_block: OnBlock | None,
    resume: GroundTruth | None,
    after_block: AfterBlock[GroundTruth] | None,
) -> GroundTruth:
    """As `exact_neighbors`; `offer` adds the rows of one tile to the candidates of the queries."""
    first = start if resume is None else next_row(resume.span, start, stop)
    if resume is not None and first == stop:
        return resume
    top, content = TopCandidates.empty(queries, k), ContentDigest()

    def found(best: TopCandidates, end: int) -> GroundTruth:
        truth = GroundTruth(best, (first, end), content.copy())
        if resume is not None:
            truth.merge(resume)
        return truth

    def block_done(done: int) -> None:
        if on_block is not None:
            on_block(done)
        if after_block is not None:
            after_block(first + done, lambda: found(top.sorted(), first + done))

    for tile in tiles(base, first, stop, metric, batch_size, block_done):
        offer(top, tile)
        content.add(tile.first // TILE_ROWS, tile.digest)
    top.sort()
    return found(top, stop)
