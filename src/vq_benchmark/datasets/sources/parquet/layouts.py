"""The ways in which columns of Arrow keep vectors, each of them turned into lists of numbers.

A row has a list of numbers, a list of one such list, bytes, text, or one number in each of d columns. Extension types
count as what they are stored as.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vq_benchmark.arrays import Array, IdArray
from vq_benchmark.datasets.sources.number_types import BFLOAT16, NumberType, common_type
from vq_benchmark.errors import InputError

FLOAT32: NumberType = np.dtype("<f4")
TEXT_BYTES = 24
"""A number of a vector as text, with its separator."""
FEWEST_COLUMNS = 4
"""Numbered columns that are a vector; fewer are more likely something else."""
AROUND_LISTS = "[] \t\r\n"
PLAUSIBLE = (1e-7, 1e9)
"""Where the sizes of most values of a vector lie; those of float16 or float64 taken for float32 lie outside."""
MULTI_VECTOR = "of a row (multi-vector, as of ColBERT), but only one can be measured; name another column"
_LISTS = tuple(
    getattr(pa.types, f"is_{kind}")
    for kind in ("list", "large_list", "fixed_size_list", "list_view", "large_list_view")
)


@dataclass(frozen=True)
class Place:
    """Where the rows that are being read are, for messages."""

    path: Path
    column: str
    first_row: int = 0

    def error(self, row: int, what: str) -> InputError:
        """The error for one of the rows, counted from the first of them."""
        return InputError(f"{str(self.path)!r}: row {self.first_row + row} of {self.column!r} {what}.")


@dataclass(frozen=True)
class Layout:
    """How a row keeps its vector."""

    kind: Literal["lists", "bytes", "text", "columns"]
    dtype: NumberType
    as_lists: Callable[[Sequence["pa.Array[Any]"], Place], "pa.Array[Any]"]
    """Makes the columns lists of numbers; InputError if a row cannot be one. A row that is missing may be empty."""
    note: str = ""
    """The end of a sentence about the column that a user should read."""
    vectors: int = 1
    """Vectors in each row, as far as the type of the column says it."""
    length: int | None = None
    """Numbers in each row, if the type says it."""

    @property
    def value_bytes(self) -> int:
        """Bytes of a number in the column."""
        return TEXT_BYTES if self.kind == "text" else self.dtype.itemsize

    @property
    def is_integers(self) -> bool:
        return self.dtype.kind in "iub"


def layout_of(field: pa.Field) -> Layout | None:
    """How a column keeps vectors; None if it does not."""
    stored = stored_type(field.type)
    if isinstance(field.type, pa.FixedShapeTensorType):
        shape = [size for size in field.type.shape if size != 1] or [1]
        return _lists_of(stored, field, vectors=1 if len(shape) == 1 else shape[0])
    if is_list(stored):
        return _lists_of(stored, field)
    if pa.types.is_string(stored) or pa.types.is_large_string(stored) or pa.types.is_string_view(stored):
        return Layout(
            "text", FLOAT32, _lists_of_text, "holds text, which is slow to read; its numbers become float32."
        )
    if pa.types.is_fixed_size_binary(stored):
        return Layout("bytes", FLOAT32, _lists_of_bytes, _BYTES) if stored.byte_width % 4 == 0 else None
    if pa.types.is_binary(stored) or pa.types.is_large_binary(stored) or pa.types.is_binary_view(stored):
        return Layout("bytes", FLOAT32, _lists_of_bytes, _BYTES)
    return None


def numbered_columns(schema: pa.Schema) -> dict[str, list[str]]:
    """By prefix, the columns of numbers that are called PREFIX0, PREFIX1 and so on without a gap, in this order."""
    families: dict[str, dict[int, str]] = {}
    for field in schema:
        found = re.fullmatch(r"(.*?)(\d+)", field.name)
        if found and value_dtype(field.type) is not None:
            families.setdefault(found[1], {})[int(found[2])] = field.name
    return {
        prefix: [numbered[number] for number in sorted(numbered)]
        for prefix, numbered in families.items()
        if len(numbered) >= FEWEST_COLUMNS and max(numbered) - min(numbered) == len(numbered) - 1
    }


def columns_layout(schema: pa.Schema, names: Sequence[str]) -> Layout:
    """A number of the vector in each of these columns."""
    types = [value_dtype(schema.field(name).type) for name in names]
    dtype = common_type(each for each in types if each is not None)
    note = f"are {len(names)} columns, each of which holds one number of the vector."
    return Layout("columns", dtype, _lists_of_columns, note, length=len(names))


def is_list(arrow_type: pa.DataType) -> bool:
    """Whether a type is a list, of one length or of any."""
    return any(matches(arrow_type) for matches in _LISTS)


def stored_type(arrow_type: pa.DataType) -> pa.DataType:
    """What an extension type is stored as; any other type itself."""
    while isinstance(arrow_type, pa.BaseExtensionType):
        arrow_type = arrow_type.storage_type
    return arrow_type


def value_dtype(arrow_type: pa.DataType) -> NumberType | None:
    """The type of one number; None for anything else. Arrow has no bfloat16, so it is kept as two bytes."""
    stored = stored_type(arrow_type)
    if pa.types.is_fixed_size_binary(stored) and stored.byte_width == BFLOAT16.itemsize:
        return BFLOAT16
    if pa.types.is_floating(stored) or pa.types.is_integer(stored) or pa.types.is_boolean(stored):
        dtype: NumberType = np.dtype(stored.to_pandas_dtype())
        return dtype
    return None


def implausible(vector: Array) -> bool:
    """Whether the values of a vector (d,), taken from bytes, are probably of another type than float32."""
    sizes = np.abs(vector[vector != 0].astype(np.float64))
    if not sizes.size:
        return False
    small, large = np.quantile(sizes, (0.1, 0.9), method="nearest")
    return not PLAUSIBLE[0] < small <= large < PLAUSIBLE[1]


_BYTES = "holds bytes; they are read as little-endian float32."
_RAW = "holds 2-byte values without a type; they are read as bfloat16."


def _lists_of(stored: pa.DataType, field: pa.Field, vectors: int = 1) -> Layout | None:
    """The layout of a column of lists, or of lists of one list."""
    inner = stored_type(stored.value_type)
    length = stored.list_size if pa.types.is_fixed_size_list(stored) else None
    as_lists = _flat_lists
    if is_list(inner):
        vectors = 1 if length is None else length
        length = inner.list_size if pa.types.is_fixed_size_list(inner) else None
        as_lists, inner = _only_lists, stored_type(inner.value_type)
    dtype = value_dtype(inner)
    if dtype is None:
        return None
    note = _RAW if dtype == BFLOAT16 and not _states_bfloat16(field) else ""
    return Layout("lists", dtype, as_lists, note, vectors, length)


def _states_bfloat16(field: pa.Field) -> bool:
    """Whether the extension type of the numbers in a list is called bfloat16, as that of Lance."""
    value = field.type.value_field if is_list(field.type) else field
    name = value.type.extension_name if isinstance(value.type, pa.BaseExtensionType) else ""
    return "bfloat16" in name or b"bfloat16" in (value.metadata or {}).get(b"ARROW:extension:name", b"")


def _flat_lists(columns: Sequence["pa.Array[Any]"], place: Place) -> "pa.Array[Any]":
    lists = _stored(columns[0])
    is_common = pa.types.is_primitive(lists.type.value_type) and not _is_view(lists.type)
    return lists if is_common else _listed(_lengths(lists), _numbers(pc.list_flatten(lists)))


def _only_lists(columns: Sequence["pa.Array[Any]"], place: Place) -> "pa.Array[Any]":
    """The only list in each list."""
    lists = _stored(columns[0])
    counts = _lengths(lists)
    if (counts > 1).any():
        row = int((counts > 1).argmax())
        raise place.error(row, f"holds {counts[row]} vectors {MULTI_VECTOR} with --vector-column")
    inner = _stored(pc.list_flatten(lists))
    counts[counts == 1] = _lengths(inner)
    return _listed(counts, _numbers(pc.list_flatten(inner)))


def _lists_of_bytes(columns: Sequence["pa.Array[Any]"], place: Place) -> "pa.Array[Any]":
    rows = _stored(columns[0])
    rows = rows.cast(pa.large_binary()) if pa.types.is_binary_view(rows.type) else rows
    lengths = np.asarray(pc.fill_null(pc.binary_length(rows), 0)).astype(np.int64)
    odd = lengths % FLOAT32.itemsize != 0
    if odd.any():
        raise place.error(int(odd.argmax()), f"holds {lengths[odd.argmax()]} bytes, which are not values of float32")
    values = np.frombuffer(b"".join(rows.drop_null().to_pylist()), FLOAT32)
    return _listed(lengths // FLOAT32.itemsize, pa.array(values))


def _lists_of_text(columns: Sequence["pa.Array[Any]"], place: Place) -> "pa.Array[Any]":
    trimmed = pc.utf8_trim(_stored(columns[0]).cast(pa.large_string()), AROUND_LISTS)
    there = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)
    lists = pc.split_pattern(there, ",")
    values = pc.utf8_trim_whitespace(pc.list_flatten(lists))
    try:
        numbers = pc.if_else(pc.equal(values, "null"), pa.scalar(None, values.type), values).cast(pa.float32())
    except pa.ArrowInvalid:
        raise _not_numbers(there, place) from None
    return _listed(_lengths(lists), numbers)


def _not_numbers(rows: "pa.Array[Any]", place: Place) -> InputError:
    """The error for the first text that is not a list of numbers."""
    for row, text in enumerate(rows.to_pylist()):
        try:
            [float(value) for value in (text or "0").split(",") if value.strip() != "null"]
        except ValueError:
            if re.search(r"]\s*,\s*\[", text):
                return place.error(row, f"holds several vectors {MULTI_VECTOR} with --vector-column")
            return place.error(row, f"holds {text[:40]!r}, which is not a list of numbers such as [0.1, 0.2]")
    return place.error(0, "and those after it are not lists of numbers such as [0.1, 0.2]")


def _lists_of_columns(columns: Sequence["pa.Array[Any]"], place: Place) -> "pa.Array[Any]":
    """One list for each row; a number that is missing is NaN."""
    numbers = [np.asarray(_numbers(_stored(column)).to_numpy(zero_copy_only=False)) for column in columns]
    values = np.stack(numbers, axis=1)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), len(columns))


def _stored(column: "pa.Array[Any]") -> "pa.Array[Any]":
    """A column of an extension type as it is stored."""
    while isinstance(column, pa.ExtensionArray):
        column = column.storage
    return column


def _is_view(arrow_type: pa.DataType) -> bool:
    return bool(pa.types.is_list_view(arrow_type) or pa.types.is_large_list_view(arrow_type))


def _numbers(values: "pa.Array[Any]") -> "pa.Array[Any]":
    """Numbers in a type of Arrow: bfloat16 as the float32 that it is the upper half of."""
    values = _stored(values)
    if not pa.types.is_fixed_size_binary(values.type):
        return values
    stored = values.buffers()[1]
    bits = np.frombuffer(stored or b"", "<u2")[values.offset : values.offset + len(values)]
    floats = (bits.astype(np.uint32) << 16).view(np.float32)
    return pa.array(floats, mask=np.asarray(values.is_null()))


def _lengths(lists: "pa.Array[Any]") -> IdArray:
    """(rows,) int64: the number of values in each list, 0 where it is missing."""
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0)).astype(np.int64)


def _listed(lengths: IdArray, values: "pa.Array[Any]") -> "pa.Array[Any]":
    return pa.LargeListArray.from_arrays(pa.array(np.cumsum([0, *lengths], dtype=np.int64)), values)
