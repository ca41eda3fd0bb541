"""Rows copied to fast space on the node, to be read from there while a pass goes over them again and again."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.datasets.sources.vector_source import MAX_RANGE_ROWS, LeafSource, VectorSource, as_float32
from vq_benchmark.machine.memory import readable_bytes
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.machine.scratch import VARIABLES, scratch_folder, usable_bytes

SMALL_DTYPES = ("float16", "int8", "uint8")
"""Dtypes whose values come back unchanged from float32, and take less room. All others are copied as float32, which
is what they are read as."""


@dataclass(frozen=True)
class StagedSource(LeafSource):
    """Another source of which the rows [start, stop) are read from a copy; a read that leaves them is not."""

    source: VectorSource
    copy: BinaryIO
    start: int
    stop: int

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

    def read(self, start: int, stop: int) -> FloatArray:
        if not self.start <= start <= stop <= self.stop:
            return self.source.read(start, stop)
        dtype = staged_dtype(self.dtype)
        self.copy.seek((start - self.start) * self.d * dtype.itemsize)
        values = np.fromfile(self.copy, dtype, (stop - start) * self.d)
        return as_float32(values.reshape(stop - start, self.d))


@contextmanager
def staged(
    source: VectorSource, start: int, stop: int, report: Reporter, environment: Mapping[str, str] = os.environ
) -> Iterator[VectorSource]:
    """The source with its rows [start, stop) read from a copy in $SLURM_TMPDIR or $TMPDIR, bit for bit the same.

    Where there is no such folder or too little room in it, a remark is made and the source is given as it is. The
    copy is in the dtype of the file; under cosine it is of the rows before they are divided by their norm. It is a
    file without a name, so that the system removes it however the process ends.

    Args:
        source: memory while it is copied: 4,096 rows.
        start, stop: whole tiles of the grid, so that no read of a pass leaves them.
    """
    folder = scratch_folder(environment)
    origin, first, after = source.stored_range(start, stop)
    needed = (after - first) * origin.d * staged_dtype(origin.dtype).itemsize
    if folder is None:
        report.say(f"nothing is staged: neither {' nor '.join(VARIABLES)} names a folder that can be written to.")
        yield source
    elif needed > usable_bytes(folder):
        report.say(
            f"nothing is staged: rows {start:,} to {stop:,} take {readable_bytes(needed)}, and of the free space in "
            f"{str(folder)!r} only {readable_bytes(usable_bytes(folder))} may be used."
        )
        yield source
    else:
        with TemporaryFile(dir=folder) as file:
            copy = StagedSource(origin, file, first, after)
            yield source.with_stored(copy) if _is_filled(copy, report) else source


def staged_dtype(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """In what dtype rows of a dtype are copied."""
    return np.dtype(dtype.name if dtype.name in SMALL_DTYPES else "float32")


def _is_filled(copy: StagedSource, report: Reporter) -> bool:
    """Write the rows of a copy; False, with a remark, where its disk takes them no longer."""
    dtype = staged_dtype(copy.dtype)
    with report.task("copying to scratch space", copy.stop - copy.start) as update:
        try:
            for start in range(copy.start, copy.stop, MAX_RANGE_ROWS):
                stop = min(start + MAX_RANGE_ROWS, copy.stop)
                copy.copy.write(copy.source.read(start, stop).astype(dtype).data)
                update(stop - copy.start)
            copy.copy.flush()
        except OSError as error:
            report.say(f"nothing is staged: the copy cannot be written ({error.strerror or error}).")
            return False
    return True
