"""The last attempt at each task, and what accounting says of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from vq_benchmark.studies.slurm.accounting import EndedTask
from vq_benchmark.studies.slurm.jobs import Job, Record
from vq_benchmark.studies.stages import Task


@dataclass(frozen=True)
class Attempt:
    """An element of a job array that was to do a task."""

    job: Job
    index: int


def latest_attempts(record: Record, tasks: Collection[Task]) -> dict[Task, Attempt]:
    """The last element that was submitted for each of these tasks."""
    return {task: Attempt(job, index) for job in record.jobs for task, index in job.tasks() if task in tasks}


def endings(attempts: Mapping[Task, Attempt], rows: Iterable[EndedTask]) -> dict[Task, EndedTask]:
    """How the attempts ended, as far as accounting knows it."""
    ended = {(row.job, row.index): row for row in rows}
    found = ((task, ended.get((each.job.id, each.index))) for task, each in attempts.items())
    return {task: row for task, row in found if row is not None}
