"""The files that vectors are read from, and whether they have changed."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import ChangedData, InputError
from vq_benchmark.machine.documents import validated


@dataclass(frozen=True)
class FileState:
    """What distinguishes a file from other versions of itself."""

    path: str
    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since 1970."""

    @classmethod
    def of(cls, path: Path) -> Self:
        """The current state of a file.

        Raises:
            InputError: the file was deleted or cannot be read.
        """
        try:
            found = path.stat()
        except OSError as error:
            raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
        return cls(os.path.realpath(path), found.st_size, found.st_mtime_ns)

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.modified / 1e9, UTC).isoformat(sep=" ", timespec="milliseconds")
        return f"{self.size:,} bytes, modified {moment}"


FileStates = tuple[FileState, ...]


def file_states(*sources: VectorSource | None) -> FileStates | None:
    """The current states of the files of some sources; None if the files of a source are unknown."""
    states: list[FileState] = []
    for source in sources:
        if source is None:
            continue
        if source.paths is None:
            return None
        states += map(FileState.of, source.paths)
    return tuple(states)


def require_unchanged(states: FileStates | None) -> None:
    """Compare files with their states when they were opened.

    Raises:
        ChangedData: a file has changed.
        InputError: a file was deleted.
    """
    for state in states or ():
        now = FileState.of(Path(state.path))
        if now != state:
            raise ChangedData(
                f"{state.path!r} changed while it was in use: it had {state}, now it has {now}; rerun the "
                "command once nothing writes to it."
            )


def same_versions(one: FileStates | None, other: FileStates | None) -> bool:
    """Whether sizes and modification times agree, file by file, regardless of paths; never for unknown files."""
    if one is None or other is None:
        return False
    return [(state.size, state.modified) for state in one] == [(state.size, state.modified) for state in other]


def to_json(states: FileStates | None) -> Any:
    """The states as JSON values, for `from_json`."""
    return None if states is None else [asdict(state) for state in states]


def from_json(value: Sequence[dict[str, Any]] | None) -> FileStates | None:
    """The states that `to_json` wrote; ValueError if the value has another form."""
    return None if value is None else validated(FileStates, value)
