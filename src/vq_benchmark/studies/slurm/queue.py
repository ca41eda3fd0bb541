"""Which tasks of a study are in SLURM's queue."""

import time
from dataclasses import dataclass, replace

from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.result_files import MANIFEST_FILE
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.jobs import named_tasks, wave_name
from vq_benchmark.studies.stages import Task

ENDING_SECONDS = 60.0
"""How long to wait for tasks that are ending: twice the time that SLURM by default gives a process to end."""


@dataclass(frozen=True)
class Queue:
    """What SLURM's queue holds of a study."""

    tasks: dict[Task, scheduler.QueuedTask]
    size: int
    """Everything that belongs to its owner, of this study or another."""
    is_idle: bool
    """Whether none of that is running."""
    waves: tuple[int, ...] = ()
    """The jobs that submit further waves of the study, without the one that this process runs in."""


def read_queue(manifest: Manifest) -> Queue:
    """What waits or runs, whoever submitted it; a running task takes precedence over a waiting double.

    A job that runs several tasks counts for those of them that are not done.
    """
    owner = (manifest.folder / MANIFEST_FILE).stat().st_uid
    rows = sorted(scheduler.queue(owner), key=lambda row: not row.waits)
    named = ((named_tasks(manifest, row.name, row.index), row) for row in rows)
    found = {
        task: row
        for tasks, row in named
        for task in tasks
        if len(tasks) == 1 or manifest.outcome(task) != "done"
    }  # fmt: skip
    own, name = (scheduler.own_task() or "").partition("_")[0], wave_name(manifest)
    waves = (row.job for row in rows if row.name == name and str(row.job) != own and not row.ends)
    return Queue(found, len(rows), all(row.waits for row in rows), tuple(waves))


def settled_queue(manifest: Manifest) -> Queue:
    """The same, after tasks that are ending without a result have left the queue or returned to it."""
    end = time.monotonic() + ENDING_SECONDS
    while True:
        queue = read_queue(manifest)
        ending = [task for task, row in queue.tasks.items() if row.ends and manifest.outcome(task) != "done"]
        if not ending or time.monotonic() >= end:  # a node that does not answer may keep them there for hours
            return replace(queue, tasks={task: row for task, row in queue.tasks.items() if not row.ends})
        time.sleep(1)
