"""`vq-benchmark study task` and `slurm task`, which are one command: run one task of a study."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.cli.measuring import chosen_machine
from vq_benchmark.cli.options import CheckpointOptions, StoreOptions, grouped
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.cli.studies.task_options import TaskOptions
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.bundles import run_bundle
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.stages import STAGES, Task
from vq_benchmark.studies.tasks import TaskContext

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
    tasks: Annotated[int, Option(min=1, help="Run this many tasks, from that number on, one after another.")] = 1,
) -> None:
    """Run one task of a study, or several. A task that was interrupted resumes from its checkpoint.

    A SLURM job that is told to stop writes a checkpoint and requeues itself.
    """
    run_some(folder, stage, range(index, index + tasks), machine)


def run_some(folder: Path, stage: str, indices: range, machine: TaskOptions) -> Manifest:
    """Run tasks, as far as the stage has them; returns the manifest. Exit with code 1 if a task fails."""
    threads = machine.apply()
    manifest = Manifest.load(folder)
    first = manifest.task(stage, indices.start)
    chosen = [Task(first.stage, index) for index in indices if index < manifest.count(first.stage)]
    checkpoints = CheckpointOptions(checkpoint_every=machine.checkpoint_every).parsed()
    options = chosen_machine(StoreOptions(cache_dir=machine.cache_dir), machine, threads, checkpoints)
    context = TaskContext(manifest, replace(options, use_gpu=machine.use_gpu), reporter())
    failures = run_bundle(context, chosen)
    for sentence in failures:
        echo(f"vq-benchmark: {sentence}", err=True)
    if failures:
        raise typer.Exit(SOME_FAILED)
    return manifest
