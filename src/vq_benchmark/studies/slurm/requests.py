"""What the jobs of a study should request, and whether what they request can work."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import GIB, MIB, readable_bytes
from vq_benchmark.machine.validation import option_name
from vq_benchmark.studies.costs.cost_estimate import StudyCost
from vq_benchmark.studies.costs.stage_memory import StageMemory
from vq_benchmark.studies.slurm.jobs import Record
from vq_benchmark.studies.slurm.limits import JobLimit
from vq_benchmark.studies.slurm.resources import JobSpec, seconds_of
from vq_benchmark.studies.stages import Stage

SPARE_SHARE = 4 / 3
"""Memory to request over memory estimated: estimates are within 30 % of the peak."""
LONGEST_SHARE = 0.5
"""Of the time limit, which a job with several tasks should not exceed by estimate."""
USUAL_TIME = "60"
"""The time limit of many clusters where none is requested."""
SHORTEST_SECONDS = 1e-3


@dataclass(frozen=True)
class Estimate:
    """What is known of a study before it is submitted."""

    memory: Mapping[Stage, StageMemory]
    cost: StudyCost
    start_up: float = 0.0
    """CPU seconds that a process takes before its first task."""


def with_defaults(record: Record, estimate: Estimate, limit: JobLimit | None) -> Record:
    """The record with what the estimate suggests, for what nobody chose.

    Jobs get longer, up to half of their time limit, until the queue has room for all of them.
    """
    defaults: dict[str, dict[str, Any]] = {
        stage: {"mem": amount(memory.usual)} for stage, memory in estimate.memory.items()
    }
    for longer in (1, 2, 4, 8, 16):
        jobs = 0
        for stage in estimate.memory:
            spec, cost = record.spec.of(stage), estimate.cost.stages[stage]
            if cost.cpu_seconds is not None:
                defaults[stage]["tasks_per_job"] = bundle_size(spec, cost.tasks, cost.cpu_seconds, longer)
            jobs += math.ceil(cost.tasks / (spec.tasks_per_job or defaults[stage].get("tasks_per_job", 1)))
        if limit is None or jobs <= limit.jobs:
            break
    return replace(record, defaults=defaults)


def bundle_size(spec: JobSpec, tasks: int, cpu_seconds: float, longer: float = 1) -> int:
    """How many tasks of so many CPU seconds a job runs: no job is shorter than `longer` times `min_minutes`."""
    seconds = max(cpu_seconds / spec.cores, SHORTEST_SECONDS)
    wanted = math.ceil(60 * spec.min_minutes * longer / seconds)
    longest = LONGEST_SHARE * seconds_of(spec.time or USUAL_TIME)
    wanted = min(wanted, max(1, int(longest / seconds)))
    jobs = max(1, tasks // wanted) if wanted else tasks
    return max(1, math.ceil(tasks / max(1, jobs)))


def amount(bytes_: float, share: float = SPARE_SHARE) -> str:
    """Memory to request for what is estimated, as sbatch takes it."""
    needed = bytes_ * share
    return f"{256 * math.ceil(needed / (256 * MIB))}M" if needed < 4 * GIB else f"{math.ceil(needed / GIB)}G"


def require_fit(record: Record, estimate: Estimate) -> None:
    """Raise InputError, with the option that would help, if a stage needs more memory than its jobs request."""
    for stage, memory in estimate.memory.items():
        spec = record.resources(stage)
        if spec.memory is None or memory.least <= spec.memory or not estimate.cost.stages[stage].tasks:
            continue
        kind = next(name for name in ("mem_per_cpu", "mem_per_gpu", "mem") if getattr(spec, name) is not None)
        parts = {"mem": 1, "mem_per_cpu": spec.cores, "mem_per_gpu": max(1, spec.gpus)}[kind]
        option = f"{option_name(f'{stage}_{kind}')} {amount(memory.least / parts)}"
        raise InputError(
            f"stage {stage} needs about {readable_bytes(memory.least)} of memory ({memory.what}), but its jobs "
            f"request {readable_bytes(spec.memory)}; add {option}, or leave out what needs so much."
        )


def warnings(record: Record, estimate: Estimate) -> Iterator[str]:
    """Sentences about limits that the study exceeds, of the user or of the cluster."""
    spec = record.spec
    seconds = estimate.cost.cpu_seconds
    if spec.max_cpu_hours is not None and seconds is not None and seconds > 3600 * spec.max_cpu_hours:
        yield (
            f"the study takes about {seconds / 3600:,.1f} CPU-hours, more than --max-cpu-hours "
            f"{spec.max_cpu_hours:g}; fewer methods, bits or seeds take less."
        )
    for stage in estimate.memory:
        of_stage = record.resources(stage)
        if of_stage.time is None:
            continue
        hours = seconds_of(of_stage.time) / 3600
        if spec.max_time is not None and 3600 * hours > seconds_of(spec.max_time):
            yield f"stage {stage}: --time {of_stage.time} is longer than the {spec.max_time} that the cluster allows."
        most = spec.max_job_cpu_hours
        if most is not None and hours * of_stage.cores > most:
            yield (
                f"stage {stage}: {of_stage.cores} cores for {hours:g} hours are {hours * of_stage.cores:,.0f} "
                f"CPU-hours, more than the {most:g} that the cluster allows a job."
            )
