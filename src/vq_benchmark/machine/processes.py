"""Processes by machine, id and start, so that a later process can tell whether one still runs."""

import hashlib
import os
from functools import cache
from pathlib import Path

UNKNOWN = "0"
"""The start of a process of which the system tells none."""


def is_at_work(pid: int, start: str) -> bool | None:
    """Whether process `pid`, started at `start`, still runs; None if the system does not tell."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the process of another user, whose details may be hidden
        pass
    found = start_of(pid)
    return None if found == UNKNOWN else found == start


@cache
def machine_scope() -> str:
    """8 hex digits for the scope in which process ids are unique: this system since boot, or this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        place = f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        place = ""
    place += os.uname().nodename  # copies of a virtual machine may share the rest
    return hashlib.blake2b(place.encode(), digest_size=4).hexdigest()


def start_of(pid: int) -> str:
    """Clock ticks from system boot to the start of a process, as text; "ended" for a zombie."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return UNKNOWN
    return "ended" if state in "ZX" else fields[18]
