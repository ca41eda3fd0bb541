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
from vq_benchmark.datasets.sources.parquet.columns import DAMAGE, as_vectors, first_length, value_dtype, vector_column
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.memory import require_memory

FILE_MAGIC = b"ARROW1"


class ArrowSource(BlockwiseSource):
    """A column of lists, whose blocks are the record batches.

    A stream has no index, so its batches are read forward, and from its beginning to go back.
    """

    def __init__(self, path: Path, column: str | None) -> None:
        self.path = path
        with reading(path, *DAMAGE), pa.memory_map(str(path)) as file, _opened(file, path) as reader:
            self.column = vector_column(path, reader.schema, column)
            dtype = value_dtype(reader.schema, self.column)
            require_vector_dtype(path, dtype)
            sizes, d = [], 0
            for batch in _batches(reader):  # nothing but the sizes is read: the file is mapped
                sizes.append(batch.num_rows)
                lists = batch.column(self.column)
                d = d or _checked(lists, first_length)
        super().__init__(np.cumsum([0, *sizes], dtype=np.int64), d, dtype, self._batch)
        require_memory(self.held_bytes, f"a record batch of {str(path)!r}, which is read whole,")
        self._forward: tuple[int, Iterator[Any]] | None = None

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
            lists = _checked(self._lists(index), lambda column: column)
            rows = as_vectors(self.path, self.column, lists, self.d, first)
        if len(rows) != self.edges[index + 1] - first:
            raise InputError(f"{str(self.path)!r} changed after it was opened.")
        return rows

    def _lists(self, index: int) -> Any:
        if self._forward is None or self._forward[0] > index:
            self._forward = (0, self._columns())
        at, batches = self._forward
        for _ in range(index - at):
            next(batches)
        self._forward = (index + 1, batches)
        found = next(batches, None)
        if found is None:
            raise InputError(f"{str(self.path)!r} was truncated after it was opened.")
        return found

    def _columns(self) -> Iterator[Any]:
        with pa.OSFile(str(self.path)) as file, _opened(file, self.path) as reader:
            for batch in _batches(reader):
                yield batch.column(self.column)


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


def _checked(lists: Any, then: Any) -> Any:
    """What `then` makes of a column whose offsets are sound: Arrow does not check those of a damaged file itself."""
    lists.validate(full=True)
    return then(lists)
