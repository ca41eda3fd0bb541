"""`vq-benchmark slurm task`: what a job script runs, and a person by hand."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.cli.measuring import chosen_machine
from vq_benchmark.cli.options import BoundedMachineOptions, CheckpointOptions, StoreOptions, grouped, store_option
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.tasks import TaskContext, TaskFailed, run_task


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command("task")(task)


@grouped
@stoppable()
def task(
    folder: Annotated[Path, Argument(help="Folder of the study.")],
    stage: Annotated[str, Argument(help="truth, reduce, fit, evaluate or merge.")],
    index: Annotated[int, Argument(help="Number of the task in its stage, from 0.")],
    machine: BoundedMachineOptions,
    cache_dir: Annotated[str | None, store_option(help="Ground truth cache, as in `sweep`.")] = None,
    checkpoint_every: Annotated[
        str, store_option(help="Blocks or time between checkpoints, as in `sweep`.")
    ] = CheckpointOptions.checkpoint_every,
) -> None:
    """Run one task of a study. A SLURM job that is told to stop writes its checkpoint and queues again."""
    threads = machine.apply()
    manifest = Manifest.load(folder)
    chosen = manifest.task(stage, index)
    here = chosen_machine(
        StoreOptions(cache_dir=cache_dir),
        machine,
        threads,
        CheckpointOptions(checkpoint_every=checkpoint_every).parsed(),
    )
    try:
        run_task(TaskContext(manifest, here, reporter()), chosen)
    except TaskFailed as error:
        echo(f"vq-benchmark: {error}", err=True)
        raise typer.Exit(SOME_FAILED) from None
