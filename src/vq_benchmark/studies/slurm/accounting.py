"""What accounting (`sacct`) says about tasks that ended: how, and what they used of what they requested."""

import re
from dataclasses import dataclass, replace

from vq_benchmark.machine.memory import UNITS
from vq_benchmark.studies.slurm.job_arrays import expanded

FIELDS = "JobID,State,ExitCode,ElapsedRaw,TimelimitRaw,CPUTimeRAW,TotalCPU,AllocTRES,MaxRSS"


@dataclass(frozen=True)
class EndedTask:
    """What accounting knows about one attempt at a task that left the queue; zeros where it is silent."""

    job: int
    index: int
    state: str
    exit_code: str
    seconds: float = 0
    seconds_limit: float = 0
    cpu_seconds: float = 0
    cpu_seconds_requested: float = 0
    """Time on all allocated cores."""
    peak_bytes: int = 0
    bytes_requested: int = 0


def parsed_rows(answer: str) -> list[EndedTask]:
    """The tasks in what `sacct -n -P -o FIELDS` prints, oldest job first; a step gives its memory to its task."""
    found: dict[tuple[int, int], EndedTask] = {}
    for line in answer.splitlines():
        name, state, exit_code, elapsed, limit, requested, used, resources, peak = line.split("|")
        id_, _, step = name.partition(".")
        job, _, indices = id_.partition("_")
        for index in expanded(indices.strip("[]") or "0"):  # tasks that never ran share one line, such as 12_[3-7%2]
            key = (int(job), index)
            if step:
                if key in found:
                    largest = max(found[key].peak_bytes, reported_bytes(peak))
                    found[key] = replace(found[key], peak_bytes=largest)
                continue
            found[key] = EndedTask(
                *key, state.split()[0], exit_code, _number(elapsed), 60 * _number(limit),
                seconds_of_duration(used), _number(requested), reported_bytes(peak), _memory_in(resources),
            )  # fmt: skip
    return sorted(found.values(), key=lambda task: task.job)


def reported_bytes(text: str) -> int:
    """Bytes of an amount as SLURM writes it, such as 2100K or 1.5G; 0 if it is none."""
    match = re.fullmatch(r"([\d.]+)([KMGT]?)", text.strip())
    return int(float(match[1]) * UNITS[match[2]]) if match else 0


def seconds_of_duration(text: str) -> float:
    """Seconds of a duration as SLURM writes it: MM:SS.mmm, HH:MM:SS or D-HH:MM:SS; 0 if it is none."""
    match = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+(?:\.\d+)?)", text.strip())
    if match is None:
        return 0
    days, hours, minutes = (int(each or 0) for each in match.groups()[:3])
    return 86400 * days + 3600 * hours + 60 * minutes + float(match[4])


def _number(text: str) -> float:
    return float(text) if text.isdigit() else 0  # UNLIMITED, or nothing yet


def _memory_in(resources: str) -> int:
    match = re.search(r"(?:^|,)mem=([^,]+)", resources)
    return reported_bytes(match[1]) if match else 0
