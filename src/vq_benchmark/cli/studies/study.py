"""`vq-benchmark study`: a study as tasks for any scheduler. `plan` and `task` have files of their own."""

from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.options import grouped
from vq_benchmark.cli.program import Commands
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.cli.studies import status_table, study_plan, study_task
from vq_benchmark.cli.studies.study_task import StudyFolder
from vq_benchmark.cli.studies.task_options import TaskOptions, passed_on
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.blocked import files_status_with_causes
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.ready import ready_tasks
from vq_benchmark.studies.stages import STAGES, parsed_stage
from vq_benchmark.studies.status import rerun_command
from vq_benchmark.studies.task_command import task_line


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    group = Commands(
        help="Split a study into tasks and run them with any scheduler: xargs, PBS, LSF, Kubernetes.",
        no_args_is_help=True,
    )
    study_plan.register(group)
    group.command("tasks")(tasks)
    study_task.register(group)
    group.command("status")(status)
    group.command("merge")(merge)
    app.add_typer(group, name="study")


@grouped
def tasks(
    context: typer.Context,
    folder: StudyFolder,
    machine: TaskOptions,  # read through the context: only those that were given are passed on
    ready: Annotated[
        bool, Option("--ready", help="Only tasks that can run now, because everything they need is done.")
    ] = False,
    stage: Annotated[str | None, Option(help=f"Only tasks of one stage: {', '.join(STAGES)}.")] = None,
) -> None:
    """Print one complete shell command for each task that is not done, and nothing else on stdout.

    Machine options given here become part of every line.
    """
    chosen = STAGES if stage is None else (parsed_stage(stage),)
    manifest = Manifest.load(folder)
    options = passed_on(context)
    found = ready_tasks(manifest) if ready else [task for each in chosen for task in manifest.unfinished(each)]
    for task in found:
        if task.stage in chosen:
            echo(task_line(manifest, task, options))


def status(
    folder: StudyFolder, as_json: Annotated[bool, Option("--json", help="Print everything as JSON.")] = False
) -> None:
    """Show which tasks are done, failed, blocked or missing, from the files of the study alone.

    Failed tasks are shown with the reason and the command that reruns them. A blocked task cannot start because
    another one failed. A missing task was not started, is still running, or was killed. Exit code: 0 if nothing
    failed, else 1.
    """
    found = files_status_with_causes(Manifest.load(folder))
    failed = [each for each in found.problems if each.state == "failed"]
    shown = failed[: status_table.MOST_PROBLEMS_SHOWN]
    status_table.finish(found, as_json, [f"rerun: {rerun_command(found.manifest, each.task)}" for each in shown])


@grouped
@stoppable()
def merge(folder: StudyFolder, machine: TaskOptions) -> None:
    """Write the finished rows to results.db in the folder of the study, or say which tasks are missing."""
    manifest = study_task.run_some(folder, "merge", range(1), machine)
    echo(f"results: {manifest.results_path}")
