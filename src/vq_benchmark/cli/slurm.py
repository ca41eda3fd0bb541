"""`vq-benchmark slurm`: a study on a cluster. `submit` and `task` have files of their own."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from typer import Argument, Option

from vq_benchmark.cli import slurm_submit, slurm_task
from vq_benchmark.cli.job_options import JobOptions
from vq_benchmark.cli.options import grouped
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm.cancel import cancel_study
from vq_benchmark.studies.slurm.resume import resume_study
from vq_benchmark.studies.slurm.scheduler import require_slurm
from vq_benchmark.studies.slurm.status import STATES, StudyStatus, study_status
from vq_benchmark.studies.stages import STAGES

SOME_FAILED = 1
MOST_PROBLEMS_SHOWN = 20

StudyFolder = Annotated[Path, Argument(help="Folder of the study.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    group = typer.Typer(help="A study on a SLURM cluster: submit it, see how it is, repair it.", no_args_is_help=True)
    slurm_submit.register(group)
    group.command("status")(status)
    group.command("resume")(resume)
    group.command("cancel")(cancel)
    slurm_task.register(group)
    app.add_typer(group, name="slurm")


def status(
    folder: StudyFolder, as_json: Annotated[bool, Option("--json", help="For programs: all of it as JSON.")] = False
) -> None:
    """What is done, running, pending, failed and lost, and what to type next. Exit code 1 if anything is wrong."""
    found = study_status(Manifest.load(folder))
    if as_json:
        echo(json.dumps(found.as_json(), indent=1))
    else:
        _show(found, Terminal())
    if found.problems:
        raise typer.Exit(SOME_FAILED)


@grouped
def resume(folder: StudyFolder, job: JobOptions) -> None:
    """Hand in what is missing or failed and not in the queue, and what waits for it.

    With options the scripts are written anew for what is handed in from now on; without, they stay as they are, with
    what was edited by hand.
    """
    require_slurm()
    manifest = Manifest.load(folder)
    done = resume_study(manifest, job.given())
    slurm_submit.show_jobs(done.jobs)
    if not done.jobs:
        left = f"{done.still_queued} tasks are in the queue" if done.still_queued else "all is done"
        echo(f"nothing to hand in: {left}.")


def cancel(folder: StudyFolder) -> None:
    """Take the study off the queue. What is done stays done; `resume` goes on from there."""
    require_slurm()
    echo(f"{cancel_study(Manifest.load(folder))} tasks were cancelled.")


def _show(found: StudyStatus, console: Terminal) -> None:
    manifest = found.manifest
    table = Table("stage", *(column for column in ("tasks", *STATES)), box=None)
    for stage in STAGES:
        counts = found.counts(stage)
        if manifest.count(stage):
            table.add_row(stage, str(manifest.count(stage)), *(str(counts[state] or "") for state in STATES))
    console.print(table)
    for each in found.problems[:MOST_PROBLEMS_SHOWN]:
        what = f"{each.state}: {each.task.stage} {each.task.index} ({manifest.describe(each.task)}): {each.reason}"
        log = "" if each.log is None else f" [{each.log}]"
        console.print(f"{what.rstrip('.')}.{log}", markup=False, highlight=False, soft_wrap=True)
    more = len(found.problems) - MOST_PROBLEMS_SHOWN
    if more > 0:
        console.print(f"and {more} more, which --json lists.", highlight=False)
    for reason, count in found.waiting_reasons().items():
        console.print(f"{count} pending: {reason}", markup=False, highlight=False)
    console.print(f"next: {found.next_command}", markup=False, highlight=False, soft_wrap=True)
