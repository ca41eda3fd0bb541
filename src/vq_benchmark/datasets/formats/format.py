"""What the module of a file format declares."""

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vq_benchmark.arrays import Array, IdArray
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.number_types import BFLOAT16, READABLE, NumberType, type_name
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError

VECTOR_DTYPES = ("float32", "float16", "float64", "int8", "uint8")
"""The types that formats for any type are written in."""
UNTYPED = {1: "perhaps float8, which has several forms", 2: "perhaps bfloat16"}
"""What raw values of so many bytes may be: numpy does not write the name of a type that it does not have."""


@dataclass(frozen=True)
class VectorBlocks:
    """Vectors to write: n rows of d values of one dtype, in consecutive blocks of rows."""

    n: int
    d: int
    dtype: np.dtype[np.generic]
    blocks: Iterable[Array]


def write_values(file: BinaryIO, values: Array) -> None:
    """Write the bytes of an array, in C order. Unlike `tofile`, it raises the error of the system."""
    file.write(np.ascontiguousarray(values).data)


@dataclass(frozen=True)
class Format:
    """A file format: its extensions (lower case, with the dot) and its functions.

    The second argument of the functions that read is the column, member or data set of the base, or None.
    """

    extensions: tuple[str, ...]
    description: str
    open_vectors: Callable[[Path, str | None], VectorSource]
    has_columns: bool = False
    open_dataset: Callable[[Path, str | None], RawDataset] | None = None
    """For formats that can hold more than base vectors."""
    open_many: Callable[[Sequence[Path], str | None, Path | None], RawDataset] | None = None
    """For formats that join files themselves: the vectors of one or more files, with a folder to keep an index in."""
    read_ids: Callable[[Path], IdArray] | None = None
    """Row numbers, such as neighbours, as (rows, k) int64."""
    writable_dtypes: Callable[[str], tuple[str, ...]] = lambda extension: ()
    """The dtypes that a file of that extension can be written in."""
    write: Callable[[BinaryIO, VectorBlocks], None] | None = None


def vector_type(path: Path, dtype: np.dtype[np.generic]) -> tuple[NumberType, tuple[str, ...]]:
    """The type of vectors whose dtype a file states, with a note where it is guessed: raw 2-byte values are bfloat16.

    Raises:
        InputError: vectors cannot be of that type.
    """
    if dtype.kind == "V" and dtype.names is None and dtype.itemsize == BFLOAT16.itemsize:
        note = "holds 2-byte values without a type, as numpy writes bfloat16; they are read as bfloat16."
        return BFLOAT16, (f"{path.name} {note}",)
    require_vector_dtype(path, dtype)
    return dtype, ()


def require_vector_dtype(path: Path, dtype: np.dtype[np.generic]) -> None:
    """Raises InputError unless vectors may be stored as dtype."""
    if type_name(dtype) in READABLE:
        return
    if dtype.kind == "V" and dtype.names is None:
        kind = UNTYPED.get(dtype.itemsize, "perhaps a type of another library")
        code = (
            f"import ml_dtypes, numpy as np; np.save({f'{path.stem}.float32.npy'!r}, "
            f"np.load({path.name!r}).view(ml_dtypes.float8_e4m3fn).astype('float32'))"
        )
        convert = f", for float8_e4m3fn with python -c {shlex.quote(code)}" if dtype.itemsize == 1 else ""
        raise InputError(
            f"{str(path)!r} holds {dtype.itemsize}-byte values without a type ({kind}); save the array as float32"
            f"{convert}."
        )
    raise InputError(f"{str(path)!r} holds {dtype} values; vectors may be {', '.join(READABLE)}.")


def require_matrix(path: Path, shape: tuple[int, ...]) -> tuple[int, int]:
    """The shape as (n, d); raises InputError unless there are two axes."""
    if len(shape) != 2:
        raise InputError(f"{str(path)!r} holds an array of shape {shape}; vectors need the shape (n, d).")
    return shape[0], shape[1]


def as_ids(path: Path, array: Array) -> IdArray:
    """The array as (rows, k) int64, with -1 for NaN.

    Raises:
        InputError: it is not a matrix of whole numbers.
    """
    require_matrix(path, array.shape)
    if array.dtype.kind == "f":
        whole = np.where(np.isnan(array), -1, array)
        if np.array_equal(whole, np.rint(whole)) and np.abs(whole).max(initial=0) < 2**53:
            return np.asarray(whole, dtype=np.int64)
    if array.dtype.kind not in "iu":
        raise InputError(f"{str(path)!r} holds {array.dtype} values; row numbers must be integers.")
    return array.astype(np.int64)
