"""What the module of a file format declares."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vq_benchmark.arrays import Array, IdArray
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError

VECTOR_DTYPES = ("float32", "float16", "float64", "int8", "uint8")


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
    read_ids: Callable[[Path], IdArray] | None = None
    """Row numbers, such as neighbours, as (rows, k) int64."""
    writable_dtypes: Callable[[str], tuple[str, ...]] = lambda extension: ()
    """The dtypes that a file of that extension can be written in."""
    write: Callable[[BinaryIO, VectorBlocks], None] | None = None


def require_vector_dtype(path: Path, dtype: np.dtype[np.generic]) -> None:
    """Raises InputError unless vectors may be stored as dtype."""
    if dtype.name not in VECTOR_DTYPES:
        raise InputError(f"{str(path)!r} holds {dtype} values; vectors may be {', '.join(VECTOR_DTYPES)}.")


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
