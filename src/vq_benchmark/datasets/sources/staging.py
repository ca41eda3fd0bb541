"""Rows copied to fast scratch space on the node, so that repeated passes read them from there."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.datasets.sources.number_types import as_float32
from vq_benchmark.datasets.sources.vector_source import MAX_RANGE_ROWS, LeafSource, VectorSource
from vq_benchmark.machine.memory import readable_bytes
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.machine.scratch import VARIABLES, scratch_folder, usable_bytes

SMALL_DTYPES = ("float16", "int8", "uint8")
"""Dtypes that survive the round trip through float32 and take less space. All others are copied as float32, which is
how they are read."""


@dataclass(frozen=True)
class StagedSource(LeafSource):
    """Another source whose rows [start, stop) are read from a copy; other reads use the source itself."""

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

    If there is no such folder, or too little space in it, `report` says so and the source itself is returned. The
    copy has the dtype of the file; under cosine it holds the rows before they are divided by their norm. It is an
    unnamed file, so the system removes it however the process ends. Copying takes the memory of 4,096 rows.

    Args:
        start, stop: whole tiles of the grid, so that no read of a pass goes beyond them.
    """
    folder = scratch_folder(environment)
    origin, first, after = source.stored_range(start, stop)
    needed = (after - first) * origin.d * staged_dtype(origin.dtype).itemsize
    if folder is None:
        report.say(f"nothing is staged: neither {' nor '.join(VARIABLES)} names a writable folder.")
        yield source
    elif needed > usable_bytes(folder):
        report.say(
            f"nothing is staged: rows {start:,} to {stop:,} need {readable_bytes(needed)}, but only "
            f"{readable_bytes(usable_bytes(folder))} of the free space in {str(folder)!r} may be used."
        )
        yield source
    else:
        with TemporaryFile(dir=folder) as file:
            copy = StagedSource(origin, file, first, after)
            yield source.with_stored(copy) if _is_filled(copy, report) else source


def staged_dtype(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """The dtype in which rows of a dtype are copied."""
    return np.dtype(dtype.name if dtype.name in SMALL_DTYPES else "float32")


def _is_filled(copy: StagedSource, report: Reporter) -> bool:
    """Write the rows of a copy; False, with a remark, if its disk is full."""
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
