"""Lines of a text file, plain or gzipped, one at a time."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

MAX_LINE_BYTES = 2**24
"""A bound on lines, without which a file without line ends would be read whole."""
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1, without its line end; only a line feed, or CR LF, ends a line.

    Bytes that are not UTF-8 become U+FFFD; everything else is kept, including control characters and quotes.

    Raises:
        InputError: the file cannot be read, is damaged, or has a line of more than 16 MiB.
    """
    with reading(path, EOFError, zlib.error), _opened(path) as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) == MAX_LINE_BYTES:
                raise InputError(
                    f"{str(path)!r}, line {number}: it is longer than {MAX_LINE_BYTES} bytes, so this is not text."
                )
            if number == 1:
                line = line.removeprefix(BYTE_ORDER_MARK)
            yield number, line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", errors="replace")


def filled_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of `numbered_lines` that hold more than white space, with their numbers in the file."""
    return ((number, line) for number, line in numbered_lines(path) if line and not line.isspace())


def _opened(path: Path) -> BinaryIO:
    """The file, decompressed if it begins like a gzip file, whatever its name."""
    with path.open("rb") as file:
        compressed = file.read(2) == GZIP_MAGIC
    return io.BufferedReader(gzip.open(path)) if compressed else path.open("rb")
