"""The TEXMEX formats .fvecs, .bvecs and .ivecs: each row is its dimension as a little-endian int32, then the values.

See http://corpus-texmex.irisa.fr. Every row must state the same dimension: the file size and a sample of rows are
checked when the file is opened, all other rows when they are read.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vq_benchmark.arrays import Array, FloatArray, IdArray
from vq_benchmark.datasets.checks.unusable_rows import probe_rows
from vq_benchmark.datasets.formats.format import Format, VectorBlocks, as_ids, write_values
from vq_benchmark.datasets.sources.file_rows import read_records
from vq_benchmark.datasets.sources.number_types import as_float32
from vq_benchmark.datasets.sources.vector_source import LeafSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

DTYPES: dict[str, np.dtype[np.generic]] = {
    ".fvecs": np.dtype("<f4"),
    ".bvecs": np.dtype(np.uint8),
    ".ivecs": np.dtype("<i4"),
}
PREFIX_BYTES = 4


@dataclass(frozen=True)
class VecsSource(LeafSource):
    """Rows that each begin with their dimension."""

    path: Path
    n: int
    d: int
    dtype: np.dtype[np.generic]

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.path,)

    def read_stored(self, start: int, stop: int) -> Array:
        """Rows [start, stop) in the dtype of the file, as a view without the prefixes."""
        records = read_records(self.path, 0, PREFIX_BYTES + self.d * self.dtype.itemsize, start, stop)
        dimensions = np.ascontiguousarray(records[:, :PREFIX_BYTES]).view("<i4")[:, 0]
        wrong = np.flatnonzero(dimensions != self.d)
        if len(wrong):
            found = dimensions[wrong[0]]
            raise InputError(
                f"{str(self.path)!r}: row {start + wrong[0]} has dimension {found}, but row 0 has {self.d}."
            )
        return records[:, PREFIX_BYTES:].view(self.dtype)

    def read(self, start: int, stop: int) -> FloatArray:
        return as_float32(self.read_stored(start, stop), self.path, start)


def open_vectors(path: Path, column: str | None) -> VecsSource:
    dtype = DTYPES[path.suffix.lower()]
    with reading(path):
        size = path.stat().st_size
        prefix = np.fromfile(path, "<i4", 1)
    if size == 0:
        return VecsSource(path, 0, 0, dtype)
    d = int(prefix[0]) if len(prefix) else 0
    row_bytes = PREFIX_BYTES + d * dtype.itemsize
    if d < 1 or size % row_bytes:
        raise InputError(
            f"{str(path)!r} is truncated or not a {path.suffix} file: {size} bytes are not whole rows of {d} {dtype} "
            "values."
        )
    source = VecsSource(path, size // row_bytes, d, dtype)
    numbers = probe_rows(source.n)
    for run in np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1):
        source.read_stored(int(run[0]), int(run[-1]) + 1)
    return source


def read_ids(path: Path) -> IdArray:
    source = open_vectors(path, None)
    return as_ids(path, source.read_stored(0, source.n))


def write(file: BinaryIO, vectors: VectorBlocks) -> None:
    for block in vectors.blocks:
        prefixes = np.full((len(block), 1), vectors.d, dtype="<i4").view(np.uint8)
        values = np.ascontiguousarray(block, dtype=vectors.dtype.newbyteorder("<")).view(np.uint8)
        write_values(file, np.hstack((prefixes, values)))


FORMAT = Format(
    extensions=tuple(DTYPES),
    description="TEXMEX rows, each with its dimension: float32, uint8, int32",
    open_vectors=open_vectors,
    read_ids=read_ids,
    writable_dtypes=lambda extension: {".fvecs": ("float32",), ".bvecs": ("uint8",)}.get(extension, ()),
    write=write,
)
