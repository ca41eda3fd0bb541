"""Which tasks of a study are in SLURM's queue."""

import time

from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.result_files import MANIFEST_FILE
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.jobs import named_task
from vq_benchmark.studies.stages import Task

ENDING_SECONDS = 60.0
"""How long to wait for tasks that are ending: twice the time that SLURM by default gives a process to end."""


def queued_tasks(manifest: Manifest) -> dict[Task, scheduler.QueuedTask]:
    """The tasks that wait or run, whoever submitted them; a running one takes precedence over a waiting double."""
    owner = (manifest.folder / MANIFEST_FILE).stat().st_uid
    rows = sorted(scheduler.queue(owner), key=lambda row: not row.waits)
    named = ((named_task(manifest, row.name, row.index), row) for row in rows)
    return {task: row for task, row in named if task is not None}


def settled_tasks(manifest: Manifest) -> dict[Task, scheduler.QueuedTask]:
    """The same, after tasks that are ending without a result have left the queue or returned to it."""
    end = time.monotonic() + ENDING_SECONDS
    while True:
        queued = queued_tasks(manifest)
        ending = [task for task, row in queued.items() if row.ends and manifest.outcome(task) != "done"]
        if not ending or time.monotonic() >= end:  # a node that does not answer may keep them there for hours
            return {task: row for task, row in queued.items() if not row.ends}
        time.sleep(1)
