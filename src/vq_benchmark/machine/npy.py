"""NumPy arrays in .npy files and .npz members, whose claimed size is checked before anything is allocated."""

import io
import lzma
import struct
import tokenize
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import BinaryIO

import numpy as np
from numpy.lib import format as numpy_format

from vq_benchmark.arrays import Array
from vq_benchmark.machine.memory import require_memory

MAX_HEADER_BYTES = 10_000
"""Maximum header length, as in numpy: a longer header can crash the parser."""
PREFIX_BYTES = 10
"""The magic string, the version, and two bytes of the length of what follows."""
READ_BYTES = 1 << 20
FLOAT8_DESCRIPTION, BYTE_DESCRIPTION = b"'descr': '<f1'", b"'descr': '|u1'"
FLOAT8_WITHIN = 40
FLOAT8_E5M2 = np.dtype([("float8_e5m2", "u1")])
"""What ml_dtypes describes as `<f1`, which numpy cannot parse; it describes every other float8 as raw bytes."""
MAX_DEFLATE_RATIO = 1032
"""The highest compression ratio that a deflate stream can reach; see zlib's technical details."""
HEADER_DAMAGE = (
    ValueError, TypeError, KeyError, IndexError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError,
    OverflowError,
)  # fmt: skip
"""What numpy raises for a damaged header: it parses Python (unclosed brackets, wrong indents), then makes a dtype."""
ZIP_DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError,
    ValueError, OverflowError, OSError,
)  # fmt: skip
"""What zipfile raises for damaged archives; RuntimeError for unsupported features, such as encryption."""


@dataclass(frozen=True)
class NpyHeader:
    """The header that precedes the values of an array."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[np.generic]
    bytes: int
    """Size of the header itself."""

    @property
    def total_bytes(self) -> int:
        """The size of header and values."""
        return self.bytes + prod(self.shape) * self.dtype.itemsize


def read_header(file: BinaryIO) -> NpyHeader:
    """The header at the current position of the file, which is left right after it.

    Raises:
        ValueError: it is not a header of version 1 or 2, or it describes Python objects.
    """
    begin = file.tell()
    start = file.read(PREFIX_BYTES)
    start += file.read(min(_stated_bytes(start), MAX_HEADER_BYTES + 12))
    header = _parsed(start)
    file.seek(begin + header.bytes)
    return header


def _stated_bytes(prefix: bytes) -> int:
    """How many bytes follow the prefix in a header of version 1, or 2, whose length begins inside the prefix."""
    length = int.from_bytes(prefix[8:PREFIX_BYTES], "little")
    return length if prefix[6:7] == b"\x01" else length + 2


@lru_cache(maxsize=64)
def _parsed(start: bytes) -> NpyHeader:
    """The header in the first bytes of an array; many files have the same, and parsing takes longer than reading."""
    is_float8 = FLOAT8_DESCRIPTION in start[:FLOAT8_WITHIN]
    stream = io.BytesIO(start.replace(FLOAT8_DESCRIPTION, BYTE_DESCRIPTION, 1) if is_float8 else start)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            version = numpy_format.read_magic(stream)
            readers = {
                (1, 0): numpy_format.read_array_header_1_0,
                (2, 0): numpy_format.read_array_header_2_0,
            }
            shape, fortran_order, dtype = readers[version](stream)
    except HEADER_DAMAGE as error:
        raise ValueError("it has no valid .npy header") from error
    if any(size < 0 for size in shape):
        raise ValueError(f"its .npy header states the shape {shape}")
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which only pickle could read")
    return NpyHeader(tuple(map(int, shape)), fortran_order, FLOAT8_E5M2 if is_float8 else dtype, stream.tell())


def read_array(file: BinaryIO, size: int, what: str) -> Array:
    """The array of `size` bytes, header included, from the current position to the end of the file.

    Args:
        what: the array, for the message that there is not enough memory for it.

    Raises:
        ValueError: it is not an array, or not of that size.
        InputError: there is not enough memory for it.
    """
    header = read_header(file)
    if header.total_bytes != size:
        raise ValueError(
            f"its header states shape {header.shape} of {header.dtype}, {header.total_bytes} bytes in all, but there "
            f"are {size}"
        )
    require_memory(size, what)
    values = np.empty(prod(header.shape), header.dtype)
    filled, target = 0, values.view(np.uint8).data
    while filled < len(target):
        block = file.read(min(READ_BYTES, len(target) - filled))
        if not block:
            raise ValueError(f"it ends after {header.bytes + filled} of {size} bytes")
        target[filled : filled + len(block)] = block
        filled += len(block)
    if file.read(1):  # reading to the end also makes zipfile verify the checksum
        raise ValueError(f"it is longer than the {size} bytes that its header states")
    return values.reshape(header.shape, order="F" if header.fortran_order else "C")


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, what: str) -> Array:
    """The array in a member of an archive.

    Raises:
        ValueError, and what ZIP_DAMAGE lists: the archive is damaged.
        InputError: there is not enough memory for it.
    """
    if member.compress_type == zipfile.ZIP_DEFLATED and (
        member.file_size > MAX_DEFLATE_RATIO * (member.compress_size + 1)
    ):
        raise ValueError(f"{member.filename!r} claims {member.file_size} bytes of {member.compress_size} compressed")
    with archive.open(member) as file:
        return read_array(file, member.file_size, what)  # type: ignore[arg-type]
