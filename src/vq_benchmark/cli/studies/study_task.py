"""`vq-benchmark study task` and `slurm task`, which are one command: run one task of a study."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.cli.measuring import chosen_machine
from vq_benchmark.cli.options import CheckpointOptions, StoreOptions, grouped
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.cli.studies.task_options import TaskOptions
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.stages import STAGES
from vq_benchmark.studies.tasks import TaskContext, TaskFailed, run_task

StudyFolder = Annotated[Path, Argument(help="Folder of the study.", show_default=False)]


def register(group: typer.Typer) -> None:
    """Add the command to a group."""
    group.command("task")(task)


@grouped
@stoppable()
def task(
    folder: StudyFolder,
    stage: Annotated[str, Argument(help=f"One of {', '.join(STAGES)}.", show_default=False)],
    index: Annotated[int, Argument(help="Number of the task in its stage, from 0.", show_default=False)],
    machine: TaskOptions,
) -> None:
    """Run one task of a study. A task that was interrupted resumes from its checkpoint.

    A SLURM job that is told to stop writes a checkpoint and requeues itself.
    """
    run_one(folder, stage, index, machine)


def run_one(folder: Path, stage: str, index: int, machine: TaskOptions) -> Manifest:
    """Run a task and return the manifest of its study; exit with code 1 if the task fails."""
    threads = machine.apply()
    manifest = Manifest.load(folder)
    chosen = manifest.task(stage, index)
    checkpoints = CheckpointOptions(checkpoint_every=machine.checkpoint_every).parsed()
    options = chosen_machine(StoreOptions(cache_dir=machine.cache_dir), machine, threads, checkpoints)
    try:
        run_task(TaskContext(manifest, options, reporter()), chosen)
    except TaskFailed as error:
        echo(f"vq-benchmark: {error}", err=True)
        raise typer.Exit(SOME_FAILED) from None
    return manifest
