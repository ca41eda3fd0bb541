"""More memory or time for tasks that ran out of it: half as much again as the most that was seen, up to a cap."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vq_benchmark.machine.validation import option_name
from vq_benchmark.studies.slurm.accounting import EndedTask
from vq_benchmark.studies.slurm.jobs import Record
from vq_benchmark.studies.slurm.resources import MEMORY_OPTIONS, JobSpec, bytes_of, merged, seconds_of
from vq_benchmark.studies.stages import STAGES, Task

FACTOR = 1.5
MIB = 2**20
LONGEST_TIME = "18:00:00"
"""The most time that a task may request where nothing says how long the cluster allows a job."""


@dataclass(frozen=True)
class Caps:
    """The most that a task may request, as texts of sbatch."""

    mem: str = "64G"
    time: str | None = None
    """None: the longest time that the cluster allows a job, as the resources of the study say, or LONGEST_TIME."""


def parsed_caps(mem: str = Caps.mem, time: str | None = None) -> Caps:
    """The caps that a user wrote.

    Raises:
        InputError: one has another form than sbatch takes.
    """
    spec = JobSpec.parse({"mem": mem, "time": time}, "--max-mem and --max-time")
    return Caps(spec.mem or mem, spec.time)


@dataclass(frozen=True)
class More:
    """What to request for tasks that ran out of memory or time."""

    options: dict[str, str] = field(default_factory=dict)
    """New values by field of JobSpec; with `more_for_stages` by stage and field, such as fit_mem."""
    stages: dict[str, dict[str, str]] = field(default_factory=dict)
    """The same by stage."""
    at_cap: tuple[str, ...] = ()
    """What is needed but not requested, because the cap is reached."""

    def remarks(self, verb: str = "--escalate would request") -> list[str]:
        """Sentences that propose it, or with another verb say that it was done."""
        flags = " ".join(f"{option_name(name)} {value}" for name, value in self.options.items())
        at_caps = [f"the cap of {option} is reached; raise it if the tasks need more" for option in self.at_cap]
        return [f"{verb} {flags}", *at_caps] if flags else at_caps

    def beside(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """What was chosen, and more for stages where it chose nothing."""
        chosen = {*changes, *(MEMORY_OPTIONS if any(name in changes for name in MEMORY_OPTIONS) else ())}
        more = {
            stage: {name: value for name, value in options.items() if name not in chosen}
            for stage, options in self.stages.items()
        }
        stages = merged(more, changes.get("stages", {}))
        return {**changes, **({"stages": stages} if stages else {})}


def more_for_stages(record: Record, ended: Mapping[Task, EndedTask], caps: Caps | None = None) -> More:
    """What each stage should request instead, as its tasks ended."""
    rows: dict[str, list[EndedTask]] = defaultdict(list)
    for task, row in ended.items():
        rows[task.stage].append(row)
    found = {stage: more_for(record.resources(stage), rows[stage], caps) for stage in STAGES if rows[stage]}
    options = {f"{stage}_{name}": value for stage, each in found.items() for name, value in each.options.items()}
    at_cap = dict.fromkeys(cap for each in found.values() for cap in each.at_cap)
    return More(options, {stage: each.options for stage, each in found.items() if each.options}, tuple(at_cap))


def more_for(spec: JobSpec, ended: Iterable[EndedTask], caps: Caps | None = None) -> More:
    """What to request instead of `spec`, as these tasks ended; nothing if none ran out of memory or time."""
    caps = caps or Caps()
    rows = list(ended)
    found = [
        _memory(spec, [row for row in rows if ran_out_of_memory(row)], caps),
        _time(spec, [row for row in rows if row.state == "TIMEOUT"], caps),
    ]
    options = {name: value for each in found for name, value in each.options.items()}
    return More(options, at_cap=tuple(cap for each in found for cap in each.at_cap))


def ran_out_of_memory(row: EndedTask) -> bool:
    """Whether a task was killed for its memory; where SLURM itself watches over it, it says so by signal 9 only."""
    return row.state == "OUT_OF_MEMORY" or (row.state == "FAILED" and row.exit_code.endswith(":9"))


def _memory(spec: JobSpec, rows: list[EndedTask], caps: Caps) -> More:
    requested = max((row.bytes_requested for row in rows), default=0)
    if not requested:
        return More()
    # The peak is sampled, so a task that grew fast was killed at more than was seen.
    wanted = FACTOR * max(requested, *(row.peak_bytes for row in rows))
    allowed = min(wanted, bytes_of(caps.mem))
    if allowed <= requested:
        return More(at_cap=("--max-mem",))
    name = next((name for name in MEMORY_OPTIONS if getattr(spec, name) is not None), "mem")
    value = getattr(spec, name)
    now = bytes_of(value) if value else requested
    return More({name: f"{math.ceil(now * allowed / requested / MIB)}M"})


def _time(spec: JobSpec, rows: list[EndedTask], caps: Caps) -> More:
    limit = max((row.seconds_limit for row in rows), default=0) or (
        seconds_of(spec.time) if rows and spec.time else 0
    )
    if not limit:
        return More()
    allowed = min(FACTOR * limit, seconds_of(caps.time or spec.max_time or LONGEST_TIME))
    return More({"time": str(math.ceil(allowed / 60))}) if allowed > limit else More(at_cap=("--max-time",))
