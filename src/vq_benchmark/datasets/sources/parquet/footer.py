"""The claims of the footer of a parquet file, read without pyarrow.

pyarrow aborts the process instead of raising when it reads the metadata of a damaged column chunk. The footer
is a struct `FileMetaData` in Thrift's compact protocol; both layouts are in the parquet-format project.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

END_BYTES = 8
"""The length of the footer, and "PAR1"."""
MAX_DEPTH = 20
MAX_SHIFT = 63
ROW_GROUPS, COLUMNS, NUM_ROWS = 4, 1, 3
META_DATA, PATH, NUM_VALUES = 3, 3, 5
"""Numbers of fields: of FileMetaData, of RowGroup, of ColumnChunk and ColumnMetaData."""


def values_and_rows(path: Path, column: str) -> Iterator[tuple[int, int]]:
    """The number of values of a column of lists, and of rows, that each row group claims to have.

    Raises:
        ValueError, IndexError, KeyError, TypeError: the footer is damaged.
    """
    with path.open("rb") as file:
        file.seek(-END_BYTES, os.SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-END_BYTES - length, os.SEEK_END)
        metadata = _Compact(file.read(length)).struct()
    for group in metadata[ROW_GROUPS]:
        chunks = (chunk[META_DATA] for chunk in group[COLUMNS])
        values = [chunk[NUM_VALUES] for chunk in chunks if chunk[PATH][0] == column.encode()]
        yield max(values), group[NUM_ROWS]


@dataclass
class _Compact:
    """A reader of Thrift's compact protocol: structs are dictionaries by the numbers of their fields."""

    data: bytes
    place: int = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        if depth > MAX_DEPTH:
            raise ValueError("its footer is nested too deeply")
        found: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) & 15:
            number = number + (head >> 4) if head >> 4 else self._integer()
            kind = head & 15
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2 | 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._integer()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._unsigned())
            case 9 | 10:
                head = self._byte()
                size = self._unsigned() if head >> 4 == 15 else head >> 4
                return [self._value(head & 15, depth + 1) for _ in range(size)]
            case 11:
                size = self._unsigned()
                kinds = self._byte() if size else 0
                return [(self._value(kinds >> 4, depth + 1), self._value(kinds & 15, depth + 1)) for _ in range(size)]
            case 12:
                return self.struct(depth + 1)
        raise ValueError(f"its footer has a value of unknown type {kind}")

    def _byte(self) -> int:
        self.place += 1
        return self.data[self.place - 1]

    def _bytes(self, size: int) -> bytes:
        self.place += size
        if self.place > len(self.data):
            raise ValueError("its footer ends too early")
        return self.data[self.place - size : self.place]

    def _unsigned(self) -> int:
        value, shift = 0, 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
            if shift > MAX_SHIFT:
                raise ValueError("its footer holds a number of more than 64 bits")
        return value | byte << shift

    def _integer(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)
