"""The memory this process may use, and the memory it has used."""

import os
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import psutil

from vq_benchmark.errors import InputError
from vq_benchmark.machine.cgroups import group_folders

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""The value that makes Linux reset the peak of the resident set to its present size (proc(5), since Linux 4.0)."""

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
UNITS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": 1 << 40}
PER_CPU = {"SLURM_MEM_PER_CPU": "SLURM_CPUS_ON_NODE", "SLURM_MEM_PER_GPU": "SLURM_GPUS_ON_NODE"}
"""SLURM's limits in MiB for each processor or GPU, and the number of these that the job has on this node."""
UNCHECKED_BYTES = 16 * MIB
LIMIT_FILES = ("memory.limit_in_bytes", "memory.max")
"""Limit files of a control group, of version 1 and of version 2."""


@dataclass(frozen=True)
class MemoryLimit:
    """The memory that a process may use."""

    bytes: int
    origin: str
    """Where the limit comes from, for messages: "--memory-limit", "the memory available on this machine"."""


def allowed_memory(
    limit: int | None = None, environment: Mapping[str, str] = os.environ, root: Path = Path("/")
) -> MemoryLimit:
    """The smallest of `limit`, what SLURM grants the job on this node, the limits of the control groups, and the
    memory available now plus what this process already holds.

    Args:
        limit: value of --memory-limit, in bytes.
        environment: the environment variables.
        root: where to look for /proc and the control groups.

    Raises:
        InputError: `limit` is below 1.
    """
    limits = [*_of_slurm(environment), *_of_groups(root), _available(root)]
    if limit is not None:
        if limit < 1:
            raise InputError(f"--memory-limit is {limit} bytes; it must be at least 1.")
        limits.insert(0, MemoryLimit(limit, "--memory-limit"))
    return min(limits, key=lambda each: each.bytes)


_limit_in_force: ContextVar[MemoryLimit | None] = ContextVar("memory_limit", default=None)


def use_memory(limit: MemoryLimit) -> None:
    """Make `require_memory` enforce this limit from now on."""
    _limit_in_force.set(limit)


@contextmanager
def within_memory(limit: MemoryLimit | None) -> Iterator[None]:
    """Make `require_memory` enforce this limit inside the block; None changes nothing."""
    token = None if limit is None else _limit_in_force.set(limit)
    try:
        yield
    finally:
        if token is not None:
            _limit_in_force.reset(token)


def require_memory(size: int, what: str, advice: str = "") -> None:
    """Refuse to allocate `size` bytes if they are not available; `what`, their purpose, begins the message.

    Sizes below 16 MiB are not checked: they are negligible beside the libraries.

    Raises:
        InputError: `size` is more than the limit in force (by default that of `allowed_memory`) leaves.
    """
    if size < UNCHECKED_BYTES:
        return
    limit = _limit_in_force.get() or allowed_memory()
    left = max(limit.bytes - resident_bytes(), 0)
    if size > left:
        raise InputError(
            f"{what} would take {readable_bytes(size)} of memory, but only {readable_bytes(left)} of "
            f"{readable_bytes(limit.bytes)} are left ({limit.origin}){advice}."
        )


def parsed_bytes(text: str) -> int:
    """The bytes of a size such as `2G`, `512MiB` or `1500000000`, with binary units K, M, G and T.

    Raises:
        InputError: the text is not such a size, or is less than one byte.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(?:([KMGT])(?:IB)?)?\s*", text.upper())
    size = int(float(match[1]) * UNITS[match[2] or ""]) if match else 0
    if size < 1:
        raise InputError(f"invalid size {text!r}: give 2G, 512MiB or a number of bytes.")
    return size


def readable_bytes(size: int) -> str:
    """The size in the largest binary unit that does not exceed it, such as `2.0 GiB`."""
    for unit, name in ((UNITS["T"], "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size} bytes"


def _of_slurm(environment: Mapping[str, str]) -> Iterator[MemoryLimit]:
    whole = _number(environment.get("SLURM_MEM_PER_NODE", ""))
    if whole:
        yield MemoryLimit(whole * MIB, "SLURM_MEM_PER_NODE")
    for variable, count_variable in PER_CPU.items():
        each, count = (_number(environment.get(name, "")) for name in (variable, count_variable))
        if each:
            yield MemoryLimit(each * max(count, 1) * MIB, f"{variable} × {count_variable}")


def _of_groups(root: Path) -> Iterator[MemoryLimit]:
    for folder in group_folders("memory", root):
        for name in LIMIT_FILES:
            file = folder / name
            stated = _number(file.read_text().strip()) if file.exists() else 0  # "max" of version 2: no limit
            if stated:
                yield MemoryLimit(stated, f"the control group's limit {str(file)!r}")


def _available(root: Path) -> MemoryLimit:
    meminfo, status = (_fields(root / "proc" / name) for name in ("meminfo", "self/status"))
    if "MemAvailable" in meminfo:
        available, held = meminfo["MemAvailable"], status.get("VmRSS", 0)
    else:
        available, held = psutil.virtual_memory().available, psutil.Process().memory_info().rss
    return MemoryLimit(available + held, "the memory available on this machine")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _fields(path: Path) -> dict[str, int]:
    """The sizes, in bytes, from a file of lines such as `VmHWM:  1024 kB`; empty if there is no such file."""
    if not path.exists():
        return {}
    found = (re.match(r"(\w+):\s+(\d+) kB", line) for line in path.read_text().splitlines())
    return {match[1]: int(match[2]) * KIB for match in found if match}


def reset_peak() -> bool:
    """Start measuring the peak from now; False if the system cannot: then the peak is that of the process."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def resident_bytes() -> int:
    """The current resident set."""
    return _fields(STATUS).get("VmRSS") or int(psutil.Process().memory_info().rss)


def peak_bytes() -> int:
    """The largest resident set since the start of the process or the last `reset_peak`."""
    peak = _fields(STATUS).get("VmHWM")
    if peak is not None:
        return peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB
