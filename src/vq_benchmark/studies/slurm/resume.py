"""Resume a study: submit the tasks that have no result and are not in the queue, and those that need them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.jobs import Job, load_record, require_own, script_path
from vq_benchmark.studies.slurm.queue import settled_tasks
from vq_benchmark.studies.slurm.submission import calls_for, submit_arrays, write_scripts
from vq_benchmark.studies.stages import NEEDS, STAGES, Stage, Task


@dataclass(frozen=True)
class ResumeResult:
    """What one call of `resume` did."""

    jobs: list[Job]
    still_queued: int
    """Tasks that were in the queue and remain there."""


def resume_study(manifest: Manifest, changes: Mapping[str, Any]) -> ResumeResult:
    """Submit the tasks that are missing or failed and not in the queue; `changes` are new resources.

    If tasks of a stage are resubmitted, queued tasks that depend on it wait for the wrong jobs: they are cancelled
    and resubmitted with the others. Changes rewrite the scripts; without changes the scripts stay as they are,
    including edits by hand.

    Raises:
        InputError: the study belongs to another user or was never submitted, or the resources are invalid.
        SchedulerError: SLURM rejected part of it; the same call continues.
    """
    require_own(manifest)
    record = load_record(manifest.folder)
    if record is None:
        raise InputError(
            f"the study in {str(manifest.folder)!r} was never submitted; use `vq-benchmark slurm submit`."
        )
    record = replace(record, spec=record.spec.changed(changes))
    kept, outdated, todo = _sorted_out(manifest, settled_tasks(manifest))
    max_array_size = scheduler.max_array_size()
    calls = calls_for(todo, max_array_size, record.spec.array_limit)
    if calls:
        if changes or not all(script_path(manifest, call.stage).exists() for call in calls):
            write_scripts(manifest, record, max_array_size)
        record.save(manifest.folder)
        scheduler.cancel(f"{row.job}_{row.index}" for row in outdated)
    still: dict[Stage, list[int]] = defaultdict(list)
    for task, row in kept.items():
        if row.job not in still[task.stage]:
            still[task.stage].append(row.job)
    return ResumeResult(submit_arrays(manifest, record, calls, still), len(kept))


def _sorted_out(
    manifest: Manifest, queued: Mapping[Task, scheduler.QueuedTask]
) -> tuple[dict[Task, scheduler.QueuedTask], list[scheduler.QueuedTask], dict[Stage, list[int]]]:
    """What stays in the queue, what must leave it, and the numbers of the tasks to submit."""
    kept: dict[Task, scheduler.QueuedTask] = {}
    outdated: list[scheduler.QueuedTask] = []
    todo: dict[Stage, list[int]] = {}
    for stage in STAGES:
        renewed = any(todo[upstream] for upstream in NEEDS[stage])
        for task, row in queued.items():
            if task.stage == stage and renewed and row.waits:
                outdated.append(row)
            elif task.stage == stage:
                kept[task] = row
        # A merge that is running does not see what is submitted now.
        waits_for_more = stage == "merge" and renewed
        todo[stage] = [task.index for task in manifest.unfinished(stage) if waits_for_more or task not in kept]
    return kept, outdated, todo
