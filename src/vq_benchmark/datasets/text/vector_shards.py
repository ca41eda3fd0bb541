"""Vectors in shards on disk: each is a file that is complete or absent, so a killed job resumes with the others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vq_benchmark.arrays import Array
from vq_benchmark.datasets.formats import npy
from vq_benchmark.datasets.formats.format import VectorBlocks
from vq_benchmark.datasets.text.records import TextRecord
from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write

Embed = Callable[[Iterator[TextRecord], int], Iterable[Array]]
"""Maps records, and the number of the first one, to their vectors in blocks of rows."""
COPIED_ROWS = 16_384


@dataclass(frozen=True)
class Shards:
    """n vectors of dimension d in files of `rows` vectors each; the last one may hold fewer."""

    folder: Path
    n: int
    rows: int
    d: int
    dtype: np.dtype[np.generic]

    @property
    def count(self) -> int:
        return -(-self.n // self.rows)

    def path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.npy"

    def span(self, number: int) -> tuple[int, int]:
        """The rows [start, stop) of a shard."""
        return number * self.rows, min((number + 1) * self.rows, self.n)

    def missing(self) -> list[int]:
        """The shards that do not exist yet."""
        return [number for number in range(self.count) if not self.path(number).is_file()]

    def rows_there(self) -> int:
        """The number of rows in existing shards."""
        return self.n - sum(stop - start for start, stop in map(self.span, self.missing()))

    def write(self, numbers: Sequence[int], records: Iterator[TextRecord], embed: Embed) -> None:
        """Write shards, in ascending order, in one pass over all records.

        Raises:
            InputError: there are fewer records than n, or a file cannot be written.
        """
        position = 0
        for number in numbers:
            start, stop = self.span(number)
            skipped = islice(records, start - position)
            if sum(1 for _ in skipped) < start - position:
                raise self._shortened(start)
            with atomic_write(self.path(number)) as file:
                self._store(file, stop - start, embed(islice(records, stop - start), start))
            position = stop

    def join(self, path: Path) -> None:
        """Copy all shards, one after another, into one .npy file.

        Raises:
            InputError: a shard is missing or has the wrong shape or dtype.
        """
        with atomic_write(path) as file:
            self._store(file, self.n, self._copied())

    def _copied(self) -> Iterator[Array]:
        for number in range(self.count):
            start, stop = self.span(number)
            shard = npy.open_vectors(self.path(number), None)
            if (shard.n, shard.d, shard.dtype) != (stop - start, self.d, self.dtype):
                raise InputError(
                    f"{str(shard.path)!r} holds {shard.n} x {shard.d} {shard.dtype} vectors instead of "
                    f"{stop - start} x {self.d} {self.dtype}; delete it and rerun the command."
                )
            for first in range(0, shard.n, COPIED_ROWS):
                yield shard.read_stored(first, min(first + COPIED_ROWS, shard.n))

    def _store(self, file: BinaryIO, rows: int, blocks: Iterable[Array]) -> None:
        written = 0

        def counted() -> Iterator[Array]:
            nonlocal written
            for block in blocks:
                written += len(block)
                yield block

        npy.write(file, VectorBlocks(rows, self.d, self.dtype, counted()))
        if written != rows:
            raise self._shortened(written)

    def _shortened(self, rows: int) -> InputError:
        return InputError(
            f"the text was truncated while it was embedded: only {rows} of {self.n} records were found."
        )
