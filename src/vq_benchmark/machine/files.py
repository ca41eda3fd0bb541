"""Files and folders that are either whole or absent."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from vq_benchmark.errors import InputError

NAME_LENGTH = 40
"""Characters of a file's name that the name of its temporary keeps: names may be 255 bytes long."""
TEMPORARY = re.compile(r"\.(?P<name>.*)\.[a-z0-9_]{8}\.tmp", re.DOTALL)


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears at `path` complete when the block ends, and not at all if it raises.

    Raises:
        InputError: the folder may not be written to, the disk is full, or whatever else the system says.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """As `atomic_write`, for writers that want a name: an empty file `.NAME.RANDOM.tmp` in the same folder."""
    with _refusal_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=_prefix(path), suffix=".tmp", dir=path.parent)
        os.close(descriptor)
        temporary = Path(name)
        try:
            temporary.chmod(0o666 & ~_umask())
            yield temporary
            _flush(temporary)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which appears at `path` when the block ends, and not at all if it raises.

    `path` must not exist, or be an empty folder.

    Raises:
        InputError: as `atomic_write`.
    """
    with _refusal_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_prefix(path), suffix=".tmp", dir=path.parent))
        try:
            temporary.chmod(0o777 & ~_umask())
            yield temporary
            _flush_folder(temporary)
            temporary.replace(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        _flush_folder(path.parent)


def name_of_temporary(path: Path) -> str | None:
    """The first 40 characters of the name that a temporary was to get; None if `path` is no temporary of ours."""
    match = TEMPORARY.fullmatch(path.name)
    return match["name"] if match else None


def remove_stale_temporaries(folder: Path, *, older_than_seconds: float) -> list[Path]:
    """Remove what killed processes left in a folder: our temporaries that nothing was written to for so long.

    Returns those that were removed. Other files, and what lies in folders below, stay.
    """
    newest = time.time() - older_than_seconds
    removed = []
    for path in sorted(folder.iterdir()):
        with suppress(FileNotFoundError):  # whoever wrote it has just finished
            if name_of_temporary(path) is None or _last_written(path) > newest:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed.append(path)
    return removed


def _last_written(path: Path) -> float:
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
    return max(float(each.lstat().st_mtime) for each in (path, *inside))


def _prefix(path: Path) -> str:
    return f".{path.name[:NAME_LENGTH]}."


def _flush(path: Path) -> None:
    """Have the system put a file's content, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system can; the new name is there all the same
        _flush(folder)


@contextmanager
def _refusal_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
