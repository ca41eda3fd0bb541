"""`vq-benchmark slurm`: a study on a cluster. `submit` and `task` have files of their own."""

import time
from datetime import datetime
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.options import grouped
from vq_benchmark.cli.program import Commands
from vq_benchmark.cli.studies import slurm_doctor, slurm_submit, status_table, study_task
from vq_benchmark.cli.studies.job_options import JobOptions, StageOptions, given_options, job_option
from vq_benchmark.cli.studies.study_task import StudyFolder
from vq_benchmark.errors import InputError
from vq_benchmark.machine.terminal import echo
from vq_benchmark.machine.wording import number_of
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm.cancel import cancel_study
from vq_benchmark.studies.slurm.escalation import Caps, parsed_caps
from vq_benchmark.studies.slurm.lock import one_at_a_time
from vq_benchmark.studies.slurm.resume import resume_study
from vq_benchmark.studies.slurm.scheduler import require_slurm
from vq_benchmark.studies.slurm.status import is_in_progress, study_status


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
    folder: StudyFolder,
    as_json: Annotated[bool, Option("--json", help="Print everything as JSON.")] = False,
    watch: Annotated[bool, Option("--watch", help="Refresh until no task is pending or running.")] = False,
    every: Annotated[int, Option(help="Seconds between refreshes with --watch.", min=1)] = 30,
) -> None:
    """Show which tasks are done, running, pending, stuck, failed, blocked or lost, why, and what to type next.

    Stuck tasks would wait forever; blocked ones lack the result of another task. If SLURM does not answer, the
    status is what the files say.

    Exit code: 0 if there is nothing for you to do, 1 if tasks are stuck, failed, blocked or lost.
    """
    manifest = Manifest.load(folder)
    found = study_status(manifest)
    while watch and is_in_progress(found):
        status_table.show(found, as_json)
        time.sleep(every)
        echo(f"{datetime.now():%H:%M:%S}", err=True)
        found = study_status(manifest)
    status_table.finish(found, as_json)


@grouped
def resume(
    folder: StudyFolder,
    job: JobOptions,
    of_stages: StageOptions,
    escalate: Annotated[
        bool, job_option(help="Request half as much again for tasks that ran out of memory or time.")
    ] = False,
    max_mem: Annotated[
        str | None, job_option(help=f"Most memory of a task that --escalate requests [default: {Caps.mem}].")
    ] = None,
    wave: Annotated[
        bool,
        Option("--wave", hidden=True, help="Submit only what was not tried yet: what the last job of a wave does."),
    ] = False,
) -> None:
    """Submit the tasks that are missing or failed and not in the queue, and those that depend on them.

    Job options rewrite the scripts and apply to everything that is submitted from now on, also to tasks in the queue
    that would wait forever; scripts that you edited are kept beside the new ones. Without options the scripts stay as
    they are, including your edits, unless the study was moved or the program runs in another environment.
    """
    require_slurm()
    if max_mem is not None and not escalate:
        raise InputError(
            "--max-mem is the most that --escalate requests; add --escalate, or request memory with --mem."
        )
    caps = parsed_caps(max_mem or Caps.mem, job.max_time) if escalate else None
    with one_at_a_time(folder, "vq-benchmark slurm resume", _say):
        manifest = Manifest.load(folder)
        done = resume_study(manifest, given_options(job, of_stages), caps, wave=wave)
    slurm_submit.show(manifest, done)
    if not (done.jobs or done.wave_job):
        queued = number_of(done.still_queued, "task is", "tasks are")
        left = f"{queued} in the queue" if done.still_queued else "all tasks are complete"
        echo(f"nothing to submit: {left}.")


def cancel(folder: StudyFolder) -> None:
    """Remove the study from the queue. Completed tasks stay complete; `resume` submits the rest."""
    require_slurm()
    with one_at_a_time(folder, "vq-benchmark slurm cancel", _say):
        echo(f"{cancel_study(Manifest.load(folder))} tasks cancelled.")


def _say(sentence: str) -> None:
    echo(sentence, err=True)
