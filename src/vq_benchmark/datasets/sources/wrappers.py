"""Sources that change another source: fewer rows, or rows of unit norm. A new wrapper is one more class here."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray, pieces
from vq_benchmark.datasets.sources.vector_source import MAX_RANGE_ROWS, VectorSource


@dataclass(frozen=True)
class WrappedSource:
    """Another source, unchanged.

    A subclass overrides `n` and `inner_rows` if it drops rows, `changed` if it changes values, and `read`.
    """

    source: VectorSource

    @property
    def n(self) -> int:
        return self.source.n

    @property
    def d(self) -> int:
        return self.source.d

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.source.dtype

    @property
    def paths(self) -> tuple[Path, ...] | None:
        return self.source.paths

    @property
    def notes(self) -> tuple[str, ...]:
        return self.source.notes

    def read_into(self, start: int, out: FloatArray) -> None:
        out[...] = self.read(start, start + len(out))

    def release(self) -> None:
        self.source.release()

    @property
    def reading_bytes(self) -> int:
        return self.source.reading_bytes

    @property
    def held_bytes(self) -> int:
        return self.source.held_bytes

    def inner_rows(self, rows: IdArray) -> IdArray:
        """The rows (n,) of `source` that the rows (n,) of this one are, in the same order."""
        return rows

    def changed(self, vectors: FloatArray) -> FloatArray:
        """Vectors (n, d) that `source` gathered, as this one returns them; they may change in place."""
        return vectors

    def read(self, start: int, stop: int) -> FloatArray:
        return self.source.read(start, stop)

    def gather(self, rows: IdArray, *, gap: int, keep: bool) -> FloatArray:
        return self.changed(self.source.gather(self.inner_rows(rows), gap=gap, keep=keep))

    def rows_in_file(self, rows: IdArray) -> IdArray:
        return self.source.rows_in_file(self.inner_rows(rows))

    def with_held_out_rows(self) -> VectorSource:
        return replace(self, source=self.source.with_held_out_rows())

    def stored_range(self, start: int, stop: int) -> tuple[VectorSource, int, int]:
        first, last = self.inner_rows(np.array([start, stop - 1])).tolist()
        return self.source.stored_range(first, last + 1)

    def with_stored(self, stored: VectorSource) -> VectorSource:
        return replace(self, source=self.source.with_stored(stored))


@dataclass(frozen=True)
class PrefixSource(WrappedSource):
    """The first `limit` rows of another source."""

    limit: int

    @property
    def n(self) -> int:
        return self.limit


@dataclass(frozen=True)
class ExcludingSource(WrappedSource):
    """Another source without some of its rows; the rows that remain keep their order."""

    excluded: IdArray
    """Sorted distinct row numbers of `source`."""

    @property
    def n(self) -> int:
        return self.source.n - len(self.excluded)

    @property
    def reading_bytes(self) -> int:
        """Nothing per row: it reads 4,096 rows at a time."""
        return 0

    def inner_rows(self, rows: IdArray) -> IdArray:
        # excluded[i] - i rows remain before excluded[i], so every excluded row with that count <= row lies before it.
        remaining_before = self.excluded - np.arange(len(self.excluded))
        return np.asarray(rows + np.searchsorted(remaining_before, rows, side="right"), dtype=np.int64)

    def read(self, start: int, stop: int) -> FloatArray:
        from vq_benchmark.quantizers.kernels.tiles import in_tiles  # numba loads where it is needed

        out = np.empty((stop - start, self.d), dtype=np.float32)
        for piece in pieces(stop - start, MAX_RANGE_ROWS):  # two of all rows at once would double the memory
            numbers = self.inner_rows(np.arange(start + piece.start, start + piece.stop))
            rows = self.source.read(int(numbers[0]), int(numbers[-1]) + 1)
            in_tiles(len(numbers), partial(_take, rows, numbers - numbers[0], out[piece]))
        return out

    def with_held_out_rows(self) -> VectorSource:
        return self.source


def _take(rows: FloatArray, places: IdArray, out: FloatArray, part: slice) -> None:
    np.take(rows, places[part], axis=0, out=out[part], mode="clip")


@dataclass(frozen=True)
class UnitNormSource(WrappedSource):
    """Another source with every row divided by its Euclidean norm; zero rows stay zero."""

    @property
    def reading_bytes(self) -> int:
        """Nothing per row: it reads 4,096 rows at a time."""
        return 0

    def changed(self, vectors: FloatArray) -> FloatArray:
        own = vectors.flags.owndata and vectors.flags.writeable
        return unit_norm(vectors, vectors if own else None)

    def read(self, start: int, stop: int) -> FloatArray:
        out = np.empty((stop - start, self.d), dtype=np.float32)
        for piece in pieces(stop - start, MAX_RANGE_ROWS):
            unit_norm(self.source.read(start + piece.start, start + piece.stop), out[piece])
        return out


def unit_norm(vectors: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """(n, d) float32, or `out` (`vectors` too), with every row divided by its Euclidean norm; zero rows stay zero."""
    from vq_benchmark.datasets.sources.unit_rows import fill_unit_rows  # numba loads where it is needed

    out = np.empty(vectors.shape, dtype=np.float32) if out is None else out
    fill_unit_rows(out, vectors)
    return out
