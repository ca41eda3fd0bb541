"""Repair a study: hand in what has no result and is not in the queue, and whatever waits for it."""

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
    """What a call of `resume` did."""

    jobs: list[Job]
    still_queued: int
    """Tasks that were in the queue and stay there."""


def resume_study(manifest: Manifest, changes: Mapping[str, Any]) -> ResumeResult:
    """Hand in the tasks that are missing or failed and not in the queue; `changes` are new resources.

    Tasks that wait for a stage of which something is handed in again wait for the wrong jobs: they are taken off the
    queue and handed in again with the others. With changes the scripts are written anew; without, they stay as they
    are, with what was edited by hand.

    Raises:
        InputError: the study is another user's or was never submitted, or the resources are not possible.
        SchedulerError: SLURM did not take all of it; the same call goes on.
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
    """What stays in the queue, what is to leave it, and the numbers of the tasks to hand in."""
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
        # A merge that is running now has not seen what is handed in now.
        waits_for_more = stage == "merge" and renewed
        todo[stage] = [task.index for task in manifest.unfinished(stage) if waits_for_more or task not in kept]
    return kept, outdated, todo
