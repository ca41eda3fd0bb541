"""Take a study off the queue; what is done stays done."""

from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.jobs import require_own
from vq_benchmark.studies.slurm.queue import queued_tasks


def cancel_study(manifest: Manifest) -> int:
    """Cancel all tasks of the study that wait or run; returns how many there were.

    Those that run are told to stop, write their checkpoints, and do not come back.

    Raises:
        InputError: the study is another user's.
    """
    require_own(manifest)
    rows = queued_tasks(manifest).values()
    scheduler.cancel(map(str, sorted({row.job for row in rows})))
    return len(rows)
