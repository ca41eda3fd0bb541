"""`vq-benchmark slurm submit`: plan a study and submit its tasks as job arrays."""

import shlex
from collections.abc import Sequence
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.options import PluginOptions, StudyData, StudyMeasure, grouped
from vq_benchmark.cli.studies.job_options import JobOptions, job_option
from vq_benchmark.cli.studies.study_plan import PlanOptions, StudyFile, prepared
from vq_benchmark.cli.studies.studying import MethodOptions, StudyOptions, chosen_study
from vq_benchmark.cli.studies.task_options import TaskOptions, passed_on
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.slurm.job_arrays import expanded
from vq_benchmark.studies.slurm.jobs import Job, Record
from vq_benchmark.studies.slurm.lock import one_at_a_time
from vq_benchmark.studies.slurm.profiles import job_spec
from vq_benchmark.studies.slurm.scheduler import assumed_max_array_size, max_array_size, require_slurm
from vq_benchmark.studies.slurm.submission import preview, submit_study, test_scripts


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command("submit")(submit)


@grouped
def submit(
    context: typer.Context,
    what: StudyOptions,
    plugins: PluginOptions,
    data: StudyData,
    measure: StudyMeasure,
    machine: TaskOptions,
    grids: MethodOptions,
    job: JobOptions,
    where: PlanOptions,
    study: StudyFile = None,
    profile: Annotated[
        str | None, job_option(help="Named resources: ice, or a profile in ~/.config/vq-benchmark/slurm.yaml.")
    ] = None,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Print the scripts and commands and submit nothing; needs no SLURM.")
    ] = False,
    test_only: Annotated[
        bool, Option("--test-only", help="Ask SLURM whether it would accept the scripts and submit nothing.")
    ] = False,
) -> None:
    """Plan a study and submit it: ground truth per chunk, models, one task per configuration and chunk, a merge."""
    if not dry_run:
        require_slurm()
    spec = job_spec(profile, job.given())
    chosen = chosen_study(context, study, what, grids, data, measure, plugins)
    ready = prepared(chosen, where, machine.cache_dir)
    # A job's own default is its $TMPDIR, where each task would download the vectors again.
    cache = f"--cache-dir={ready.options.machine.cache_dir.absolute()}"
    record = Record(spec, (cache, *(option for option in passed_on(context) if option != cache)))
    if dry_run:
        size, remark = assumed_max_array_size()
        if remark:
            echo(remark, err=True)
        echo(preview(ready.draft(), record, size))
        return
    if test_only:
        echo("\n".join(test_scripts(ready.draft(), record, max_array_size())))
        return
    with one_at_a_time(ready.folder, "vq-benchmark slurm submit", lambda said: echo(said, err=True)):
        manifest = ready.plan()
        jobs = submit_study(manifest, record)
    show_jobs(jobs)
    if not jobs:
        echo(f"nothing to submit: all tasks are complete; the results are in {manifest.results_path}.")
        return
    echo(f"check progress with: vq-benchmark slurm status {shlex.quote(str(ready.folder))}")


def show_jobs(jobs: Sequence[Job]) -> None:
    """Print one line for each submitted job."""
    for job in jobs:
        count = len(expanded(job.array))
        echo(f"{job.stage:<9} job {job.id}, {count} task{'s' if count > 1 else ''}")
