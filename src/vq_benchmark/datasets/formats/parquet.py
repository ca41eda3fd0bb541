"""Parquet with one column of lists of numbers, read a row group at a time.

So the memory is one row group of that column as float32: a file of few large row groups should be written again with
smaller ones (some 10,000 rows).
"""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vq_benchmark.arrays import Array, FloatArray, IdArray
from vq_benchmark.datasets.blockwise import BlockwiseSource
from vq_benchmark.datasets.formats.format import (
    BASE_NAMES,
    NEIGHBOR_NAMES,
    Format,
    VectorBlocks,
    as_ids,
    reading,
    require_vector_dtype,
)
from vq_benchmark.datasets.source import as_float32
from vq_benchmark.errors import InputError

WRITABLE = ("float32", "float16", "float64")


def open_vectors(path: Path, column: str | None) -> BlockwiseSource:
    """The column of that name, or the first list column of the usual names, or the only column of lists of floats."""
    with reading(path, pa.ArrowException), pq.ParquetFile(path) as file:
        metadata = file.metadata
        name = _vector_column(path, file.schema_arrow, column)
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        first = next(file.iter_batches(batch_size=1, columns=[name]), None)
        d = _first_length(first.column(0)) if first is not None else 0
        dtype = np.dtype(file.schema_arrow.field(name).type.value_type.to_pandas_dtype())
    require_vector_dtype(path, dtype)
    edges = np.cumsum([0, *sizes], dtype=np.int64)

    def read_group(group: int) -> FloatArray:
        with reading(path, pa.ArrowException), pq.ParquetFile(path, metadata=metadata) as file:
            lists = file.read_row_group(group, columns=[name], use_threads=False).column(0)
        return as_float32(_as_matrix(path, name, lists, d, int(edges[group])))

    return BlockwiseSource(edges, d, dtype, read_group)


def read_ids(path: Path) -> IdArray:
    with reading(path, pa.ArrowException):
        table = pq.read_table(path)
    for name in NEIGHBOR_NAMES:
        if name in table.column_names and _is_list(table.schema.field(name).type):
            return as_ids(path, _as_matrix(path, name, table.column(name)))
    raise InputError(f"{str(path)!r} has no column of lists named {' or '.join(NEIGHBOR_NAMES)}.")


def _is_list(arrow_type: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(arrow_type) or types.is_large_list(arrow_type) or types.is_fixed_size_list(arrow_type))


def _vector_column(path: Path, schema: pa.Schema, column: str | None) -> str:
    lists = [field.name for field in schema if _is_list(field.type)]
    numeric = [name for name in lists if _is_number(schema.field(name).type.value_type)]
    floats = [name for name in numeric if pa.types.is_floating(schema.field(name).type.value_type)]
    if column is not None:
        if column not in numeric:
            raise InputError(
                f"{str(path)!r} has no column {column!r} of lists of numbers; it has {', '.join(numeric) or 'none'}."
            )
        return column
    named = [name for name in BASE_NAMES if name in numeric]
    if named or len(floats) == 1:
        return named[0] if named else floats[0]
    if floats:
        raise InputError(f"{str(path)!r} has several columns of vectors; choose one of {', '.join(floats)}.")
    raise InputError(f"{str(path)!r} has no column of lists of floats; its columns are {', '.join(schema.names)}.")


def _is_number(arrow_type: pa.DataType) -> bool:
    return bool(pa.types.is_floating(arrow_type) or pa.types.is_integer(arrow_type))


def _first_length(lists: "pa.Array[Any]") -> int:
    return int(pc.list_value_length(lists)[0].as_py() or 0) if len(lists) else 0


def _as_matrix(
    path: Path, name: str, column: "pa.ChunkedArray[Any]", d: int | None = None, first_row: int = 0
) -> Array:
    """A column of lists as (rows, d); without d, that of the first row.

    Raises:
        InputError: a row is missing, has another dimension, or holds a missing value.
    """
    lists = column.combine_chunks()
    d = _first_length(lists) if d is None else d
    lengths = pc.fill_null(pc.list_value_length(lists), -1).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(lengths != d)
    if len(wrong):
        found = lengths[wrong[0]]
        has = "is missing" if found < 0 else f"has dimension {found}"
        raise InputError(f"{str(path)!r}: row {first_row + wrong[0]} of {name!r} {has}, but row 0 has dimension {d}.")
    values = pc.list_flatten(lists)
    if values.null_count:
        row = first_row + int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0]) // d
        raise InputError(f"{str(path)!r}: row {row} of {name!r} holds a missing value.")
    return np.asarray(values.to_numpy(zero_copy_only=False)).reshape(len(lists), d)


def write(file: BinaryIO, vectors: VectorBlocks) -> None:
    """A column `emb` of fixed-size lists; a row group per block."""
    element = pa.from_numpy_dtype(vectors.dtype)
    schema = pa.schema([("emb", pa.list_(element, vectors.d))])
    with pq.ParquetWriter(file, schema) as writer:
        for block in vectors.blocks:
            column = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel(), type=element), vectors.d)
            writer.write_table(pa.table([column], schema=schema))


FORMAT = Format(
    extensions=(".parquet",),
    description="Parquet with a column of lists of numbers",
    open_vectors=open_vectors,
    has_columns=True,
    read_ids=read_ids,
    writable_dtypes=lambda extension: WRITABLE,
    write=write,
)
