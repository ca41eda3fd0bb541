"""The inputs of a merge: databases are found, and checked before they are trusted. None is ever changed."""

import glob
import os
import stat
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import NAME_LENGTH, name_of_temporary
from vq_benchmark.results.database import BLOBS, check_marks, connected, selected, to_run

SUFFIX = ".db"
MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
WRITE_AHEAD = 2
"""Value of the header's byte 18 where the file is in write-ahead mode."""
BUSY_SECONDS = 10
"""How long to wait for a task that is currently writing its file."""


@dataclass
class Found:
    """The databases that the inputs of a merge refer to."""

    files: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """A sentence for each input, or part of one, that holds no database."""


def find_databases(inputs: Sequence[str | Path]) -> Found:
    """The given files, what patterns such as `logs/**/*.db` match, and the .db files below folders; each once.

    Raises:
        InputError: there is no file to read among them.
    """
    found = Found()
    for given in inputs:
        path = Path(given)
        if os.path.lexists(path):
            _add(path, found)
            continue
        matches = sorted(glob.glob(str(given), recursive=True))  # noqa: PTH207 - the pattern may be absolute
        for match in matches:
            _add(Path(match), found)
        if not matches:
            what = "no file matches" if glob.has_magic(str(given)) else "there is no results database or folder"
            found.skipped.append(f"{what} {str(given)!r}.")
    distinct: dict[str, Path] = {}
    for path in found.files:
        distinct.setdefault(os.path.realpath(path), path)
    found.files = list(distinct.values())
    if not found.files:
        raise InputError(" ".join(["nothing to merge:", *found.skipped]))
    return found


def checked_uri(path: Path) -> str:
    """The URI with which SQLite reads a database and changes nothing, even on a read-only file system.

    Raises:
        InputError: the file is missing, empty, half-written, damaged, locked, or not a results database.
    """
    parameters = f"mode=ro{'&immutable=1' if _write_ahead(path) else ''}"
    with connected(path, parameters, BUSY_SECONDS) as connection:
        ((report,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
        if report != "ok":
            raise InputError(f"{str(path)!r} is damaged: {report.splitlines()[-1]}.")
        for row in connection.execute(f"SELECT {selected(connection, without=BLOBS)} FROM runs"):
            to_run(row, path)
    return f"{path.absolute().as_uri()}?{parameters}"


def _add(path: Path, found: Found) -> None:
    if not path.is_dir():
        found.files.append(path)
        return
    files: list[Path] = []
    temporaries: list[Path] = []
    for folder, below, names in os.walk(path, onerror=lambda error: found.skipped.append(_unreadable(error))):
        below.sort()
        files += [Path(folder, name) for name in sorted(names) if name.endswith(SUFFIX)]
        temporaries += [Path(folder, name) for name in sorted(names) if name_of_temporary(Path(name))]
    unfinished = [each for each in temporaries if not _is_finished(each, files) and _is_of_database(each)]
    found.files += files
    found.skipped += map(_temporary_sentence, unfinished)
    if not files and not unfinished:
        found.skipped.append(f"there is no {SUFFIX} file in the folder {str(path)!r}.")


def _unreadable(error: OSError) -> str:
    return f"the folder {str(error.filename)!r} cannot be read: {error.strerror}."


def _is_of_database(temporary: Path) -> bool:
    name = name_of_temporary(temporary) or ""
    return name.endswith(SUFFIX) or len(name) == NAME_LENGTH


def _is_finished(temporary: Path, files: Iterable[Path]) -> bool:
    """Whether a later attempt has written the file that a temporary was meant to become."""
    name = name_of_temporary(temporary)
    return any(file.parent == temporary.parent and file.name[:NAME_LENGTH] == name for file in files)


def _temporary_sentence(path: Path) -> str:
    return f"{str(path)!r} is unfinished: a process is still writing it, or was killed while writing it."


def _write_ahead(path: Path) -> bool:
    """Whether the file is in write-ahead mode; refuses files whose first bytes rule them out."""
    if name_of_temporary(path):
        raise InputError(_temporary_sentence(path))
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{str(path)!r} is not a file.")
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    if not header:
        raise InputError(f"{str(path)!r} is empty: its writer was stopped before it stored a row.")
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise InputError(
            f"{str(path)!r} is not a readable results database: it does not start with the SQLite header."
        )
    version, application = struct.unpack(">60xI4xI28x", header)
    check_marks(application, version, path)
    write_ahead = WRITE_AHEAD in header[18:20]
    log = path.with_name(f"{path.name}-wal")
    if write_ahead and log.exists() and log.stat().st_size:
        raise InputError(f"{str(path)!r} still has rows in {log.name!r}; close the program that has it open.")
    return write_ahead
