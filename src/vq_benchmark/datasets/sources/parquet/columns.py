"""Columns of lists of numbers: which one holds the vectors, and its rows as a matrix."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.datasets.formats.named_arrays import COLUMN_OPTION, no_array
from vq_benchmark.datasets.parts.origins import PLURAL, Assignment, Candidate, Origin, assigned, sole_vectors
from vq_benchmark.datasets.parts.part_names import OPTIONS, naming
from vq_benchmark.datasets.sources.number_types import as_float32
from vq_benchmark.datasets.sources.parquet.footer import values_and_rows
from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import require_memory

DAMAGE = (pa.ArrowException, ValueError, TypeError, KeyError, IndexError, NotImplementedError, OverflowError)
"""What pyarrow raises for damaged files and columns that it cannot decode, besides OSError."""
DECODED_BYTES_PER_VALUE = 4
"""Memory for decoding a value of a list, besides three times its size, as measured."""


def require_decodable(path: Path, file: pq.ParquetFile, column: str) -> None:
    """Refuse a column whose metadata claim rows too long to decode even one of them in memory."""
    element = file.schema_arrow.field(column).type
    widest = element.list_size if pa.types.is_fixed_size_list(element) else 0
    for values, rows in values_and_rows(path, column):
        widest = max(widest, -(-values // max(rows, 1)))
    size = 3 * value_dtype(file.schema_arrow, column).itemsize + DECODED_BYTES_PER_VALUE
    require_memory(widest * size, f"one row of {column!r} in {str(path)!r}, of {widest:,} values,")


def whole_column(path: Path, file: pq.ParquetFile, column: str) -> "pa.Array[Any]":
    """All rows of a column of lists; InputError if they do not fit into memory."""
    require_decodable(path, file, column)
    values = sum(values for values, _ in values_and_rows(path, column))
    size = 3 * value_dtype(file.schema_arrow, column).itemsize + DECODED_BYTES_PER_VALUE
    require_memory(values * size, f"the column {column!r} of {str(path)!r}, which is read whole,")
    return file.read(columns=[column]).column(0).combine_chunks()


def list_columns(schema: pa.Schema) -> list[str]:
    """The columns of lists, of one length or of any."""
    is_list = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return [field.name for field in schema if any(matches(field.type) for matches in is_list)]


def vector_column(path: Path, schema: pa.Schema, column: str | None) -> str:
    """The column of that name, or the one that is named as a base, or the only column of lists of floats.

    Raises:
        InputError: there is no such column, or several are possible.
    """
    return _assigned(path, schema, column).names["base"]


def column_origins(path: Path, schema: pa.Schema, column: str | None) -> tuple[Origin, ...]:
    """Which column of lists is the base, and why the others are not used."""
    return tuple(_assigned(path, schema, column).origins)


def _assigned(path: Path, schema: pa.Schema, column: str | None) -> Assignment:
    lists = list_columns(schema)
    numeric = [name for name in lists if _is_number(schema.field(name).type.value_type)]
    floats = [name for name in numeric if pa.types.is_floating(schema.field(name).type.value_type)]
    if column is not None and column not in numeric:
        raise no_array(path, f"column {column!r} of lists of numbers", numeric)
    named = sole_vectors([Candidate(name, naming(name), _is_not(name, numeric, floats)) for name in lists])
    candidates = [_alone(each) for each in named]
    made = assigned(repr(str(path)), candidates, base=column, option=COLUMN_OPTION)
    if "base" not in made.names:
        raise no_array(path, "column of lists of floats", schema.names)
    return made


def _is_not(name: str, numeric: Sequence[str], floats: Sequence[str]) -> str:
    """Why a column cannot hold vectors; whole numbers can only where the name says so."""
    possible = floats if naming(name).part is None else numeric
    return "" if name in possible else "it does not hold vectors"


def _alone(candidate: Candidate) -> Candidate:
    """The candidate, unless it is another part than the base: each part has a file of its own."""
    part = candidate.naming.part
    if part in (None, "base"):
        return candidate
    return replace(
        candidate, is_not=f"{PLURAL[part]} are read from a file of their own; give it with {OPTIONS[part]}"
    )


def value_dtype(schema: pa.Schema, column: str) -> np.dtype[np.generic]:
    """The dtype of the numbers in a column of lists."""
    dtype: np.dtype[np.generic] = np.dtype(schema.field(column).type.value_type.to_pandas_dtype())
    return dtype


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


def _is_number(arrow_type: pa.DataType) -> bool:
    return bool(pa.types.is_floating(arrow_type) or pa.types.is_integer(arrow_type))
