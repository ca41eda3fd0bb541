"""NumPy's .npy: a header, then the array, whose rows are read by range; pickles are refused."""

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from numpy.lib import format as numpy_format

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.formats.format import (
    VECTOR_DTYPES,
    Format,
    VectorBlocks,
    as_ids,
    require_matrix,
    vector_type,
    write_values,
)
from vq_benchmark.datasets.sources.file_rows import FileColumnsSource, FileRowsSource
from vq_benchmark.datasets.sources.number_types import FLOAT8, READABLE
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.npy import read_header


def read_rows_at(path: Path, file: BinaryIO, size: int) -> FileRowsSource:
    """The matrix whose header begins at the position of `file`; header and values take `size` bytes.

    Raises:
        InputError: it is not a .npy matrix, or the size does not match the header.
    """
    with reading(path, ValueError):
        header = read_header(file)
    if (header.dtype.names is not None and header.dtype not in FLOAT8.values()) or header.dtype.subdtype is not None:
        raise InputError(f"{str(path)!r} holds structured records; vectors may be {', '.join(READABLE)}.")
    n, d = require_matrix(path, header.shape)
    if size != header.total_bytes:
        fault = "truncated" if size < header.total_bytes else "too long"
        raise InputError(
            f"{str(path)!r} is {fault}: {n} x {d} {header.dtype} values need {header.total_bytes} bytes, but it "
            f"has {size}."
        )
    if not header.fortran_order:
        return FileRowsSource(path, file.tell(), n, d, header.dtype)
    note = "is stored column by column (Fortran order), which is slower to read."
    return FileColumnsSource(path, file.tell(), n, d, header.dtype, (f"{path.name} {note}",))


def as_vectors(rows: FileRowsSource) -> FileRowsSource:
    """The same rows, in the type that vectors in a file of that dtype have; InputError if there is none."""
    dtype, notes = vector_type(rows.path, rows.dtype)
    return replace(rows, dtype=dtype, notes=(*rows.notes, *notes))


def _open(path: Path) -> FileRowsSource:
    with reading(path), path.open("rb") as file:
        return read_rows_at(path, file, path.stat().st_size)


def open_vectors(path: Path, column: str | None) -> FileRowsSource:
    return as_vectors(_open(path))


def read_ids(path: Path) -> IdArray:
    rows = _open(path)
    return as_ids(path, rows.read_stored(0, rows.n))


def write(file: BinaryIO, vectors: VectorBlocks) -> None:
    description = numpy_format.dtype_to_descr(vectors.dtype)
    header = {"descr": description, "fortran_order": False, "shape": (vectors.n, vectors.d)}
    numpy_format.write_array_header_1_0(file, header)
    for block in vectors.blocks:
        write_values(file, block.astype(vectors.dtype, copy=False))


FORMAT = Format(
    extensions=(".npy",),
    description="NumPy array (n, d)",
    open_vectors=open_vectors,
    read_ids=read_ids,
    writable_dtypes=lambda extension: VECTOR_DTYPES,
    write=write,
)
