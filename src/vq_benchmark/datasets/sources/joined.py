"""Sources of any kind, one after another, as one source: the shards of a base."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.sources.number_types import NumberType, common_type, differing_types
from vq_benchmark.datasets.sources.vector_source import LeafSource, VectorSource


class JoinedSource(LeafSource):
    """The rows of several sources of the same dimension, in their order. Only one of them holds memory at a time."""

    def __init__(self, sources: Sequence[VectorSource]) -> None:
        self.sources = tuple(sources)
        self.edges: IdArray = np.cumsum([0, *(source.n for source in sources)], dtype=np.int64)
        """(sources + 1,) int64: source i holds the rows [edges[i], edges[i + 1])."""
        self.d = max((source.d for source in sources if source.n), default=0)
        self.dtype: NumberType = common_type(source.dtype for source in sources)
        self._last = 0

    @property
    def n(self) -> int:
        return int(self.edges[-1])

    @property
    def paths(self) -> tuple[Path, ...] | None:
        found: list[Path] = []
        for source in self.sources:
            if source.paths is None:
                return None
            found += source.paths
        return tuple(found)

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of the first source that has any, and a remark on types that differ."""
        notes = next((source.notes for source in self.sources if source.notes), ())
        return (*notes, *differing_types((source.dtype for source in self.sources), self.dtype))

    @property
    def reading_bytes(self) -> int:
        return max((source.reading_bytes for source in self.sources), default=0)

    @property
    def held_bytes(self) -> int:
        return max((source.held_bytes for source in self.sources), default=0)

    def release(self) -> None:
        self.sources[self._last].release()

    def read(self, start: int, stop: int) -> FloatArray:
        index = self._source_of(start)
        if stop <= self.edges[index + 1]:
            first = int(self.edges[index])
            return self._entered(index).read(start - first, stop - first)
        out = np.empty((stop - start, self.d), dtype=np.float32)
        self.read_into(start, out)
        return out

    def read_into(self, start: int, out: FloatArray) -> None:
        for index, first, after in self._spans(start, start + len(out)):
            source = self._entered(index)
            source.read_into(first - int(self.edges[index]), out[first - start : after - start])

    def gather(self, rows: IdArray, *, gap: int, keep: bool) -> FloatArray:
        out = np.empty((len(rows), self.d), dtype=np.float32)
        places = np.searchsorted(rows, self.edges)
        for index, (first, after) in enumerate(pairwise(places.tolist())):
            if first < after:
                inside = rows[first:after] - self.edges[index]
                out[first:after] = self._entered(index).gather(inside, gap=gap, keep=keep)
        return out

    def _source_of(self, row: int) -> int:
        return min(int(np.searchsorted(self.edges, row, side="right")) - 1, len(self.sources) - 1)

    def _spans(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """(source, first row, row after the last) for each source with some of these rows."""
        row = start
        while row < stop:
            index = self._source_of(row)
            after = min(int(self.edges[index + 1]), stop)
            yield index, row, after
            row = after

    def _entered(self, index: int) -> VectorSource:
        """A source, after the one before it has let go of its memory."""
        if index != self._last:
            self.sources[self._last].release()
            self._last = index
        return self.sources[index]
