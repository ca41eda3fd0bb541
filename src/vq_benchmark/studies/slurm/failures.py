"""Why a task that SLURM ended has no result, in a sentence with what to do, from accounting and the log."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vq_benchmark.studies.slurm.accounting import EndedTask


@dataclass(frozen=True)
class Ending:
    """A way to end without a result."""

    short: str
    """What the task did, as the end of a sentence: `fit 3 ran out of memory`."""
    reason: str
    remedy: str = ""


ENDINGS = {
    "OUT_OF_MEMORY": Ending(
        "ran out of memory", "out of memory", "resume with --escalate, or with more memory, such as --mem-per-cpu 4G"
    ),
    "TIMEOUT": Ending(
        "ran out of time",
        "its time limit ended before it could requeue",
        "resume with --escalate, or with a longer --time",
    ),
    "CANCELLED": Ending("was cancelled", "cancelled"),
    "NODE_FAIL": Ending("lost its node", "its node failed"),
    "BOOT_FAIL": Ending("lost its node", "its node did not start"),
    "PREEMPTED": Ending("was preempted", "preempted and not requeued"),
    "DEADLINE": Ending("missed its deadline", "it did not start before its deadline"),
}  # fmt: skip
"""Final states in accounting of tasks that leave no failure file."""
UNOPENED_LOG = "53"
"""The signal that SLURM reports where it could not start a script, because the log could not be opened."""
MORE_MEMORY = ENDINGS["OUT_OF_MEMORY"].remedy
REMEDIES = {
    r"(?i)no (space|inodes) left": "free some space or files (`df -h`, `df -i`), then resume",
    r"Disk quota exceeded": "delete files, or ask for a larger quota, then resume",
    r"the setup line failed": "correct the line and give all of them again: resume with --setup",
    r"error while loading shared libraries": 'load the module of its Python: resume with --setup "module load NAME"',
    r"No module named": "activate the environment of the program and resume, which rewrites the scripts",
    r"exit code 12[67]\b": "activate the environment of the program and resume, which rewrites the scripts",
    r"signal 53\b": "the study was moved or deleted, or its disk is full; resume, which rewrites the scripts",
    r"signal 9\b": MORE_MEMORY,
    r"needs about .* of memory": "resume with a third more memory than that, such as --mem 50G",
}
"""What helps, by what a reason says, as a regular expression; the first that fits."""
LOOKED_AT = 2000
"""Bytes at the end of a log that are searched for its last line."""
NOISE = re.compile(r"slurmstepd: error: (\*\*\*|Detected \d+ oom)|srun: ")
"""Lines that SLURM adds behind those of the program."""
SHOWN = 200
"""Most characters of a line that are quoted."""
SPARE_BYTES, SPARE_FILES = 256 << 10, 4
"""A disk with less room cannot take the log and the result of a task."""


def remedy_for(reason: str) -> str:
    """What to do about a failure; empty if nothing is known but to resume."""
    return next((remedy for said, remedy in REMEDIES.items() if re.search(said, reason)), "")


def ending_of(ended: EndedTask, log: Path | None) -> Ending | None:
    """Why a task that accounting knows has no result; None if accounting says that it completed."""
    if ended.state in ENDINGS:
        return ENDINGS[ended.state]
    if ended.state != "FAILED":
        return None
    code, _, signal = ended.exit_code.partition(":")
    how = f"exit code {code}" if signal in ("", "0") else f"signal {signal}"
    if signal == UNOPENED_LOG:
        how = f"signal {signal}: SLURM could not open its log"
    said = last_line(log)
    reason = f"{how}: {said}" if said else f"{how}, and it left no result{_on_a_full_disk(log)}"
    return Ending(f"failed with {how}", reason, remedy_for(reason))


def _on_a_full_disk(log: Path | None) -> str:
    """The end of a sentence: what the disk of a log lacks now, which is why nothing could be written to it."""
    if log is None:
        return ""
    with suppress(OSError):  # its folder was moved or deleted
        found = os.statvfs(log.parent)
        if found.f_bavail * found.f_frsize < SPARE_BYTES:
            return "; the disk has no space left"
        if found.f_files and found.f_favail < SPARE_FILES:  # some file systems do not count files
            return "; the disk has no inodes left"
    return ""


def last_line(log: Path | None) -> str:
    """The last line of a log that the program wrote; empty if there is none."""
    if log is None or not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOOKED_AT))
        lines = [line.strip() for line in file.read().decode(errors="replace").split("\n") if line.strip()]
    last = next((line for line in reversed(lines) if not NOISE.match(line)), lines[-1] if lines else "")
    return last[:SHOWN]
