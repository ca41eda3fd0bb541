"""Files from plain URLs: resumed where they broke off, checked, and whole or absent.

A file is fetched into NAME.part, with the validator of the host (ETag or date) beside it, so that the rest of the
same file, and of no other, is asked for later. When it is whole its SHA-256 is recorded in NAME.record.json; a file
whose size or time of change differs from its record is hashed again, and refused if it is another.
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
"""Without a single new byte; every byte that arrives starts the count again."""
FIRST_WAIT_SECONDS = 1.0
TIMEOUT_SECONDS = 60.0
"""Without a byte, after which a connection counts as lost."""


@dataclass(frozen=True)
class Wanted:
    """A file to have: where it comes from, and what is known of it."""

    url: str
    path: Path
    sha256: str | None = None
    first_bytes: int | None = None
    """Only so many bytes from the beginning of the hosted file."""
    finish: Callable[[Path], None] | None = None
    """What is still to be done to the file before it is used."""
    homepage: str = ""
    """Where a person finds the file."""


@dataclass(frozen=True)
class Record:
    """What is known of a file that is there."""

    url: str
    sha256: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Policy:
    """How patient a download is."""

    attempts: int = ATTEMPTS
    first_wait_seconds: float = FIRST_WAIT_SECONDS
    timeout_seconds: float = TIMEOUT_SECONDS


class _Unavailable(Exception):
    """The host has no such file, or does not give it: trying again is of no use."""


class _Interrupted(Exception):
    """The connection broke, or the host is busy: trying again may help."""


def fetched(wanted: Wanted, report: Reporter, policy: Policy | None = None) -> Record:
    """Have the file at `wanted.path`: as it is if it is there, else downloaded; the record of it.

    Two processes that want the same file at once fetch it once. A file that somebody put there by hand is taken.

    Raises:
        InputError: it cannot be had, or it is not what it should be; the sentence says how to get it by hand.
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
    """The URL, or where the mirror in $VQ_MIRROR has it."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return url
    parts = urlsplit(url)
    return f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}"


def require_space(folder: Path, size: int) -> None:
    """Raises InputError unless so many bytes are free on the disk of a folder, or of the nearest one that exists."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if size > free:
        raise InputError(
            f"{readable_bytes(size)} are needed in {str(folder)!r}, but only {readable_bytes(free)} are free; "
            "--cache-dir or $VQ_CACHE_DIR name another place."
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


def by_hand(wanted: Wanted) -> str:
    """How to get the file without this program, as the end of a sentence."""
    part = "" if wanted.first_bytes is None else f" (its first {wanted.first_bytes:,} bytes are enough)"
    where = f" (see {wanted.homepage})" if wanted.homepage else ""
    return f"get {wanted.url}{part} by hand{where} and put it at {str(wanted.path)!r}"


def present(wanted: Wanted, report: Reporter) -> Record | None:
    """The record of a file that is there, None if it is not; one without a record is hashed and gets one.

    Raises:
        InputError: its hash is not the one that the host states, or else the one that was recorded.
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
            "" if wanted.sha256 else f", or, if it is the right one, remove {_record_path(path).name!r} beside it"
        )
        raise InputError(
            f"{str(path)!r} is not the file it should be: its SHA-256 is {found}, not {expected}; remove it, and "
            f"it is downloaded again{accept}."
        )
    return record if current else _write_record(wanted, found)


def _recorded(wanted: Wanted, part: Path, report: Reporter) -> Record:
    """Check the hash of what was downloaded, and give it its name."""
    digest = _hashed(part, report)
    if wanted.sha256 is not None and digest != wanted.sha256:
        part.unlink()
        _validator_path(part).unlink(missing_ok=True)
        raise InputError(
            f"{mirrored(wanted.url)} is not the file it should be: its SHA-256 is {digest}, not {wanted.sha256}; it "
            f"was removed. Try again, or {by_hand(wanted)}."
        )
    if wanted.finish is not None:
        wanted.finish(part)
        digest = _hashed(part, report)
    earlier = _read_record(wanted.path)
    if earlier is not None and earlier.sha256 != digest:
        report.say(f"{wanted.url} is another file than it was when it was downloaded before.")
    part.replace(wanted.path)
    _validator_path(part).unlink(missing_ok=True)
    return _write_record(wanted, digest)


def _hashed(path: Path, report: Reporter) -> str:
    with report.task(f"checking {path.name}", _size(path), "bytes") as update:
        return sha256_of(path, update)


def _download(wanted: Wanted, report: Reporter, policy: Policy) -> None:
    """Fill NAME.part, going on after interruptions for as long as there is progress."""
    part, failures, wait = _part(wanted.path), 0, policy.first_wait_seconds
    while True:
        before = _size(part)
        try:
            _fetch_rest(wanted, part, report, policy)
            return
        except _Unavailable as error:
            raise InputError(f"{mirrored(wanted.url)} cannot be downloaded: {error}; {by_hand(wanted)}.") from error
        except _Interrupted as error:
            if _size(part) > before:
                failures, wait = 0, policy.first_wait_seconds
            failures += 1
            if failures >= policy.attempts:
                raise InputError(
                    f"{mirrored(wanted.url)} cannot be downloaded: {error}, {failures} times; run the same command "
                    f"again to go on after the {_size(part):,} bytes that are there, or {by_hand(wanted)}."
                ) from error
            report.say(f"{wanted.path.name}: {error}; trying again in {wait:g} s")
            time.sleep(wait)
            wait *= 2


def _fetch_rest(wanted: Wanted, part: Path, report: Reporter, policy: Policy) -> None:
    """One request for what is missing of NAME.part."""
    done, validator = _size(part), _read_validator(part)
    if done and validator is None:  # nothing says that the host still has the same file
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
                raise _Unavailable(f"it has only {total:,} bytes, {wanted.first_bytes:,} are needed")
            total = wanted.first_bytes
        require_space(part.parent, (total or 0) - done)
        # Bytes are put where they belong, so that two processes that write the same file (some file systems grant
        # every lock to everybody) do no harm to each other.
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
    """Errors of the network, as one of the two kinds that matter; none where the part is the whole file already."""
    try:
        yield
    except HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            if error.headers.get("Content-Range") == f"bytes */{_size(part)}":
                return
            part.unlink()
            raise _Interrupted("the hosted file is shorter than what is there of it") from error
        busy = error.code >= 500 or error.code in (http.client.REQUEST_TIMEOUT, http.client.TOO_MANY_REQUESTS)
        kind = _Interrupted if busy else _Unavailable
        raise kind(f"the host answers {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise _Interrupted("no byte came for too long") from error
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _Interrupted("the host does not answer") from error
        if isinstance(error.reason, socket.gaierror):
            raise _Unavailable("its host is not known here, so there is probably no network") from error
        raise _Interrupted(f"the host cannot be reached ({error.reason})") from error
    except http.client.HTTPException as error:
        raise _Interrupted("the connection broke off") from error
    except (ConnectionError, ssl.SSLError) as error:
        raise _Interrupted(f"the connection broke off ({error.strerror or error})") from error


def _total(response: http.client.HTTPResponse, done: int) -> int | None:
    """The size of the whole hosted file, None where the host does not say it."""
    if response.status == http.client.PARTIAL_CONTENT:
        first, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if first.partition("-")[0] != str(done):
            raise _Unavailable(f"the host sends bytes {first or 'without numbers'} instead of those from {done} on")
        return int(total) if total.isdigit() else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """The right to fetch that file, which one process has at a time; its folder is made.

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
    """What to say later so that the rest of the same file is sent: a strong ETag, or the date of the file."""
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
    with suppress(OSError, ValueError):  # none, or a damaged one: the file is hashed again
        return validated(Record, parsed_json(_record_path(path).read_bytes()))
    return None


def _write_record(wanted: Wanted, sha256: str) -> Record:
    status = wanted.path.stat()
    record = Record(wanted.url, sha256, status.st_size, status.st_mtime_ns)
    # a folder that may only be read from is no reason to stop: the file is hashed again next time
    with suppress(InputError), atomic_write(_record_path(wanted.path)) as file:
        file.write(json.dumps(asdict(record), indent=1).encode())
    return record
