"""Resume a study: submit the tasks that have no result and are not in the queue, and those that need them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.calls import calls_for
from vq_benchmark.studies.slurm.jobs import load_record, require_own, script_path
from vq_benchmark.studies.slurm.limits import job_limit
from vq_benchmark.studies.slurm.queue import own_rows, settled_tasks
from vq_benchmark.studies.slurm.submission import Submission, submit_wave, write_scripts
from vq_benchmark.studies.slurm.waves import first_wave, queued_waves
from vq_benchmark.studies.stages import NEEDS, STAGES, Stage, Task


def resume_study(manifest: Manifest, changes: Mapping[str, Any], *, wave: bool = False) -> Submission:
    """Submit the tasks that are missing or failed and not in the queue; `changes` are new resources.

    With `wave`, submit only those that were not tried since a person last submitted or resumed the study: a task that
    fails must not be tried again and again.

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
    if wave:
        tried = record.tried()
        todo = {stage: [index for index in todo[stage] if Task(stage, index) not in tried] for stage in STAGES}
    else:
        record = replace(record, round_start=len(record.jobs))
    max_array_size = scheduler.max_array_size()
    calls = calls_for(todo, max_array_size, record)
    remarks: list[str] = []
    limit = job_limit(record.spec) if calls else None
    leaving = list(dict.fromkeys(f"{row.job}_{row.index}" for row in outdated))
    waves = [str(job) for job in queued_waves(manifest)] if calls else []
    in_queue = len(own_rows(manifest)) - len(leaving) - len(waves) if calls else 0
    chosen = first_wave(calls, limit, in_queue)
    if calls:
        if changes or not all(script_path(manifest, call.stage).exists() for call in calls):
            remarks = write_scripts(manifest, record, max_array_size)
        record.save(manifest.folder)
        scheduler.cancel([*waves, *leaving])
    still: dict[Stage, list[int]] = defaultdict(list)
    for task, row in kept.items():
        if row.job not in still[task.stage]:
            still[task.stage].append(row.job)
    done = submit_wave(manifest, record, chosen, still)
    return replace(done, limit=limit, remarks=tuple(remarks), still_queued=len(kept))


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
