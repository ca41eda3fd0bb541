"""The status of a study on SLURM: from its result files, then the queue, then accounting if there is any."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.jobs import Job, Record, load_record, log_path, named_tasks
from vq_benchmark.studies.slurm.queue import queued_tasks
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.waves import queued_waves
from vq_benchmark.studies.stages import STAGES, Task
from vq_benchmark.studies.status import PROBLEMS, StudyStatus, TaskStatus, plot_command, quoted_folder

STATES = ("done", "running", "pending", "failed", "lost")
"""A `failed` task has a known reason; a `lost` task left the queue without a result and without a reason."""
ENDINGS = {
    "OUT_OF_MEMORY": "out of memory; resume with more memory, for example --mem-per-cpu 4G",
    "TIMEOUT": "its time limit ended before it could requeue; resume with a longer --time",
    "CANCELLED": "cancelled",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "preempted and not requeued",
    "DEADLINE": "it did not start before its deadline",
}
"""Final states in accounting of tasks that leave no failure file."""
LOOKED_AT = 2000
"""Bytes at the end of a log that are searched for its last line."""


def study_status(manifest: Manifest) -> StudyStatus:
    """The status of every task.

    Raises:
        InputError: this machine has no SLURM, or SLURM does not answer.
    """
    scheduler.require_slurm()
    record = load_record(manifest.folder) or Record(JobSpec.parse({}))
    queued = queued_tasks(manifest)
    unfinished = {task for stage in STAGES for task in manifest.unfinished(stage)}
    latest = _latest_jobs(record, unfinished)
    later = unfinished - record.tried() - queued.keys() if queued_waves(manifest) else set()
    ended = _endings(manifest, latest, queued)
    tasks = tuple(
        TaskStatus(task, "pending", "the next wave of jobs")
        if task in later
        else _status_of(manifest, task, queued.get(task), ended.get(task), latest.get(task))
        if task in unfinished
        else TaskStatus(task, "done")
        for stage in STAGES
        for task in manifest.tasks(stage)
    )
    return StudyStatus(manifest, STATES, tasks, _next_command(manifest, {each.state for each in tasks}))


def waiting_reasons(status: StudyStatus) -> dict[str, int]:
    """The number of tasks per reason that SLURM gives for waiting."""
    return dict(Counter(each.reason for each in status.tasks if each.state == "pending").most_common())


def _next_command(manifest: Manifest, states: set[str]) -> str:
    if states.intersection(PROBLEMS):
        return f"vq-benchmark slurm resume {quoted_folder(manifest)}"
    if states == {"done"}:
        return plot_command(manifest)
    return f"vq-benchmark slurm status {quoted_folder(manifest)}"


def _latest_jobs(record: Record, tasks: Collection[Task]) -> dict[Task, tuple[Job, int]]:
    """The last job that contains each task, and the index of the task in it."""
    return {task: (job, index) for job in record.jobs for task, index in job.tasks() if task in tasks}


def _endings(
    manifest: Manifest, latest: Mapping[Task, tuple[Job, int]], queued: Collection[Task]
) -> dict[Task, scheduler.EndedTask]:
    """What accounting knows about the last attempt at each task that is not in the queue."""
    rows = scheduler.ended(job.id for task, (job, _) in latest.items() if task not in queued)
    named = ((task, row) for row in rows for task in named_tasks(manifest, row.name, row.index))
    return {task: row for task, row in named if task in latest and row.job == latest[task][0].id}


def _status_of(
    manifest: Manifest,
    task: Task,
    queued: scheduler.QueuedTask | None,
    ended: scheduler.EndedTask | None,
    attempt: tuple[Job, int] | None,
) -> TaskStatus:
    log = None if attempt is None else log_path(manifest, *attempt)
    shown = log if log is not None and log.exists() else None
    if queued is not None:
        return TaskStatus(task, "pending" if queued.waits else "running", queued.reason, shown)
    # The failure file may be from an earlier attempt, if the last one was killed.
    if ended is not None and ended.state in ENDINGS:
        return TaskStatus(task, "failed", ENDINGS[ended.state], shown)
    failure = manifest.failure(task)
    if failure is not None:
        return TaskStatus(task, "failed", failure, shown)
    if ended is not None and ended.state == "FAILED":
        code, _, signal = ended.exit_code.partition(":")
        how = f"exit code {code}" if signal in ("", "0") else f"signal {signal}"
        return TaskStatus(task, "failed", f"it ended with {how} and left no result", shown)
    if attempt is None:
        return TaskStatus(task, "lost", "it was never submitted")
    said = "" if shown is None else _last_line(shown)
    return TaskStatus(task, "lost", f"it is not in the queue and left no result{said}", shown)


def _last_line(log: Path) -> str:
    """The last line of a log, which may say why SLURM ended the task."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOOKED_AT))
        lines = file.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"; its log ends with: {last[: LOOKED_AT // 10]}" if last else ""
