"""Rows of equal size, stored consecutively in a file.

They are read into a buffer, not memory-mapped: mapped pages count as memory of the process, so a pass over a large
file would appear to need as much memory as the file has bytes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.datasets.sources.vector_source import LeafSource, as_float32
from vq_benchmark.errors import InputError


@dataclass(frozen=True)
class FileRowsSource(LeafSource):
    """n rows of d values of one dtype in a file, from byte `offset` on, without gaps."""

    path: Path
    offset: int
    n: int
    d: int
    dtype: np.dtype[np.generic]

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.path,)

    def read_stored(self, start: int, stop: int) -> Array:
        """Rows [start, stop) in the dtype of the file."""
        return read_records(self.path, self.offset, self.d * self.dtype.itemsize, start, stop).view(self.dtype)

    def read(self, start: int, stop: int) -> FloatArray:
        return as_float32(self.read_stored(start, stop))


def read_records(path: Path, offset: int, record_bytes: int, start: int, stop: int) -> Array:
    """Records [start, stop) of a file as (stop - start, record_bytes) uint8.

    Raises:
        InputError: the file cannot be read, or ends before record `stop`.
    """
    count = (stop - start) * record_bytes
    try:
        found = np.fromfile(path, np.uint8, count, offset=offset + start * record_bytes)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    if len(found) != count:
        raise InputError(f"{str(path)!r} was truncated after it was opened: it ends before row {stop - 1}.")
    return found.reshape(stop - start, record_bytes)
