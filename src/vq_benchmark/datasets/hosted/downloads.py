"""Files from plain URLs: resumable, checked, and either complete or absent.

A file is downloaded into NAME.part. The host's validator (ETag or date) beside it makes sure that a resumed download
continues the same file. The SHA-256 of a complete file is recorded in NAME.record.json; if its size or modification
time differs from the record, it is hashed again, and refused if the hash differs.
"""

import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from filelock import FileLock

from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.documents import parsed_json, validated
from vq_benchmark.machine.memory import readable_bytes
from vq_benchmark.machine.progress import Reporter, Update

MIRROR = "VQ_MIRROR"
"""The variable that names a mirror of the hosts: https://HOST/PATH is then fetched from $VQ_MIRROR/HOST/PATH."""
BLOCK_BYTES = 1 << 20
ATTEMPTS = 5
"""Consecutive attempts without a single new byte; progress resets the count."""
FIRST_WAIT_SECONDS = 1.0
TIMEOUT_SECONDS = 60.0
"""Time without a byte after which a connection counts as lost."""


@dataclass(frozen=True)
class Wanted:
    """A file to download: its address, its place, and what is known about it."""

    url: str
    path: Path
    sha256: str | None = None
    first_bytes: int | None = None
    """Download only this many bytes from the beginning of the hosted file."""
    finish: Callable[[Path], None] | None = None
    """Called on the downloaded file before it gets its name."""
    homepage: str = ""
    """The page that describes the file."""


@dataclass(frozen=True)
class Record:
    """What is known about a file on disk."""

    url: str
    sha256: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Policy:
    """How persistently to retry a download."""

    attempts: int = ATTEMPTS
    first_wait_seconds: float = FIRST_WAIT_SECONDS
    timeout_seconds: float = TIMEOUT_SECONDS


class _Unavailable(Exception):
    """The host does not have the file or refuses it: retrying is useless."""


class _Interrupted(Exception):
    """The connection was lost, or the host is busy: retrying may help."""


def fetched(wanted: Wanted, report: Reporter, policy: Policy | None = None) -> Record:
    """Download a file to `wanted.path` unless it exists already, and return its record.

    Processes that need the same file at the same time download it once. A file that the user put there is accepted.

    Raises:
        InputError: it cannot be downloaded, or has the wrong content; the sentence says how to get it otherwise.
    """
    path = wanted.path
    record = present(wanted, report)
    if record is not None:
        return record
    with exclusive(path):
        record = present(wanted, report)
        if record is not None:
            return record
        report.say(f"downloading {mirrored(wanted.url)} to {str(path)!r}")
        _download(wanted, report, policy or Policy())
        return _recorded(wanted, _part(path), report)


def mirrored(url: str) -> str:
    """The URL, or its address on the mirror in $VQ_MIRROR."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return url
    parts = urlsplit(url)
    return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}"


def require_space(folder: Path, size: int) -> None:
    """Raises InputError unless the disk of a folder, or of its nearest existing parent, has `size` free bytes."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if size > free:
        raise InputError(
            f"{readable_bytes(size)} are needed in {str(folder)!r}, but only {readable_bytes(free)} are free; "
            "choose another folder with --cache-dir or $VQ_CACHE_DIR."
        )


def sha256_of(path: Path, update: Update = lambda done: None) -> str:
    """The hash of a file as 64 hex digits."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            update(done)
    return digest.hexdigest()


def manual_way(wanted: Wanted) -> str:
    """How to download the file without this program, as the end of a sentence."""
    part = "" if wanted.first_bytes is None else f" (its first {wanted.first_bytes:,} bytes are enough)"
    where = f" (see {wanted.homepage})" if wanted.homepage else ""
    return f"download {wanted.url}{part} yourself{where} and save it as {str(wanted.path)!r}"


def present(wanted: Wanted, report: Reporter) -> Record | None:
    """The record of a file, None if the file does not exist; a file without a record is hashed and gets one.

    Raises:
        InputError: its hash differs from the one that the host states, or else from the recorded one.
    """
    path = wanted.path
    try:
        status = path.stat()
    except OSError:
        return None
    record = _read_record(path)
    current = record is not None and (record.size, record.modified_ns) == (status.st_size, status.st_mtime_ns)
    found = record.sha256 if record is not None and current else _hashed(path, report)
    stated = None if wanted.finish else wanted.sha256
    expected = stated or (None if record is None else record.sha256)
    if expected is not None and found != expected:
        accept = (
            "" if wanted.sha256 else f", or, if it is the right file, delete {_record_path(path).name!r} beside it"
        )
        raise InputError(
            f"{str(path)!r} has the wrong content: its SHA-256 is {found}, not {expected}; delete it to download "
            f"it again{accept}."
        )
    return record if current else _write_record(wanted, found)


def _recorded(wanted: Wanted, part: Path, report: Reporter) -> Record:
    """Check the hash of what was downloaded, and give it its name."""
    digest = _hashed(part, report)
    if wanted.sha256 is not None and digest != wanted.sha256:
        part.unlink()
        _validator_path(part).unlink(missing_ok=True)
        raise InputError(
            f"{mirrored(wanted.url)} has the wrong content: its SHA-256 is {digest}, not {wanted.sha256}; it was "
            f"deleted. Try again, or {manual_way(wanted)}."
        )
    if wanted.finish is not None:
        wanted.finish(part)
        digest = _hashed(part, report)
    earlier = _read_record(wanted.path)
    if earlier is not None and earlier.sha256 != digest:
        report.say(f"{wanted.url} has changed since it was last downloaded.")
    part.replace(wanted.path)
    _validator_path(part).unlink(missing_ok=True)
    return _write_record(wanted, digest)


def _hashed(path: Path, report: Reporter) -> str:
    with report.task(f"checking {path.name}", _size(path), "bytes") as update:
        return sha256_of(path, update)


def _download(wanted: Wanted, report: Reporter, policy: Policy) -> None:
    """Download NAME.part, resuming after interruptions as long as there is progress."""
    part, failures, wait = _part(wanted.path), 0, policy.first_wait_seconds
    while True:
        before = _size(part)
        try:
            _fetch_rest(wanted, part, report, policy)
            return
        except _Unavailable as error:
            raise InputError(
                f"{mirrored(wanted.url)} cannot be downloaded: {error}; {manual_way(wanted)}."
            ) from error
        except _Interrupted as error:
            if _size(part) > before:
                failures, wait = 0, policy.first_wait_seconds
            failures += 1
            if failures >= policy.attempts:
                raise InputError(
                    f"{mirrored(wanted.url)} cannot be downloaded: {error}, {failures} times; rerun the command "
                    f"to resume after {_size(part):,} bytes, or {manual_way(wanted)}."
                ) from error
            report.say(f"{wanted.path.name}: {error}; retrying in {wait:g} s")
            time.sleep(wait)
            wait *= 2


def _fetch_rest(wanted: Wanted, part: Path, report: Reporter, policy: Policy) -> None:
    """One request for what is missing of NAME.part."""
    done, validator = _size(part), _read_validator(part)
    if done and validator is None:  # the host may have another file by now
        done = 0
    if wanted.first_bytes is not None and done == wanted.first_bytes:
        return
    headers = {"Accept-Encoding": "identity", "User-Agent": "vq-benchmark"}
    if done or wanted.first_bytes is not None:
        headers["Range"] = f"bytes={done}-{'' if wanted.first_bytes is None else wanted.first_bytes - 1}"
    if done and validator is not None:
        headers["If-Range"] = validator
    request = Request(mirrored(wanted.url), headers=headers)
    with _translated(part), urlopen(request, timeout=policy.timeout_seconds) as response:
        total = _total(response, done)
        if response.status != http.client.PARTIAL_CONTENT:
            done = 0  # the whole file is sent, from its beginning
        if wanted.first_bytes is not None:
            if total is not None and total < wanted.first_bytes:
                raise _Unavailable(f"it has only {total:,} bytes, but {wanted.first_bytes:,} are needed")
            total = wanted.first_bytes
        require_space(part.parent, (total or 0) - done)
        # Every byte is written at its own offset, so that two processes can write the same file without harm (some
        # file systems grant every lock to everybody).
        part.touch()
        with part.open("r+b") as file, report.task(part.stem, total or 0, "bytes") as update:
            if not done:
                file.truncate(0)
            _keep_validator(part, response.headers)
            file.seek(done)
            done = _copied(response, file, done, total, update)
        if total is not None and done < total:
            raise _Interrupted(f"the connection ended after {done:,} of {total:,} bytes")


def _copied(response: http.client.HTTPResponse, file: BinaryIO, done: int, stop: int | None, update: Update) -> int:
    """Copy the body to the file; the number of bytes the file then has, at most `stop`."""
    while stop is None or done < stop:
        block = response.read1(BLOCK_BYTES if stop is None else min(BLOCK_BYTES, stop - done))
        if not block:
            break
        file.write(block)
        done += len(block)
        update(done)
    return done


@contextmanager
def _translated(part: Path) -> Iterator[None]:
    """Turn network errors into one of the two kinds that matter; none if the part is already complete."""
    try:
        yield
    except HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            if error.headers.get("Content-Range") == f"bytes */{_size(part)}":
                return
            part.unlink()
            raise _Interrupted("the hosted file is shorter than the part already downloaded") from error
        busy = error.code >= 500 or error.code in (http.client.REQUEST_TIMEOUT, http.client.TOO_MANY_REQUESTS)
        kind = _Interrupted if busy else _Unavailable
        raise kind(f"the host answers {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise _Interrupted("the connection timed out") from error
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _Interrupted("the host does not answer") from error
        if isinstance(error.reason, socket.gaierror):
            raise _Unavailable("its host name cannot be resolved; check the network") from error
        raise _Interrupted(f"the host cannot be reached ({error.reason})") from error
    except http.client.HTTPException as error:
        raise _Interrupted("the connection was lost") from error
    except (ConnectionError, ssl.SSLError) as error:
        raise _Interrupted(f"the connection was lost ({error.strerror or error})") from error


def _total(response: http.client.HTTPResponse, done: int) -> int | None:
    """The size of the whole hosted file; None if the host does not state it."""
    if response.status == http.client.PARTIAL_CONTENT:
        first, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if first.partition("-")[0] != str(done):
            raise _Unavailable(f"the host sent bytes {first or 'without a range'} instead of those from {done}")
        return int(total) if total.isdigit() else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """A lock for downloading that file, which one process holds at a time; its folder is created.

    Raises:
        InputError: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            yield
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _validator_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.validator")


def _keep_validator(part: Path, headers: http.client.HTTPMessage) -> None:
    """Keep what identifies the hosted file when the download is resumed: a strong ETag, or its date."""
    etag = headers.get("ETag", "")
    validator = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
    if validator:
        _validator_path(part).write_text(validator)
    else:
        _validator_path(part).unlink(missing_ok=True)


def _read_validator(part: Path) -> str | None:
    path = _validator_path(part)
    validator = path.read_text(errors="replace") if path.exists() else ""
    return validator if validator.isascii() and validator.isprintable() and validator else None


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.record.json")


def _read_record(path: Path) -> Record | None:
    with suppress(OSError, ValueError):  # missing or damaged: the file is hashed again
        return validated(Record, parsed_json(_record_path(path).read_bytes()))
    return None


def _write_record(wanted: Wanted, sha256: str) -> Record:
    status = wanted.path.stat()
    record = Record(wanted.url, sha256, status.st_size, status.st_mtime_ns)
    # the folder may be read-only: then the file is hashed again next time
    with suppress(InputError), atomic_write(_record_path(wanted.path)) as file:
        file.write(json.dumps(asdict(record), indent=1).encode())
    return record
