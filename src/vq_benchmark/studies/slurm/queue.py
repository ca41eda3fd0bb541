"""Which tasks of a study are in SLURM's queue."""

import time

from vq_benchmark.studies.manifest import MANIFEST_FILE, Manifest, Task
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.record import named_task

SETTLING_SECONDS = 60
"""Twice the time that SLURM gives a task by default from TERM to KILL."""


def queued_tasks(manifest: Manifest) -> dict[Task, scheduler.QueuedTask]:
    """The tasks that wait or run, whoever handed them in; one that runs goes before its double that waits."""
    owner = (manifest.folder / MANIFEST_FILE).stat().st_uid
    rows = sorted(scheduler.queue(owner), key=lambda row: not row.waits)
    named = ((named_task(manifest, row.name, row.index), row) for row in rows)
    return {task: row for task, row in named if task is not None}


def settled_tasks(manifest: Manifest) -> dict[Task, scheduler.QueuedTask]:
    """The same, once it is known of every task that is ending without a result whether it comes again.

    Tasks that are cancelled and tasks that queue again are both COMPLETING while they write their checkpoints. One
    that stays so for longer than SLURM lets it is taken for one that comes again.
    """
    end = time.monotonic() + SETTLING_SECONDS
    while True:
        queued = queued_tasks(manifest)
        ending = (task for task, row in queued.items() if row.state == "COMPLETING")
        if time.monotonic() > end or all(manifest.outcome(task) == "done" for task in ending):
            return queued
        time.sleep(1)
