"""Atomic files and folders: either complete or absent."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from vq_benchmark.errors import InputError
from vq_benchmark.machine.processes import is_at_work, machine_scope, start_of
from vq_benchmark.machine.signals import before_an_end

NAME_LENGTH = 40
"""Characters of a file's name kept in the name of its temporary, because names are limited to 255 bytes."""
TEMPORARY = re.compile(
    r"\.(?P<name>.*)\.(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\d+)\.[a-z0-9_]{8}\.tmp", re.DOTALL
)
"""The name of a temporary, which identifies its writer, so that later processes can tell whether it still runs."""
SECONDS_OF_DOUBT = 24 * 60 * 60
"""Time without a write after which a temporary from another machine counts as abandoned."""

_open: dict[Path, Path] = {}
"""The temporaries that this process is writing, and the final path of each."""
_tidied: set[Path] = set()


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears at `path`, complete, when the block ends; not at all if the block raises.

    Raises:
        InputError: the folder is not writable, the disk is full, or the system reports another error.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Like `atomic_write`, for writers that need a path: an empty file `.NAME.WRITER.RANDOM.tmp` in that folder."""
    with _refusal_of(path), _temporary(path, _new_file) as temporary:
        temporary.chmod(0o666 & ~_umask())
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush_folder(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which appears at `path` when the block ends; not at all if the block raises.

    `path` must not exist or must be an empty folder.

    Raises:
        InputError: as for `atomic_write`.
    """
    with _refusal_of(path), _temporary(path, tempfile.mkdtemp) as temporary:
        temporary.chmod(0o777 & ~_umask())
        yield temporary
        _flush_folder(temporary)
        temporary.replace(path)
        _flush_folder(path.parent)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """An empty folder in the system's temporary folder, deleted when the block ends."""
    with _temporary(Path(tempfile.gettempdir(), "vq-benchmark"), tempfile.mkdtemp) as temporary:
        yield temporary


def name_of_temporary(path: Path) -> str | None:
    """The first 40 characters of the final name of a temporary; None if `path` is not one of our temporaries."""
    match = TEMPORARY.fullmatch(path.name)
    return match["name"] if match else None


def remove_stale_temporaries(folder: Path) -> list[Path]:
    """Remove what dead processes left in a folder: our temporaries whose writer no longer runs.

    A writer on another machine cannot be checked, so its temporaries are removed a day after their last write.

    Returns the removed paths. Other files, and the contents of subfolders, are left alone.
    """
    removed = []
    with suppress(OSError):  # a missing or unreadable folder holds nothing to remove
        for path in sorted(Path(entry.path) for entry in os.scandir(folder) if entry.name.endswith(".tmp")):
            with suppress(OSError):  # its writer has just finished, or it belongs to another user
                if _is_left(path):
                    _remove(path)
                    removed.append(path)
    return removed


def tidy(folder: Path) -> None:
    """Run `remove_stale_temporaries` once per folder and process: listing a folder of many results takes time."""
    if folder.absolute() not in _tidied:
        _tidied.add(folder.absolute())
        remove_stale_temporaries(folder)


def remove_open_temporaries() -> None:
    """Remove the temporaries that this process is writing, for an immediate exit."""
    for path in list(_open):
        with suppress(OSError):
            _remove(path)


before_an_end(remove_open_temporaries)


def _is_left(path: Path) -> bool:
    match = TEMPORARY.fullmatch(path.name)
    if match is None:
        return False
    at_work = is_at_work(int(match["pid"]), match["start"]) if match["machine"] == machine_scope() else None
    return _last_written(path) < time.time() - SECONDS_OF_DOUBT if at_work is None else not at_work


def _last_written(path: Path) -> float:
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
    return max(float(each.lstat().st_mtime) for each in (path, *inside))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextmanager
def _temporary(path: Path, make: Callable[..., str]) -> Iterator[Path]:
    """The temporary that `make` creates beside `path`, removed unless renamed. Stale ones are removed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tidy(path.parent)
    writer = f"{machine_scope()}-{os.getpid()}-{start_of(os.getpid())}"
    temporary = Path(make(prefix=f".{path.name[:NAME_LENGTH]}.{writer}.", suffix=".tmp", dir=path.parent))
    _open[temporary] = path
    try:
        yield temporary
    finally:
        with suppress(OSError):  # it was renamed, or is left for the next process to remove
            _remove(temporary)
        _open.pop(temporary, None)


def _new_file(*, prefix: str, suffix: str, dir: Path) -> str:
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=dir)
    os.close(descriptor)
    return name


def _flush(path: Path) -> None:
    """Flush a file's content, or a folder's entries, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system supports this; the rename is done anyway
        _flush(folder)


@contextmanager
def _refusal_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        path = _open.get(path.parent, path.parent) / path.name
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
