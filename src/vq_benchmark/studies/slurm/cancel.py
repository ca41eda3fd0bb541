"""Remove a study from the queue; completed tasks stay complete."""

from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.jobs import require_own
from vq_benchmark.studies.slurm.queue import read_queue


def cancel_study(manifest: Manifest) -> int:
    """Cancel all waiting and running tasks of the study; returns their number.

    A copy of a study has no jobs until it is submitted itself. Running tasks write their checkpoints and are not
    requeued.

    Raises:
        InputError: the study belongs to another user.
    """
    manifest = manifest.settled()
    require_own(manifest)
    queue = read_queue(manifest)
    # The job that submits the next wave goes first: the end of the others would start it.
    scheduler.cancel(map(str, [*queue.waves, *sorted({row.job for row in queue.tasks.values()})]))
    return len(queue.tasks)
