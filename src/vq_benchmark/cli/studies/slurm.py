"""`vq-benchmark slurm`: a study on a cluster. `submit` and `task` have files of their own."""

from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.options import grouped
from vq_benchmark.cli.program import Commands
from vq_benchmark.cli.studies import slurm_doctor, slurm_submit, status_table, study_task
from vq_benchmark.cli.studies.job_options import JobOptions
from vq_benchmark.cli.studies.study_task import StudyFolder
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm.cancel import cancel_study
from vq_benchmark.studies.slurm.resume import resume_study
from vq_benchmark.studies.slurm.scheduler import require_slurm
from vq_benchmark.studies.slurm.status import study_status, waiting_reasons


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    group = Commands(help="Run a study on a SLURM cluster: submit, check, resume, cancel.", no_args_is_help=True)
    slurm_submit.register(group)
    group.command("status")(status)
    group.command("resume")(resume)
    group.command("cancel")(cancel)
    study_task.register(group)
    slurm_doctor.register(group)
    app.add_typer(group, name="slurm")


def status(
    folder: StudyFolder, as_json: Annotated[bool, Option("--json", help="Print everything as JSON.")] = False
) -> None:
    """Show which tasks are done, running, pending, failed or lost, and what to type next.

    Exit code: 0 if nothing failed or is lost, else 1.
    """
    found = study_status(Manifest.load(folder))
    waiting = [f"{count} pending: {reason}" for reason, count in waiting_reasons(found).items()]
    status_table.finish(found, as_json, waiting)


@grouped
def resume(folder: StudyFolder, job: JobOptions) -> None:
    """Submit the tasks that are missing or failed and not in the queue, and those that depend on them.

    Job options rewrite the scripts and apply to everything that is submitted from now on. Without options the scripts
    stay as they are, including your edits.
    """
    require_slurm()
    manifest = Manifest.load(folder)
    done = resume_study(manifest, job.given())
    slurm_submit.show_jobs(done.jobs)
    if not done.jobs:
        left = f"{done.still_queued} tasks are in the queue" if done.still_queued else "all tasks are complete"
        echo(f"nothing to submit: {left}.")


def cancel(folder: StudyFolder) -> None:
    """Remove the study from the queue. Completed tasks stay complete; `resume` submits the rest."""
    require_slurm()
    echo(f"{cancel_study(Manifest.load(folder))} tasks cancelled.")
