"""Vectors read by row range, never the whole file: what a source is, and a source over an array."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from vq_benchmark.arrays import Array, FloatArray, IdArray
from vq_benchmark.datasets.sources.number_types import as_float32

MAX_RANGE_ROWS = 4096
"""The most rows that are read at once for a sample, and that a wrapper has in memory twice."""


class VectorSource(Protocol):
    """n vectors of dimension d, stored somewhere as dtype, read by row range.

    A class that reads rows itself inherits `LeafSource`, and one that changes another source `WrappedSource`; they
    answer everything below `read`.
    """

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

    def read_into(self, start: int, out: FloatArray) -> None:
        """Fill `out` (rows, d) with the rows from `start` on."""
        ...

    def release(self) -> None:
        """Free what is held between two reads; the next read loads it again."""
        ...

    @property
    def paths(self) -> tuple[Path, ...] | None:
        """All files that rows are read from: () if the rows are computed, None if the files are unknown."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about how the rows are read, such as a type that was guessed."""
        ...

    @property
    def reading_bytes(self) -> int:
        """Bytes that a read needs for each of its rows, beside the row as float32."""
        ...

    @property
    def held_bytes(self) -> int:
        """Bytes that the source holds between two reads."""
        ...

    def gather(self, rows: IdArray, *, gap: int, keep: bool) -> FloatArray:
        """The given rows, ascending and distinct, as a new array (len(rows), d) float32; see `take`."""
        ...

    def rows_in_file(self, rows: IdArray) -> IdArray:
        """The numbers (n,) int64 under which a person finds these rows (n,) in the file."""
        ...

    def with_held_out_rows(self) -> "VectorSource":
        """The source before rows were held out of it, so that every row has its number in the file."""
        ...

    def stored_range(self, start: int, stop: int) -> "tuple[VectorSource, int, int]":
        """The source below all wrappers, and the range of its rows that rows [start, stop) are read from."""
        ...

    def with_stored(self, stored: "VectorSource") -> "VectorSource":
        """The same wrappers around another source than the one that `stored_range` returns."""
        ...


class LeafSource:
    """What a source that reads rows itself answers; it adds n, d, dtype and read, and overrides what differs."""

    def read_into(self: VectorSource, start: int, out: FloatArray) -> None:
        out[...] = self.read(start, start + len(out))

    def release(self) -> None:
        """Nothing is held."""

    @property
    def paths(self) -> tuple[Path, ...] | None:
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    @property
    def reading_bytes(self: VectorSource) -> int:
        return 0 if self.dtype == "float32" else self.d * self.dtype.itemsize

    @property
    def held_bytes(self) -> int:
        return 0

    def gather(self: VectorSource, rows: IdArray, *, gap: int, keep: bool) -> FloatArray:
        """Rows at most `gap` apart are read in one range, of no more than 4,096 rows."""
        out = np.empty((len(rows), self.d), dtype=np.float32)
        far = np.diff(rows) > gap
        in_next_range = np.diff(rows // MAX_RANGE_ROWS) > 0
        starts = [0, *(np.flatnonzero(far | in_next_range) + 1), len(rows)] if len(rows) else []
        for first, after in pairwise(starts):
            base = int(rows[first])
            block = self.read(base, int(rows[after - 1]) + 1)
            out[first:after] = block[rows[first:after] - base]
        return out

    def rows_in_file(self, rows: IdArray) -> IdArray:
        return rows

    def with_held_out_rows(self: VectorSource) -> VectorSource:
        return self

    def stored_range(self: VectorSource, start: int, stop: int) -> tuple[VectorSource, int, int]:
        return self, start, stop

    def with_stored(self, stored: VectorSource) -> VectorSource:
        return stored


@dataclass(frozen=True)
class ArraySource(LeafSource):
    """A source over an array (n, d), in memory or memory-mapped."""

    array: Array
    files: tuple[Path, ...] | None = None
    """The files that it was read from; None if they are unknown."""
    numbers: IdArray | None = None
    """(n,) int64 numbers of its rows in the file; None: they are numbered from 0."""

    @property
    def n(self) -> int:
        return int(self.array.shape[0])

    @property
    def d(self) -> int:
        return int(self.array.shape[1])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.array.dtype

    @property
    def paths(self) -> tuple[Path, ...] | None:
        return self.files

    def read(self, start: int, stop: int) -> FloatArray:
        return as_float32(self.array[start:stop], self.files[0] if self.files else None, start)

    def rows_in_file(self, rows: IdArray) -> IdArray:
        return rows if self.numbers is None else self.numbers[rows]
