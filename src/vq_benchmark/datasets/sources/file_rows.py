"""Rows of equal size, stored consecutively in a file, or a matrix stored column by column.

They are read into a buffer, not memory-mapped: mapped pages count as memory of the process, so a pass over a large
file would appear to need as much memory as the file has bytes.
"""

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import PIECE_ROWS, Array, FloatArray, pieces
from vq_benchmark.datasets.sources.number_types import fill_float32
from vq_benchmark.datasets.sources.vector_source import LeafSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

COLUMNS_AT_ONCE = 64
"""The columns of a matrix stored by columns that are in memory at once, in their own type."""


@dataclass(frozen=True)
class FileRowsSource(LeafSource):
    """n rows of d values of one dtype in a file, from byte `offset` on, without gaps."""

    path: Path
    offset: int
    n: int
    d: int
    dtype: np.dtype[np.generic]
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.path,)

    def read_stored(self, start: int, stop: int) -> Array:
        """Rows [start, stop) in the dtype of the file."""
        return read_records(self.path, self.offset, self.d * self.dtype.itemsize, start, stop).view(self.dtype)

    @property
    def reading_bytes(self) -> int:
        """Nothing per row: values of another type than float32 are read 256 rows at a time."""
        return 0

    def read(self, start: int, stop: int) -> FloatArray:
        out = np.empty((stop - start, self.d), dtype=np.float32)
        self.read_into(start, out)
        return out

    def read_into(self, start: int, out: FloatArray) -> None:
        """Values that are float32 in the file go straight into `out`, others through small pieces, on all threads."""
        row_bytes = self.d * self.dtype.itemsize
        stop = start + len(out)
        with reading(self.path), self.path.open("rb", buffering=0) as file:
            if self.dtype == np.dtype(np.float32) and out.flags.c_contiguous:
                _fill(self.path, file, self.offset + start * row_bytes, out, stop)
                return
            from vq_benchmark.quantizers.kernels.tiles import in_tiles  # numba loads where rows are converted

            def convert(piece: slice) -> None:
                values = np.empty((piece.stop - piece.start, self.d), self.dtype)
                first = start + piece.start
                _fill(self.path, file, self.offset + first * row_bytes, values, stop)
                fill_float32(out[piece], values, self.path, first)

            in_tiles(len(out), convert, PIECE_ROWS)


@dataclass(frozen=True)
class FileColumnsSource(FileRowsSource):
    """The same, but stored column by column, as in Fortran; a read visits every column."""

    @property
    def reading_bytes(self) -> int:
        return min(self.d, COLUMNS_AT_ONCE) * self.dtype.itemsize

    def read_stored(self, start: int, stop: int) -> Array:
        stored = np.empty((stop - start, self.d), self.dtype)
        for columns in pieces(self.d, COLUMNS_AT_ONCE):
            stored[:, columns] = self._columns(columns, start, stop).T
        return stored

    def read_into(self, start: int, out: FloatArray) -> None:
        for columns in pieces(self.d, COLUMNS_AT_ONCE):
            values = self._columns(columns, start, start + len(out))
            fill_float32(out[:, columns], values.T, self.path, start, columns.start)

    def _columns(self, columns: slice, start: int, stop: int) -> Array:
        """(columns, rows) in the dtype of the file."""
        values = np.empty((columns.stop - columns.start, stop - start), self.dtype)
        with reading(self.path), self.path.open("rb", buffering=0) as file:
            for number, column in enumerate(range(columns.start, columns.stop)):
                at = self.offset + (column * self.n + start) * self.dtype.itemsize
                _fill(self.path, file, at, values[number], stop)
        return values


def _fill(path: Path, file: io.FileIO, offset: int, out: Array, stop: int) -> None:
    """Read the bytes of an array from `offset` on; InputError if the file ends before row `stop`.

    The position of the file does not matter and does not move, so threads may share it.
    """
    target = out.view(np.uint8).reshape(-1).data if out.size else memoryview(b"")
    done = 0
    while done < len(target):
        count = os.preadv(file.fileno(), [target[done:]], offset + done)
        if not count:
            raise InputError(f"{str(path)!r} was truncated after it was opened: it ends before row {stop - 1}.")
        done += count


def read_records(path: Path, offset: int, record_bytes: int, start: int, stop: int) -> Array:
    """Records [start, stop) of a file as (stop - start, record_bytes) uint8.

    Raises:
        InputError: the file cannot be read, or ends before record `stop`.
    """
    records = np.empty((stop - start, record_bytes), np.uint8)
    with reading(path), path.open("rb", buffering=0) as file:
        _fill(path, file, offset + start * record_bytes, records, stop)
    return records
