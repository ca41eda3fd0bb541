"""The types of numbers that vectors may be stored as, and how each of them becomes float32.

numpy has neither bfloat16 nor float8. An array of such numbers has a dtype of one field, and the name of the field is
the name of the type: `BFLOAT16`, `FLOAT8`.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.errors import InputError

NumberType = np.dtype[np.generic]

BFLOAT16: NumberType = np.dtype([("bfloat16", "<u2")])
FLOAT8: dict[str, NumberType] = {
    name: np.dtype([(name, "u1")]) for name in ("float8_e4m3fn", "float8_e5m2")
}  # fmt: skip
READABLE = (
    "float32", "float16", "float64", "bfloat16", *FLOAT8, "int8", "uint8", "int16", "uint16", "int32", "uint32",
    "int64", "uint64", "bool",
)  # fmt: skip
"""The names of all types that vectors may have."""
WIDE_INTEGERS = ("int32", "uint32", "int64", "uint64")
EXACT = 1 << 24
"""float32 holds every integer up to this magnitude exactly."""


@cache
def type_name(dtype: NumberType) -> str:
    """The name of a type, such as float16 or bfloat16."""
    return dtype.names[0] if dtype.names and dtype.names[0] in READABLE else dtype.name


def named_type(name: str) -> NumberType:
    """The type of a name that `type_name` gives."""
    return {"bfloat16": BFLOAT16, **FLOAT8}.get(name) or np.dtype(name)


def differing_types(dtypes: Iterable[NumberType], counts_as: NumberType) -> tuple[str, ...]:
    """A note if the files of a base differ in the type of their numbers, given that of each file."""
    files = Counter(type_name(dtype) for dtype in dtypes)
    if len(files) < 2:
        return ()
    stored = ", ".join(f"{name} in {count}" for name, count in files.items())
    return (f"the files of the base differ in type ({stored}); it counts as {type_name(counts_as)}.",)


def common_type(dtypes: Iterable[NumberType]) -> NumberType:
    """The smallest type that holds the values of all these types: float32 for float16 and float32."""
    native = {dtype if dtype.names else dtype.newbyteorder("=") for dtype in dtypes}
    if len(native) == 1:
        return native.pop()
    return np.result_type(*(np.float32 if dtype.names else dtype for dtype in native))


def as_float32(values: Array, path: Path | None = None, first_row: int = 0, first_column: int = 0) -> FloatArray:
    """Values (rows, d) of any readable type as C-contiguous float32.

    What float32 cannot hold becomes infinite, which `check_rows` reports.

    Args:
        path: the file of the values, for the message.
        first_row, first_column: the number of their first row and column in it.

    Raises:
        InputError: an integer is beyond 2^24, so that float32 could not hold it exactly.
    """
    if values.dtype == np.dtype(np.float32):
        return np.ascontiguousarray(values, dtype=np.float32)
    out = np.empty(values.shape, dtype=np.float32)
    fill_float32(out, values, path, first_row, first_column)
    return out


def fill_float32(
    out: FloatArray, values: Array, path: Path | None = None, first_row: int = 0, first_column: int = 0
) -> None:
    """`as_float32` into `out`, which has the shape of the values."""
    if values.dtype.names:
        out[...] = _decoded(values)
        return
    if values.dtype == np.float16 and values.flags.c_contiguous and out.flags.c_contiguous:
        from vq_benchmark.datasets.sources.half_precision import (
            fill_from_half,  # numba loads where there is such data
        )

        fill_from_half(out, values)
        return
    if values.dtype.name in WIDE_INTEGERS:
        _require_exact(values, path, first_row, first_column)
    with np.errstate(over="ignore"):
        out[...] = values


def _require_exact(values: Array, path: Path | None, first_row: int, first_column: int) -> None:
    if not values.size or (values.max() <= EXACT and values.min() >= -EXACT):
        return
    row, column = (int(place[0]) for place in np.nonzero((values > EXACT) | (values < -EXACT)))
    of_file = "" if path is None else f"{str(path)!r}: "
    raise InputError(
        f"{of_file}row {first_row + row}, column {first_column + column} holds {values[row, column]}, but float32 "
        f"holds integers exactly only up to {EXACT}; scale the values down, or save them as float32 to round them."
    )


def _decoded(values: Array) -> FloatArray:
    bits = np.ascontiguousarray(values).view(values.dtype[0])
    if values.dtype == BFLOAT16:
        return (bits.astype(np.uint32) << 16).view(np.float32)
    return np.asarray(_float8_values(type_name(values.dtype))[bits])


def _float8_values(name: str) -> FloatArray:
    """(256,) float32: the value of each byte; see "FP8 Formats for Deep Learning" (Micikevicius et al. 2022)."""
    byte = np.arange(256, dtype=np.uint16)
    if name == "float8_e5m2":  # the upper half of a float16
        return (byte << 8).view(np.float16).astype(np.float32)
    exponent, mantissa = (byte >> 3 & 15).astype(np.float32), (byte & 7).astype(np.float32)
    size = np.where(exponent > 0, (8 + mantissa) * 2.0 ** (exponent - 10), mantissa * 2.0**-9)
    return np.where(byte & 127 == 127, np.nan, np.where(byte >> 7, -size, size)).astype(np.float32)
