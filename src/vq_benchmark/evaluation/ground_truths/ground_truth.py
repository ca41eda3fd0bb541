"""Exact nearest neighbours, found by the same streaming machine that scores the quantizers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Self

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.checks.bad_rows import require_few
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.content import ContentDigest, require_same_content
from vq_benchmark.evaluation.inner_products import squared_norms
from vq_benchmark.evaluation.scores import scores_of
from vq_benchmark.evaluation.spans import Span, joined
from vq_benchmark.evaluation.tiling import TILE_ROWS, WHOLE_BASE, Pass, Tile, tiles
from vq_benchmark.evaluation.topk import NO_ID, TopCandidates
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
    """Digest of the rows that were searched."""
    listed: str = ""
    """Hash of all neighbours of the span, if those of some rows are left out here; see `among`."""

    @property
    def ids(self) -> IdArray:
        """(q, k) int64 row numbers, nearest first, ties by lower id; -1 if there are fewer than k rows."""
        return self.top.ids

    def merge(self, other: Self) -> None:
        """Merge the neighbours among other rows into these; if one ground truth covers the other, keep that one.

        Raises:
            ValueError: the rows overlap partly or leave a gap, or two ground truths of the same rows differ.
            ChangedData: the same rows had other values.
        """
        width = min(self.top.size, other.top.size)  # one of them may have been searched deeper
        self.top, other = self.top.first(width), replace(other, top=other.top.first(width))
        require_same_content(self.content, [self.span], other.content, [other.span], TILE_ROWS)
        if self.span == other.span:
            if not np.array_equal(self.ids, other.ids):
                raise ValueError(f"two ground truths of rows {self.span[0]} to {self.span[1]} disagree")
            return
        if _within(other.span, self.span):
            return
        if _within(self.span, other.span):
            self.top, self.span, self.content = replace(other.top), other.span, other.content.copy()
            return
        span = _adjacent(self.span, other.span)
        self.top.merge(other.top)
        self.content.merge(other.content)
        self.span = span

    def among(self, rows: Sequence[Span], k: int) -> Self:
        """This ground truth with only those neighbours that are in `rows`, which is what measuring these rows needs.

        Ground truths among disjoint rows `join` again. A hash of the first k neighbours tells whether they may.
        """
        if self.listed:
            return self
        listed = blake2b(np.ascontiguousarray(self.ids[:, :k], dtype="<i8").tobytes(), digest_size=8).hexdigest()
        inside = np.zeros(self.ids.shape, dtype=bool)
        for start, stop in rows:
            inside |= (self.ids >= start) & (self.ids < stop)
        order = np.argsort(~inside, axis=1, kind="stable")
        kept = np.take_along_axis(inside, order, axis=1)
        scores = np.where(kept, np.take_along_axis(self.top.scores, order, axis=1), -np.inf)
        ids = np.where(kept, np.take_along_axis(self.ids, order, axis=1), NO_ID)
        return replace(self, top=TopCandidates(scores, ids, scores), listed=listed)

    def join(self, other: Self) -> Self:
        """The ground truth among the rows of both; both are results of `among`, for rows that are disjoint.

        Raises:
            ValueError: the spans overlap partly or leave a gap, or two ground truths of the same rows differ.
            ChangedData: the same rows had other values.
        """
        require_same_content(self.content, [self.span], other.content, [other.span], TILE_ROWS)
        if self.span == other.span and self.listed != other.listed:
            raise ValueError(f"two ground truths of rows {self.span[0]} to {self.span[1]} disagree")
        width = min(self.top.size, other.top.size)  # one of them may have been searched deeper
        top = replace(self.top.first(width))
        top.merge(other.top.first(width))
        for outer, inner in ((self, other), (other, self)):
            if _within(inner.span, outer.span):
                return replace(outer, top=top)
        content = self.content.copy()
        content.merge(other.content)
        return replace(self, top=top, span=_adjacent(self.span, other.span), content=content)

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
            ValueError: the bytes are damaged, or have another format version.
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


def _adjacent(one: Span, other: Span) -> Span:
    spans = joined([one, other])
    if len(spans) != 1:
        raise ValueError(f"the ground truth of rows {spans[0][1]} to {spans[1][0]} is missing")
    return spans[0]


def exact_neighbors(
    base: VectorSource,
    queries: FloatArray,
    distance: Distance,
    k: int = DEFAULT_K,
    pass_: Pass[GroundTruth] = WHOLE_BASE,
) -> GroundTruth:
    """The exact k nearest rows of each query (q, d) float32 among the rows of a pass.

    Float64 scores decide the order. Memory holds one block and the k best rows of each query.

    Raises:
        InputError: k is below 1, the dimensions differ, or as `tiles`.
        ValueError: `pass_.resume` belongs to other rows.
    """
    if k < 1:
        raise InputError(f"k is {k}; it must be at least 1.")
    if queries.shape[1] != base.d:
        raise InputError(f"the queries have dimension {queries.shape[1]}, but the base has dimension {base.d}.")

    query_norms = squared_norms(queries)

    def offer(top: TopCandidates, tile: Tile) -> None:
        scores = scores_of(queries, tile.vectors, distance, own_norms=tile.squared_norms, query_norms=query_norms)
        top.offer(tile.ids, tile.inside, scores, scores)

    return neighbors_by_tile(offer, base, len(queries), distance, k, pass_)


def neighbors_by_tile(
    offer: Callable[[TopCandidates, Tile], None],
    base: VectorSource,
    queries: int,
    distance: Distance,
    k: int,
    pass_: Pass[GroundTruth],
) -> GroundTruth:
    """As `exact_neighbors`; `offer` adds the rows of one tile to the candidates of the queries."""
    earlier = pass_.resume
    first, stop = pass_.remaining(None if earlier is None else earlier.span, base.n)
    if earlier is not None and first == stop:
        return earlier
    top, content = TopCandidates.empty(queries, k), ContentDigest()

    def found(best: TopCandidates, end: int) -> GroundTruth:
        truth = GroundTruth(best, (first, end), content.copy())
        if earlier is not None:
            truth.merge(earlier)
        return truth

    for tile in tiles(base, distance, replace(pass_, start=first), lambda row: found(top.copy(), row)):
        tile.note(content)
        if len(tile.vectors):
            offer(top, tile)
    truth = found(top, stop)
    require_few(truth.content.left_out, base.n, so_far=True)
    return truth
