"""Vectors in a file of Arrow's IPC format, or in a stream of it, read one record batch at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vq_benchmark.arrays import FloatArray
from vq_benchmark.datasets.formats.format import require_vector_dtype
from vq_benchmark.datasets.sources.blockwise import BlockwiseSource
from vq_benchmark.datasets.sources.parquet.columns import DAMAGE, as_vectors, first_length, require_plausible
from vq_benchmark.datasets.sources.parquet.row_index import SEARCHED_ROWS
from vq_benchmark.datasets.sources.parquet.vector_column import vector_column
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.memory import require_memory

FILE_MAGIC = b"ARROW1"


class ArrowSource(BlockwiseSource):
    """A column of vectors, or a column for each of their numbers; the blocks are the record batches.

    A stream has no index, so its batches are read forward, and from its beginning to go back.
    """

    def __init__(self, path: Path, column: str | None) -> None:
        self.path = path
        with reading(path, *DAMAGE), pa.memory_map(str(path)) as file, _opened(file, path) as reader:
            self.vectors = vector_column(path, reader.schema, column)
            dtype = self.vectors.layout.dtype
            require_vector_dtype(path, dtype)
            sizes, d = [], 0
            for batch in _batches(reader):  # nothing but the sizes and one row is read: the file is mapped
                sizes.append(batch.num_rows)
                d = d or self._dimension(batch, sum(sizes) - len(batch))
        super().__init__(np.cumsum([0, *sizes], dtype=np.int64), d, dtype, self._batch)
        require_memory(self.held_bytes, f"a record batch of {str(path)!r}, which is read whole,")
        self._forward: tuple[int, Iterator[Any]] | None = None

    @property
    def held_bytes(self) -> int:
        """The block that is kept, as float32 and as it is in the file."""
        extra = self.vectors.layout.value_bytes - self.dtype.itemsize
        return super().held_bytes + int(np.diff(self.edges).max(initial=0)) * self.d * extra

    @property
    def notes(self) -> tuple[str, ...]:
        return self.vectors.notes

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.path,)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None, "_forward": None}

    def release(self) -> None:
        super().release()
        self._forward = None

    def _batch(self, index: int) -> FloatArray:
        first = int(self.edges[index])
        with reading(self.path, *DAMAGE):
            lists = self._lists(self._record(index), first)
            rows = as_vectors(self.path, self.vectors.name, lists, self.d, first)
        if len(rows) != self.edges[index + 1] - first:
            raise InputError(f"{str(self.path)!r} changed after it was opened.")
        return rows

    def _lists(self, batch: Any, first: int) -> Any:
        """The vectors of a batch, whose offsets are sound: Arrow does not check those of a damaged file itself."""
        for column in self.vectors.columns:
            batch.column(column).validate(full=True)
        return self.vectors.lists(batch, self.path, first)

    def _dimension(self, batch: Any, first: int) -> int:
        """The dimension of the first row of a batch that is not missing or empty; 0 if there is none."""
        for start in range(0, len(batch), SEARCHED_ROWS):
            lists = self._lists(batch.slice(start, SEARCHED_ROWS), first + start)
            if d := first_length(lists):
                require_plausible(self.path, self.vectors, lists, d)
                return d
        return 0

    def _record(self, index: int) -> Any:
        if self._forward is None or self._forward[0] > index:
            self._forward = (0, self._read_batches())
        at, batches = self._forward
        for _ in range(index - at):
            next(batches)
        self._forward = (index + 1, batches)
        found = next(batches, None)
        if found is None:
            raise InputError(f"{str(self.path)!r} was truncated after it was opened.")
        return found

    def _read_batches(self) -> Iterator[Any]:
        with pa.OSFile(str(self.path)) as file, _opened(file, self.path) as reader:
            yield from _batches(reader)


def schema_of(path: Path) -> pa.Schema:
    """The columns of a file or a stream; InputError if it is neither."""
    with reading(path, *DAMAGE), pa.memory_map(str(path)) as file, _opened(file, path) as reader:
        return reader.schema


@contextmanager
def _opened(file: Any, path: Path) -> Iterator[Any]:
    with path.open("rb") as start:
        is_file = start.read(len(FILE_MAGIC)) == FILE_MAGIC
    with pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file) as reader:
        yield reader


def _batches(reader: Any) -> Iterator[Any]:
    if hasattr(reader, "num_record_batches"):
        return (reader.get_batch(number) for number in range(reader.num_record_batches))
    return iter(reader)
