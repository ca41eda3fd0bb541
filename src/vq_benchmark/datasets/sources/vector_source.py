"""Vectors read by row range, never the whole file."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from vq_benchmark.arrays import Array, FloatArray, IdArray, pieces

MAX_RANGE_ROWS = 4096


class VectorSource(Protocol):
    """n vectors of dimension d, stored somewhere as dtype, read by row range."""

    @property
    def n(self) -> int: ...
    @property
    def d(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The dtype in which the vectors are stored (float16 files stay float16 here, and are read as float32)."""
        ...

    def read(self, start: int, stop: int) -> FloatArray:
        """Rows [start, stop) as (stop - start, d) float32, C-contiguous; 0 <= start <= stop <= n."""
        ...


@dataclass(frozen=True)
class ArraySource:
    """A source over an array (n, d), in memory or memory-mapped."""

    array: Array
    paths: tuple[Path, ...] | None = None
    """The files that it was read from; None where they are not known."""

    @property
    def n(self) -> int:
        return int(self.array.shape[0])

    @property
    def d(self) -> int:
        return int(self.array.shape[1])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.array.dtype

    def read(self, start: int, stop: int) -> FloatArray:
        return as_float32(self.array[start:stop])


@dataclass(frozen=True)
class PrefixSource:
    """The first n rows of another source."""

    source: VectorSource
    n: int

    @property
    def d(self) -> int:
        return self.source.d

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.source.dtype

    def read(self, start: int, stop: int) -> FloatArray:
        return self.source.read(start, stop)


@dataclass(frozen=True)
class ExcludingSource:
    """Another source without some of its rows; the rows that remain keep their order."""

    source: VectorSource
    excluded: IdArray
    """Sorted distinct row numbers of `source`."""

    @property
    def n(self) -> int:
        return self.source.n - len(self.excluded)

    @property
    def d(self) -> int:
        return self.source.d

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.source.dtype

    def source_row(self, row: int) -> int:
        """The row of `source` that row `row` of this one is."""
        return int(self.source_rows(np.array(row)))

    def source_rows(self, rows: IdArray) -> IdArray:
        """The same of many rows."""
        # excluded[i] - i rows remain before excluded[i], so every excluded row with that count <= row lies before it.
        remaining_before = self.excluded - np.arange(len(self.excluded))
        return np.asarray(rows + np.searchsorted(remaining_before, rows, side="right"), dtype=np.int64)

    def read(self, start: int, stop: int) -> FloatArray:
        out = np.empty((stop - start, self.d), dtype=np.float32)
        for piece in pieces(stop - start, MAX_RANGE_ROWS):  # two of all rows at once would double the memory
            first, last = self.source_row(start + piece.start), self.source_row(start + piece.stop - 1)
            rows = self.source.read(first, last + 1)
            inside = self.excluded[(self.excluded >= first) & (self.excluded <= last)]
            out[piece] = np.delete(rows, inside - first, axis=0) if len(inside) else rows
        return out


@dataclass(frozen=True)
class UnitNormSource:
    """Another source with every row divided by its Euclidean norm; zero rows stay zero."""

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

    def read(self, start: int, stop: int) -> FloatArray:
        out = np.empty((stop - start, self.d), dtype=np.float32)
        for piece in pieces(stop - start, MAX_RANGE_ROWS):
            out[piece] = unit_norm(self.source.read(start + piece.start, start + piece.stop))
        return out


def with_held_out_rows(source: VectorSource) -> VectorSource:
    """The source before rows were held out of it, so that a row has the number that it has in its file."""
    match source:
        case ExcludingSource():
            return source.source
        case UnitNormSource():
            return UnitNormSource(with_held_out_rows(source.source))
        case _:
            return source


def numbers_in_file(source: VectorSource, rows: IdArray) -> IdArray:
    """The numbers (n,) that rows had before others were held out, under which a person finds them in the file."""
    match source:
        case ExcludingSource():
            return source.source_rows(rows)
        case UnitNormSource():
            return numbers_in_file(source.source, rows)
        case _:
            return rows


def unit_norm(vectors: FloatArray) -> FloatArray:
    """(n, d) float32 with every row divided by its Euclidean norm; zero rows stay zero."""
    out = np.empty(vectors.shape, dtype=np.float32)
    for piece in pieces(len(vectors)):
        doubles = vectors[piece].astype(np.float64)
        norms = np.sqrt((doubles * doubles).sum(axis=1, keepdims=True))
        with np.errstate(invalid="ignore"):  # a row with an infinite value becomes NaN, which `check_rows` reports
            out[piece] = doubles / np.where(norms == 0, 1, norms)
    return out


def as_float32(array: Array) -> FloatArray:
    """The array as C-contiguous float32; what float32 cannot hold becomes infinite, which `check_rows` reports."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


@runtime_checkable
class GatheringSource(Protocol):
    """A source that has its own way to gather scattered rows."""

    def take(self, rows: IdArray, keep: bool = True) -> FloatArray:
        """The given rows, ascending and distinct, as (len(rows), d) float32; `keep` if they will be wanted again."""
        ...


def take(source: VectorSource, rows: Sequence[int] | IdArray, *, gap: int = 64, keep: bool = True) -> FloatArray:
    """The given rows (any order, repeats allowed) as (len(rows), d) float32.

    Rows at most `gap` apart are read in one range, of no more than 4,096 rows, so that a sample costs few reads and
    little memory; a source that gathers rows itself is asked to, and may keep them on disk if `keep`.
    """
    wanted, inverse = np.unique(np.asarray(rows, dtype=np.int64), return_inverse=True)
    out = _gathered(source, wanted, gap, keep)
    return out if len(inverse) == len(wanted) and np.all(np.diff(inverse) > 0) else out[inverse]


def _gathered(source: VectorSource, wanted: IdArray, gap: int, keep: bool) -> FloatArray:
    """The given rows, ascending and distinct."""
    match source:
        case PrefixSource():
            return _gathered(source.source, wanted, gap, keep)
        case ExcludingSource():
            return _gathered(source.source, source.source_rows(wanted), gap, keep)
        case UnitNormSource():
            return unit_norm(_gathered(source.source, wanted, gap, keep))
        case GatheringSource():
            return source.take(wanted, keep)
    out = np.empty((len(wanted), source.d), dtype=np.float32)
    far = np.diff(wanted) > gap
    in_next_range = np.diff(wanted // MAX_RANGE_ROWS) > 0
    starts = [0, *(np.flatnonzero(far | in_next_range) + 1), len(wanted)] if len(wanted) else []
    for first, after in pairwise(starts):
        base = int(wanted[first])
        block = source.read(base, int(wanted[after - 1]) + 1)
        out[first:after] = block[wanted[first:after] - base]
    return out


def sample_rows(n: int, size: int, seed: int) -> IdArray:
    """min(n, size) distinct row numbers below n, sorted, drawn by seed."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(n, size=min(n, size), replace=False)).astype(np.int64)
