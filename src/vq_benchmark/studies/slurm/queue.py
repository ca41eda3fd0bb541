"""Which tasks of a study are in SLURM's queue."""

from vq_benchmark.studies.manifest import MANIFEST_FILE, Manifest, Task
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.record import named_task


def queued_tasks(manifest: Manifest) -> dict[Task, scheduler.QueuedTask]:
    """The tasks that wait or run, whoever handed them in; one that runs goes before its double that waits."""
    owner = (manifest.folder / MANIFEST_FILE).stat().st_uid
    rows = sorted(scheduler.queue(owner), key=lambda row: not row.waits)
    named = ((named_task(manifest, row.name, row.index), row) for row in rows)
    return {task: row for task, row in named if task is not None}
