"""The big-ann-benchmarks formats .fbin, .f16bin, .u8bin, .i8bin, .ibin: n and d as uint32, then n rows of d values.

All little-endian; see https://big-ann-benchmarks.com. cuVS also writes n and d as uint64: that 16-byte header is
assumed if the file size fits it and not the 8-byte one. The name of a file that was cut off after its first rows
ends in .crop_nb_ROWS. Neighbours (.ibin) may be followed by their float32 distances.
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.formats.format import Format, VectorBlocks, as_ids, write_values
from vq_benchmark.datasets.formats.opening import CROPPED, extension_of
from vq_benchmark.datasets.sources.file_rows import FileRowsSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

DTYPES: dict[str, np.dtype[np.generic]] = {
    ".fbin": np.dtype("<f4"),
    ".f16bin": np.dtype("<f2"),
    ".u8bin": np.dtype(np.uint8),
    ".i8bin": np.dtype(np.int8),
    ".ibin": np.dtype("<i4"),
}
WRITABLE = {".fbin": ("float32",), ".f16bin": ("float16",), ".u8bin": ("uint8",), ".i8bin": ("int8",)}
MAX_WRITABLE = 2**32 - 1


def open_vectors(path: Path, column: str | None) -> FileRowsSource:
    dtype = DTYPES[extension_of(path)]
    return _open(path, dtype, (dtype.itemsize,))


def read_ids(path: Path) -> IdArray:
    ids = np.dtype("<u4")
    rows = _open(path, ids, (ids.itemsize, ids.itemsize + np.dtype(np.float32).itemsize))
    return as_ids(path, rows.read_stored(0, rows.n))


def _open(path: Path, dtype: np.dtype[np.generic], value_bytes: tuple[int, ...]) -> FileRowsSource:
    """The rows of a file with n * d values, each of one of the sizes `value_bytes`."""
    with reading(path), path.open("rb") as file:
        size = path.stat().st_size
        header = file.read(16)
    # Python integers: n * d overflows 32 bits in the files that matter
    readings = [(8, np.frombuffer(header[:8], "<u4").tolist())] if size >= 8 else []
    readings += [(16, np.frombuffer(header, "<u8").tolist())] if size >= 16 else []
    cropped = CROPPED.fullmatch(path.suffix)
    if cropped and readings and int(cropped[1]) < readings[0][1][0]:
        readings.append((8, [int(cropped[1]), readings[0][1][1]]))  # cut, and the header left as it was
    for header_bytes, (n, d) in readings:
        if any(size == header_bytes + n * d * bytes_each for bytes_each in value_bytes):
            return FileRowsSource(path, header_bytes, n, d, dtype)
    if not readings:
        raise InputError(f"{str(path)!r} is truncated: it has {size} bytes, but the header alone is 8 bytes.")
    n, d = readings[0][1]
    expected = 8 + n * d * value_bytes[0]
    raise InputError(
        f"{str(path)!r} is {'truncated' if size < expected else 'too long'}: its header says {n} x {d} {dtype} "
        f"values, which need {expected} bytes, but it has {size}."
    )


def write(file: BinaryIO, vectors: VectorBlocks) -> None:
    if vectors.n > MAX_WRITABLE:
        raise InputError(
            f"{vectors.n} rows are too many for this format: its header can count {MAX_WRITABLE}; use .npy."
        )
    write_values(file, np.array([vectors.n, vectors.d], dtype="<u4"))
    for block in vectors.blocks:
        write_values(file, block.astype(vectors.dtype.newbyteorder("<"), copy=False))


FORMAT = Format(
    extensions=tuple(DTYPES),
    description="big-ann-benchmarks: n, d, then rows of float32, float16, uint8, int8, int32",
    open_vectors=open_vectors,
    read_ids=read_ids,
    writable_dtypes=lambda extension: WRITABLE.get(extension, ()),
    write=write,
)
