"""One submission at a time: a lock file in the folder of a study that says who holds it, since when and where.

Login nodes share folders over NFS, where locks of the system are often missing, and process ids mean nothing on other
machines. So the lock is a file that is linked into place, which only one process can do, and its holder touches it.
"""

import getpass
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import MISSHAPEN
from vq_benchmark.machine.documents import parsed_json, validated
from vq_benchmark.machine.processes import is_at_work, machine_scope, start_of

LOCK_FILE = ".submitting"
PATIENCE_SECONDS = 30.0
"""How long to wait for another process before giving up."""
TOUCH_SECONDS = 30.0
STALE_SECONDS = 600.0
"""A holder on another machine that did not touch its lock for so long, by the file server's clock, is dead."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock."""

    command: str
    user: str = field(default_factory=getpass.getuser)
    host: str = field(default_factory=lambda: os.uname().nodename)
    pid: int = field(default_factory=os.getpid)
    machine: str = field(default_factory=machine_scope)
    start: str = field(default_factory=lambda: start_of(os.getpid()))
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def __str__(self) -> str:
        return f"`{self.command}` of {self.user} on {self.host} (process {self.pid}, since {self.time})"


@contextmanager
def one_at_a_time(folder: Path, command: str, say: Callable[[str], None], *, create: bool = False) -> Iterator[None]:
    """Let no other process submit, resume or cancel the study in a folder while the block lasts.

    Waits up to PATIENCE_SECONDS for another one, and says for which. A lock whose holder is dead is taken over. With
    `create`, a folder that does not exist is created, and removed again if the block leaves nothing in it.

    Raises:
        InputError: another process holds the lock; the message names it.
    """
    new = [each for each in (folder, *folder.parents) if not each.exists()] if create else []
    own = folder / f"{LOCK_FILE}.{secrets.token_hex(4)}"
    holder = Holder(command)
    try:
        if new:
            folder.mkdir(parents=True, exist_ok=True)
        own.write_text(json.dumps(asdict(holder)))
    except OSError:  # nothing can be submitted from a folder that cannot be written; what is tried says why
        with suppress(OSError):
            own.unlink(missing_ok=True)  # a full disk takes its name, but not its text
        yield
        return
    try:
        _acquire(folder / LOCK_FILE, own, say)
    finally:
        own.unlink(missing_ok=True)
    try:
        with _touched(folder / LOCK_FILE):
            yield
    finally:
        found = _holder(folder / LOCK_FILE)
        if found is None or found.token == holder.token:
            (folder / LOCK_FILE).unlink(missing_ok=True)
        with suppress(OSError):  # it is in use now
            for each in new:
                each.rmdir()


def _acquire(lock: Path, own: Path, say: Callable[[str], None]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    waited_for = ""
    while not _linked(own, lock):
        found = _holder(lock)
        if found is not None and _is_dead(found, lock, own) and _taken_over(found, lock, own):
            say(f"{found} ended without removing its lock; it is ignored.")
            return
        if time.monotonic() >= end:
            raise InputError(
                f"{found or 'another process'} is working on the study in {str(lock.parent)!r}; wait until it ends. "
                f"If it does not run any more, delete {str(lock)!r}."
            )
        if found is not None and found.token != waited_for:
            waited_for = found.token
            say(f"waiting for {found}.")
        time.sleep(0.2)


def _linked(own: Path, lock: Path) -> bool:
    """Whether this process got the lock. Over NFS a link can be made although its answer was lost."""
    with suppress(FileExistsError):
        lock.hardlink_to(own)
    return own.stat().st_nlink == 2


def _holder(lock: Path) -> Holder | None:
    """Who holds the lock; None if nobody does any more."""
    with suppress(FileNotFoundError, *MISSHAPEN):
        return validated(Holder, parsed_json(lock.read_bytes()))
    return None


def _is_dead(holder: Holder, lock: Path, own: Path) -> bool:
    if holder.machine == machine_scope():
        return is_at_work(holder.pid, holder.start) is False
    own.touch()
    with suppress(FileNotFoundError):
        return own.stat().st_mtime - lock.stat().st_mtime > STALE_SECONDS
    return False


def _taken_over(dead: Holder, lock: Path, own: Path) -> bool:
    """Replace the lock of a dead holder, which of several processes only one does."""
    claim = lock.with_name(f"{LOCK_FILE}.{dead.token}.claimed")
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        return False
    found = _holder(lock)
    replaced = found is not None and found.token == dead.token  # it may have been replaced before the claim
    if replaced:
        own.replace(lock)
    claim.unlink()
    return replaced


@contextmanager
def _touched(lock: Path) -> Iterator[None]:
    """Touch the lock again and again while the block lasts, which shows processes on other machines that we live."""
    ended = threading.Event()

    def touch() -> None:
        while not ended.wait(TOUCH_SECONDS):
            with suppress(OSError):
                os.utime(lock)

    threading.Thread(target=touch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
