"""Resume a study: submit the tasks that have no result and are not in the queue, and those that need them."""

import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.attempts import endings, latest_attempts
from vq_benchmark.studies.slurm.calls import calls_for
from vq_benchmark.studies.slurm.escalation import Caps, More, more_for_stages
from vq_benchmark.studies.slurm.jobs import Record, record_of, require_own, script_path
from vq_benchmark.studies.slurm.limits import cluster_limits
from vq_benchmark.studies.slurm.queue import Queue, settled_queue
from vq_benchmark.studies.slurm.stuck import stuck
from vq_benchmark.studies.slurm.submission import Submission, submit_wave, write_scripts
from vq_benchmark.studies.slurm.waves import Wave, first_wave
from vq_benchmark.studies.stages import NEEDS, STAGES, Stage, Task


def resume_study(
    manifest: Manifest, changes: Mapping[str, Any], escalate: Caps | None = None, *, wave: bool = False
) -> Submission:
    """Submit the tasks that are missing or failed and not in the queue; `changes` are new resources.

    With `escalate`, stages whose tasks ran out of memory or time get more, up to these caps. With `wave`, only those
    tasks are submitted that were not tried since a person last submitted or resumed the study: a task that fails must
    not be tried again and again.

    If tasks of a stage are resubmitted, queued tasks that depend on it wait for the wrong jobs: they are cancelled
    and resubmitted with the others. So are tasks that new resources may help because they would wait forever, and
    all jobs of a study that was moved, which would write to its former folder. Changes, another folder and another
    interpreter rewrite the scripts; otherwise they stay as they are, including edits by hand.

    Raises:
        InputError: the study belongs to another user or was never submitted, or the resources are invalid.
        SchedulerError: SLURM rejected part of it; the same call continues.
    """
    found, manifest = manifest, manifest.settled()
    require_own(manifest)
    record = record_of(manifest)
    if record is None:
        raise InputError(
            f"the study in {str(manifest.folder)!r} was never submitted; use `vq-benchmark slurm submit`."
        )
    more = _more(manifest, record, escalate)
    options = dict(changes) if escalate is None else more.beside(changes)
    record = replace(record, spec=record.spec.changed(options))
    queue = settled_queue(manifest)
    kept, outdated, todo = _sorted_out(manifest, queue.tasks, _leaves(manifest, record, queue, options))
    if wave:
        tried = record.tried()
        todo = {stage: [index for index in todo[stage] if Task(stage, index) not in tried] for stage in STAGES}
    else:
        record = replace(record, round_start=len(record.jobs))
    limit, chosen, remarks = None, Wave(()), list[str]()
    if any(todo.values()):
        limits = cluster_limits(record.spec)
        limit, calls = limits.jobs, calls_for(todo, limits.max_array_size, record)
        leaving = list(dict.fromkeys(f"{row.job}_{row.index}" for row in outdated))
        chosen = first_wave(calls, limit, queue.size - len(leaving) - len(queue.waves))
        remarks = _why_rewritten(manifest, record)
        if options or remarks or not all(script_path(manifest, call.stage).exists() for call in calls):
            remarks += write_scripts(manifest, record, limits.max_array_size)
            record = record.made_here(manifest)
        scheduler.cancel([*map(str, queue.waves), *leaving])
        record.save(manifest.folder)
    if manifest != found:
        manifest.save()
    done = submit_wave(manifest, record, chosen, _ids(kept))
    remarks += _said(more, changes, escalate)
    return replace(done, limit=limit, remarks=tuple(remarks), still_queued=len(kept))


def _ids(kept: Mapping[Task, scheduler.QueuedTask]) -> dict[Stage, list[int]]:
    """The jobs of each stage, each once."""
    found: dict[Stage, list[int]] = defaultdict(list)
    for task, row in kept.items():
        if row.job not in found[task.stage]:
            found[task.stage].append(row.job)
    return found


def _said(more: More, changes: Mapping[str, Any], escalate: Caps | None) -> list[str]:
    """What is proposed, unless the user chose resources, or what was requested."""
    if escalate is None:
        return [] if changes else more.remarks()
    return more.remarks("requested") or ["no task is known to have run out of memory or time"]


def _more(manifest: Manifest, record: Record, caps: Caps | None) -> More:
    """What tasks that ran out of memory or time need."""
    unfinished = {task for stage in STAGES for task in manifest.unfinished(stage)}
    attempts = latest_attempts(record, unfinished)
    ended = endings(attempts, scheduler.ended(each.job.id for each in attempts.values()))
    return more_for_stages(record, ended, caps)


def _why_rewritten(manifest: Manifest, record: Record) -> list[str]:
    """Why the scripts cannot stay as they are, in a sentence."""
    if record.has_moved(manifest):
        return [f"rewrote the scripts, which were for the folder {record.folder!r}."]
    if record.python not in ("", sys.executable):
        return [f"rewrote the scripts, which ran {record.python!r} and not {sys.executable!r}."]
    return []


def _leaves(
    manifest: Manifest, record: Record, queue: Queue, changes: Mapping[str, Any]
) -> Callable[[scheduler.QueuedTask], bool]:
    """Whether a job in the queue is of no use any more, whatever becomes of the stages before it."""
    moved = record.has_moved(manifest)
    return lambda row: moved or (bool(changes) and stuck(row, queue.is_idle) is not None)


def _sorted_out(
    manifest: Manifest, queued: Mapping[Task, scheduler.QueuedTask], leaves: Callable[[scheduler.QueuedTask], bool]
) -> tuple[dict[Task, scheduler.QueuedTask], list[scheduler.QueuedTask], dict[Stage, list[int]]]:
    """What stays in the queue, what must leave it, and the numbers of the tasks to submit."""
    kept: dict[Task, scheduler.QueuedTask] = {}
    outdated: list[scheduler.QueuedTask] = []
    todo: dict[Stage, list[int]] = {}
    for stage in STAGES:
        renewed = any(todo[upstream] for upstream in NEEDS[stage])
        for task, row in queued.items():
            if task.stage == stage and ((renewed and row.waits) or leaves(row)):
                outdated.append(row)
            elif task.stage == stage:
                kept[task] = row
        # A merge that is running does not see what is submitted now.
        waits_for_more = stage == "merge" and renewed
        todo[stage] = [task.index for task in manifest.unfinished(stage) if waits_for_more or task not in kept]
    return kept, outdated, todo
