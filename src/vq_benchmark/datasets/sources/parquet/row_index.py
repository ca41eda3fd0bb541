"""The row groups of a set of parquet files: an index that is read once and kept.

The footers of a large set describe hundreds of thousands of row groups; the index is two small arrays.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.formats.format import require_vector_dtype
from vq_benchmark.datasets.sources.number_types import (
    NumberType,
    common_type,
    differing_types,
    named_type,
    type_name,
)
from vq_benchmark.datasets.sources.parquet.columns import (
    DAMAGE,
    first_length,
    require_decodable,
    require_plausible,
)
from vq_benchmark.datasets.sources.parquet.vector_column import VectorColumn, vector_column
from vq_benchmark.errors import InputError
from vq_benchmark.machine.archive import pack, unpack
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.damage import reading, taking_apart

FORMAT_VERSION = 2
KEPT = ("column", "d", "dtype", "value_bytes", "is_wide", "notes", "identity")
SEARCHED_ROWS = 64
"""Rows that are decoded at a time to find one that is not missing; few, because they may be long."""


@dataclass(frozen=True)
class RowIndex:
    """The row groups of some files, one after another, and the column, dimension and dtype of their vectors."""

    column: str
    """What `VectorColumn` calls the column, or the columns."""
    d: int
    dtype: NumberType
    value_bytes: int
    """Bytes of a number in the file that takes the most."""
    is_wide: bool
    """Whether each number of a vector has a column of its own."""
    notes: tuple[str, ...]
    edges: IdArray
    """(groups + 1,) int64: group g holds the rows [edges[g], edges[g + 1]) of all files together."""
    first_groups: IdArray
    """(files + 1,) int64: file i holds the groups [first_groups[i], first_groups[i + 1])."""
    identity: str
    """Hash of the files' paths, sizes and modification times, and of the column."""

    @property
    def n(self) -> int:
        return int(self.edges[-1])

    def group_of(self, row: int) -> int:
        """The group that holds a row."""
        return int(np.searchsorted(self.edges, row, side="right")) - 1

    def file_of(self, group: int) -> int:
        """The file that holds a group."""
        return int(np.searchsorted(self.first_groups, group, side="right")) - 1

    def first_row_of(self, file: int) -> int:
        """The number of the first row of a file, counted over all files."""
        return int(self.edges[self.first_groups[file]])


def row_index(paths: Sequence[Path], column: str | None, cache: Path | None = None) -> RowIndex:
    """The index of the rows of some parquet files; kept in the folder `cache`, if one is given.

    Raises:
        InputError: a file is not parquet, or its vectors differ in column, dtype or dimension.
    """
    identity = _identity(paths, column)
    kept = None if cache is None else cache / f"{identity}.npz"
    if kept is not None and kept.is_file():
        with suppress(ValueError, OSError):  # damaged: build it again
            return _unpacked(kept.read_bytes())
    index = _made(paths, column, identity)
    if kept is not None:
        # the index is only a cache: a full or read-only disk must not stop the run
        with suppress(InputError), atomic_write(kept) as file:
            file.write(_packed(index))
    return index


def _identity(paths: Sequence[Path], column: str | None) -> str:
    facts: list[object] = [FORMAT_VERSION, column]
    for path in paths:
        with reading(path):
            status = path.stat()
        facts.append((str(path.resolve()), status.st_size, status.st_mtime_ns))
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def _made(paths: Sequence[Path], column: str | None, identity: str) -> RowIndex:
    sizes: list[int] = []
    first_groups = [0]
    found: list[VectorColumn] = []
    d = 0
    for path in paths:
        with reading(path, *DAMAGE), pq.ParquetFile(path, pre_buffer=False) as file:
            metadata = file.metadata
            vectors = vector_column(path, file.schema_arrow, found[0].name if found else column)
            sizes += [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
            require_decodable(path, vectors)
            d = d or _dimension(path, file, vectors)
        require_vector_dtype(path, vectors.layout.dtype)
        found.append(vectors)
        first_groups.append(len(sizes))
    dtypes = [each.layout.dtype for each in found]
    dtype = common_type(dtypes)
    return RowIndex(
        column=found[0].name,
        d=d,
        dtype=dtype,
        value_bytes=max(each.layout.value_bytes for each in found),
        is_wide=found[0].layout.kind == "columns",
        notes=(*dict.fromkeys(note for each in found for note in each.notes), *differing_types(dtypes, dtype)),
        edges=np.cumsum([0, *sizes], dtype=np.int64),
        first_groups=np.array(first_groups, dtype=np.int64),
        identity=identity,
    )


def _dimension(path: Path, file: pq.ParquetFile, vectors: VectorColumn) -> int:
    """The dimension of the first row that is not missing or empty; 0 if there is none."""
    first_row = 0
    for rows in (1, SEARCHED_ROWS):  # the first row is seldom missing, and rows may be long
        for batch in file.iter_batches(batch_size=rows, columns=list(vectors.columns), use_threads=False):
            lists = vectors.lists(batch, path, first_row)
            if d := first_length(lists):
                require_plausible(path, vectors, lists, d)
                return d
            if rows == 1:
                break
            first_row += len(batch)
    return 0


def _packed(index: RowIndex) -> bytes:
    facts = {field: getattr(index, field) for field in KEPT}
    header = {**facts, "dtype": type_name(index.dtype)}
    return pack(header, {"edges": index.edges, "first_groups": index.first_groups})


@taking_apart("the index of parquet files")
def _unpacked(data: bytes) -> RowIndex:
    header, arrays = unpack(data)
    facts = {field: header[field] for field in KEPT}
    facts |= {"dtype": named_type(header["dtype"]), "notes": tuple(header["notes"])}
    return RowIndex(**facts, edges=arrays["edges"], first_groups=arrays["first_groups"])
