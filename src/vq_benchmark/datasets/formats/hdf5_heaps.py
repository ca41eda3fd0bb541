"""The global heaps of an HDF5 file, which hold strings, checked before HDF5 reads them.

HDF5 (at least 2.0) loops forever over a heap in which the size of an object is damaged. The layout is that of the
HDF5 File Format Specification, section III.E.
"""

import struct
from pathlib import Path

from vq_benchmark.errors import InputError

MARK = b"GCOL\x01\0\0\0"
HEAP, OBJECT = struct.Struct("<8xQ"), struct.Struct("<HH4xQ")
LOOKED_AT = 1 << 20
"""Bytes checked at either end of the file, where the attributes of small and large files are stored."""


def require_sound_heaps(path: Path) -> None:
    """Raise InputError if a heap near the beginning or the end of the file is damaged."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        for start in sorted({0, max(size - LOOKED_AT, 0)}):
            file.seek(start)
            data = file.read(LOOKED_AT)
            place = data.find(MARK)
            while place >= 0:
                if not _is_sound(data[place:]):
                    raise InputError(f"{str(path)!r} is damaged: its heap at byte {start + place} is inconsistent.")
                place = data.find(MARK, place + 1)


def _is_sound(data: bytes) -> bool:
    """Whether all objects of the heap at the beginning of these bytes lie inside it, as far as the bytes reach."""
    if len(data) < HEAP.size:
        return True
    (size,) = HEAP.unpack_from(data)
    place = HEAP.size
    while place + OBJECT.size <= min(size, len(data)):
        index, _, length = OBJECT.unpack_from(data, place)
        taken = OBJECT.size + -(-length // 8) * 8 if index else length
        if taken < OBJECT.size or place + taken > size:
            return False
        place += taken
    return True
