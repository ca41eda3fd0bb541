"""Columns of lists of numbers, as matrices, and what it takes to decode them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.datasets.sources.number_types import as_float32
from vq_benchmark.datasets.sources.parquet.footer import values_and_rows
from vq_benchmark.datasets.sources.parquet.layouts import implausible, is_list, value_dtype
from vq_benchmark.datasets.sources.parquet.vector_column import VectorColumn
from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import require_memory

DAMAGE = (pa.ArrowException, ValueError, TypeError, KeyError, IndexError, OverflowError)
"""What pyarrow raises for damaged files and columns that it cannot decode, besides OSError."""
DECODED_BYTES_PER_VALUE = 4
"""Memory for decoding a value of a list, besides three times its size, as measured."""


def require_decodable(path: Path, vectors: VectorColumn) -> None:
    """Refuse a column whose metadata claim rows too long to decode even one of them in memory."""
    widest = vectors.layout.length or 0
    if vectors.layout.kind == "lists":
        for values, rows in values_and_rows(path, vectors.name):
            widest = max(widest, -(-values // max(rows, 1)))
    what = f"one row of {vectors.name!r} in {str(path)!r}, of {widest:,} values,"
    require_memory(widest * decoding_bytes(vectors.layout.value_bytes), what)


def decoding_bytes(value_bytes: int) -> int:
    """Memory for decoding a number that takes so many bytes in a column, as measured."""
    return 3 * value_bytes + DECODED_BYTES_PER_VALUE


def whole_column(path: Path, file: pq.ParquetFile, column: str) -> "pa.Array[Any]":
    """All rows of a column of lists of numbers; InputError if they do not fit into memory."""
    stored = file.schema_arrow.field(column).type
    dtype = value_dtype(stored.value_type)
    size = decoding_bytes(8 if dtype is None else dtype.itemsize)
    widest = stored.list_size if pa.types.is_fixed_size_list(stored) else 0
    claimed = list(values_and_rows(path, column))
    values = max(sum(values for values, _ in claimed), widest)
    require_memory(values * size, f"the column {column!r} of {str(path)!r}, which is read whole,")
    return file.read(columns=[column]).column(0).combine_chunks()


def list_columns(schema: pa.Schema) -> list[str]:
    """The columns of lists, of one length or of any."""
    return [field.name for field in schema if is_list(field.type)]


def as_vectors(path: Path, column: str, lists: "pa.Array[Any]", d: int, first_row: int = 0) -> FloatArray:
    """A column of lists as (rows, d) float32; a row that is missing or empty is NaN, and so is a missing value.

    Raises:
        InputError: a row has another dimension.
    """
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    there = lengths > 0
    if there.all() and not pc.list_flatten(lists).null_count:
        return as_float32(as_matrix(path, column, lists, d, first_row), path, first_row)
    wrong = np.flatnonzero(there & (lengths != d))
    if len(wrong):
        raise _other_dimension(path, column, first_row + int(wrong[0]), int(lengths[wrong[0]]), d)
    vectors = np.full((len(lists), d), np.nan, dtype=np.float32)
    values = pc.list_flatten(lists).to_numpy(zero_copy_only=False)  # of whole numbers with gaps: float64 with NaN
    vectors[there] = as_float32(np.asarray(values).reshape(-1, d), path, first_row)
    return vectors


def first_length(lists: "pa.Array[Any]") -> int:
    """The number of values in the first row that is not missing or empty; 0 if there is none."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return int(lengths[np.argmax(lengths > 0)]) if len(lengths) else 0


def require_plausible(path: Path, vectors: VectorColumn, lists: "pa.Array[Any]", d: int) -> None:
    """Refuse bytes that were probably not written from float32, as their first row (the first list) shows."""
    if vectors.layout.kind != "bytes":
        return
    filled = as_vectors(path, vectors.name, lists, d)
    if implausible(filled[~np.isnan(filled).all(axis=1)][:1]):
        raise InputError(
            f"{str(path)!r}: {vectors.name!r} holds bytes that are probably not float32; save the column as lists of "
            "numbers."
        )


def as_matrix(path: Path, column: str, lists: "pa.Array[Any]", d: int, first_row: int = 0) -> Array:
    """A column of lists as (rows, d), in its own dtype; `first_row` is the number in the file of its first row.

    Raises:
        InputError: a row is missing, has another dimension, or holds a missing value.
    """
    lengths = pc.fill_null(pc.list_value_length(lists), -1).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(lengths != d)
    if len(wrong):
        raise _other_dimension(path, column, first_row + int(wrong[0]), int(lengths[wrong[0]]), d)
    values = pc.list_flatten(lists)
    if values.null_count:
        row = first_row + int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0]) // d
        raise InputError(f"{str(path)!r}: row {row} of {column!r} holds a missing value.")
    return np.asarray(values.to_numpy(zero_copy_only=False)).reshape(len(lists), d)


def _other_dimension(path: Path, column: str, row: int, found: int, d: int) -> InputError:
    has = "is missing" if found < 0 else f"has dimension {found}"
    return InputError(f"{str(path)!r}: row {row} of {column!r} {has}, but others have dimension {d}.")
