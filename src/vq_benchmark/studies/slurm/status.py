"""The status of a study on SLURM: from its result files, then the queue, then accounting if there is any."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from vq_benchmark.studies.blocked import with_causes
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.accounting import EndedTask
from vq_benchmark.studies.slurm.attempts import Attempt, endings, latest_attempts
from vq_benchmark.studies.slurm.efficiency import stage_usages
from vq_benchmark.studies.slurm.escalation import more_for_stages
from vq_benchmark.studies.slurm.failures import ENDINGS, ending_of, last_line, remedy_for
from vq_benchmark.studies.slurm.jobs import Record, log_path, record_of
from vq_benchmark.studies.slurm.queue import Queue, read_queue
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.stuck import Stuck, stuck
from vq_benchmark.studies.stages import STAGES, Task
from vq_benchmark.studies.status import (
    PROBLEMS,
    StudyStatus,
    TaskStatus,
    files_status,
    plot_command,
    quoted_folder,
)

STATES = ("done", "running", "pending", *PROBLEMS)
"""A `stuck` task will wait forever, a `failed` one has a known reason, a `blocked` one lacks another one's result,
and a `lost` one left the queue without a result and without a reason."""


def study_status(manifest: Manifest) -> StudyStatus:
    """The status of every task. If SLURM does not answer, what the files say, and a remark.

    Raises:
        InputError: this machine has no SLURM.
    """
    scheduler.require_slurm()
    manifest = manifest.settled()
    try:
        queue = read_queue(manifest)
    except scheduler.SchedulerError as error:
        return _without_slurm(manifest, error)
    record = record_of(manifest) or Record(JobSpec.parse({}))
    unfinished = {task for stage in STAGES for task in manifest.unfinished(stage)}
    attempts = latest_attempts(record, unfinished)
    rows = scheduler.ended(job.id for job in record.jobs)
    facts = _Facts(manifest, record, queue, unfinished, attempts, endings(attempts, rows))
    later = unfinished - record.tried() - queue.tasks.keys() if queue.waves else set()
    tasks = with_causes(
        manifest,
        (
            TaskStatus(task, "pending", "the next wave of jobs")
            if task in later
            else facts.status_of(task)
            if task in unfinished
            else TaskStatus(task, "done")
            for stage in STAGES
            for task in manifest.tasks(stage)
        ),
    )
    proposal = more_for_stages(record, facts.ended)
    usages = stage_usages(record, rows)
    return StudyStatus(
        manifest,
        STATES,
        tasks,
        _next_command(manifest, tasks, more=bool(proposal.options)),
        (*facts.remarks(), *proposal.remarks(), *waiting(tasks), *(usage.sentence for usage in usages)),
        tuple(usage.as_json() for usage in usages),
    )


def is_in_progress(status: StudyStatus) -> bool:
    """Whether tasks wait or run, or SLURM did not say."""
    going = [each for each in status.tasks if each.state in ("running", "pending", "missing")]
    held_up = any(each.state == "stuck" for each in status.tasks)
    return any(each.reason != "Dependency" for each in going) or bool(going and not held_up)


def waiting(tasks: tuple[TaskStatus, ...]) -> list[str]:
    """The number of tasks per reason that SLURM gives for waiting."""
    reasons = Counter(each.reason for each in tasks if each.state == "pending")
    return [f"{count} pending: {reason}" for reason, count in reasons.most_common()]


def _without_slurm(manifest: Manifest, error: scheduler.SchedulerError) -> StudyStatus:
    remark = (
        f"SLURM does not answer, so this is what the files say: a missing task may wait, run, or be lost. {error}"
    )
    following = f"vq-benchmark slurm status {quoted_folder(manifest)}"
    return replace(files_status(manifest), remarks=(remark,), next_command=following)


def _next_command(manifest: Manifest, tasks: tuple[TaskStatus, ...], *, more: bool) -> str:
    states = {each.state for each in tasks}
    problems = states.intersection(PROBLEMS)
    if problems == {"stuck"}:
        commands = (re.search("`(.+)`", each.remedy) for each in tasks if each.state == "stuck")
        command = next(filter(None, commands), None)
        return command[1] if command else f"vq-benchmark slurm status {quoted_folder(manifest)}"
    if problems:
        return f"vq-benchmark slurm resume {quoted_folder(manifest)}{' --escalate' if more else ''}"
    if states == {"done"}:
        return plot_command(manifest)
    return f"vq-benchmark slurm status {quoted_folder(manifest)}"


@dataclass(frozen=True)
class _Facts:
    """What is known about the tasks of a study that are not done."""

    manifest: Manifest
    record: Record
    queue: Queue
    unfinished: set[Task]
    attempts: dict[Task, Attempt]
    ended: dict[Task, EndedTask]

    def remarks(self) -> list[str]:
        """Sentences about a study that is not where it was submitted from."""
        if not self.unfinished or not self.record.has_moved(self.manifest):
            return []
        resume = f"`vq-benchmark slurm resume {quoted_folder(self.manifest)}` submits what is missing"
        if self.record.jobs:
            return [f"the study was moved from {self.record.folder!r}, where its jobs would write; {resume}."]
        return [f"this is a copy of the study in {self.record.folder!r}, and has no jobs of its own; {resume}."]

    def status_of(self, task: Task) -> TaskStatus:
        attempt = self.attempts.get(task)
        log = None if attempt is None else log_path(self.manifest, attempt.job, attempt.index)
        status = self._queued(task) or self._ended(task, attempt, log) or _lost(task, log)
        return replace(status, log=log if log is not None and log.exists() else None)

    def _queued(self, task: Task) -> TaskStatus | None:
        row = self.queue.tasks.get(task)
        if row is None:
            return None
        why = stuck(row, self.queue.is_idle)
        if self.record.has_moved(self.manifest):
            why = Stuck(
                f"its job writes to {self.record.folder!r}, where the study was before",
                "`vq-benchmark slurm resume {folder}` submits it again",
            )
        if why is None:
            return TaskStatus(task, "pending" if row.waits else "running", row.reason)
        remedy = why.remedy.format(folder=quoted_folder(self.manifest), job=row.job)
        return TaskStatus(
            task, "stuck", f"{row.reason}, {why.meaning}", remedy=remedy, short=f"is stuck ({row.reason})"
        )

    def _ended(self, task: Task, attempt: Attempt | None, log: Path | None) -> TaskStatus | None:
        ended = self.ended.get(task)
        ending = None if ended is None else ending_of(ended, log)
        failure = self.manifest.failure(task)
        # The failure file may be from an earlier attempt, if the last one was killed.
        if ended and ending and (ended.state in ENDINGS or failure is None or self._is_older(task, attempt)):
            return TaskStatus(task, "failed", ending.reason, remedy=ending.remedy, short=ending.short)
        return None if failure is None else TaskStatus(task, "failed", failure, remedy=remedy_for(failure))

    def _is_older(self, task: Task, attempt: Attempt | None) -> bool:
        """Whether the failure file of a task was there before its last attempt was submitted."""
        path = self.manifest.failure_path(task)
        if attempt is None or not path.exists():
            return False
        return path.stat().st_mtime < datetime.fromisoformat(attempt.job.time).timestamp()


def _lost(task: Task, log: Path | None) -> TaskStatus:
    if log is None:
        return TaskStatus(task, "lost", "it was never submitted", short="was never submitted")
    said = last_line(log)
    ends = f"; its log ends with: {said}" if said else ""
    reason = f"it is not in the queue and left no result{ends}"
    return TaskStatus(task, "lost", reason, remedy=remedy_for(said), short="left no result")
