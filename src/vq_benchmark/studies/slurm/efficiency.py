"""What the tasks of each stage used of what they requested, as `seff` says it of a job, and what to request next."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vq_benchmark.machine.memory import readable_bytes
from vq_benchmark.studies.slurm.accounting import EndedTask
from vq_benchmark.studies.slurm.jobs import Record
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.stages import STAGES, Stage

MEMORY_MARGIN = 1.3
MEMORY_STEP = 100 * 2**20
"""Suggested memory is a multiple of 100 MiB."""
TIME_MARGIN = 2
TIME_STEP = 5 * 60
RUNNING = ("PENDING", "RUNNING", "REQUEUED", "SUSPENDED", "COMPLETING")


@dataclass(frozen=True)
class StageUsage:
    """What the tasks of a stage that ended used, and what they requested; times in seconds, sizes in bytes."""

    stage: Stage
    tasks: int
    cpu_seconds: float
    cpu_seconds_requested: float
    peak_bytes: int
    bytes_requested: int
    longest_seconds: float
    seconds_limit: float
    suggested: tuple[str, ...]
    """Options of sbatch that would have been enough; none before a task completed."""

    @property
    def sentence(self) -> str:
        """The same in words."""
        used, requested = self.cpu_seconds / 3600, self.cpu_seconds_requested / 3600
        share = f" ({used / requested:.0%})" if requested else ""
        parts = [
            f"{self.stage} used {used:.2g} of {requested:.2g} CPU-hours{share}",
            f"at most {readable_bytes(self.peak_bytes)} of {readable_bytes(self.bytes_requested)} of memory",
            f"at most {_minutes(self.longest_seconds)} of {_minutes(self.seconds_limit)} min",
        ]
        suggestion = f"; next time: {' '.join(self.suggested)}" if self.suggested else ""
        return f"{', '.join(parts)}{suggestion}"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return vars(self) | {"suggested": list(self.suggested)}


def stage_usages(record: Record, rows: Iterable[EndedTask]) -> list[StageUsage]:
    """The usage of each stage of which accounting knows tasks that ran."""
    stages = {job.id: job.stage for job in record.jobs}
    found: dict[Stage, list[EndedTask]] = defaultdict(list)
    for row in rows:
        if row.job in stages and row.state not in RUNNING and row.cpu_seconds_requested:
            found[stages[row.job]].append(row)
    return [_usage(stage, found[stage], record.resources(stage)) for stage in STAGES if found[stage]]


def _usage(stage: Stage, rows: list[EndedTask], spec: JobSpec) -> StageUsage:
    return StageUsage(
        stage,
        len(rows),
        sum(row.cpu_seconds for row in rows),
        sum(row.cpu_seconds_requested for row in rows),
        max(row.peak_bytes for row in rows),
        max(row.bytes_requested for row in rows),
        max(row.seconds for row in rows),
        max(row.seconds_limit for row in rows),
        tuple(_suggested([row for row in rows if row.state == "COMPLETED"], spec)),
    )


def _suggested(completed: list[EndedTask], spec: JobSpec) -> list[str]:
    """Memory with a margin above the peak, twice the longest time, and fewer cores if most of them were idle."""
    peak = max((row.peak_bytes for row in completed), default=0)
    if not peak:
        return []
    cores = max(round(row.cpu_seconds_requested / row.seconds) for row in completed if row.seconds)
    busy = sum(row.cpu_seconds for row in completed) / sum(row.cpu_seconds_requested for row in completed)
    fewer = max(1, math.ceil(cores * busy)) if spec.cpus_per_task and busy < 0.5 else cores
    options = [] if fewer == cores else [f"--cpus-per-task {fewer}"]
    share = MEMORY_MARGIN * peak / (fewer if spec.mem_per_cpu else 1)
    mebibytes = math.ceil(share / MEMORY_STEP) * MEMORY_STEP // 2**20
    longest = math.ceil(TIME_MARGIN * max(row.seconds for row in completed) / TIME_STEP) * TIME_STEP
    return [*options, f"{'--mem-per-cpu' if spec.mem_per_cpu else '--mem'} {mebibytes}M", f"--time {longest // 60}"]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.3g}"
