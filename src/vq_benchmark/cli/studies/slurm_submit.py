"""`vq-benchmark slurm submit`: plan a study and submit its tasks as job arrays."""

import shlex
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.options import PluginOptions, StudyData, StudyMeasure, grouped
from vq_benchmark.cli.studies import plan_table
from vq_benchmark.cli.studies.job_options import JobOptions, StageOptions, given_options, job_option
from vq_benchmark.cli.studies.study_plan import PlanOptions, Prepared, StudyFile, prepared
from vq_benchmark.cli.studies.studying import MethodOptions, StudyOptions, chosen_study
from vq_benchmark.cli.studies.task_options import TaskOptions, passed_on
from vq_benchmark.machine.memory import readable_bytes
from vq_benchmark.machine.terminal import echo
from vq_benchmark.machine.wording import number_of
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.result_files import MANIFEST_FILE
from vq_benchmark.studies.slurm.calls import calls_for
from vq_benchmark.studies.slurm.job_arrays import expanded
from vq_benchmark.studies.slurm.jobs import Record
from vq_benchmark.studies.slurm.limits import Limits, assumed_limits, cluster_limits
from vq_benchmark.studies.slurm.lock import one_at_a_time
from vq_benchmark.studies.slurm.profiles import job_spec
from vq_benchmark.studies.slurm.requests import require_fit, warnings, with_defaults
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.scheduler import require_slurm
from vq_benchmark.studies.slurm.submission import (
    Submission,
    preview,
    require_unsubmitted,
    submit_study,
    test_scripts,
)
from vq_benchmark.studies.slurm.waves import number_of_waves, wave_sentence
from vq_benchmark.studies.stages import STAGES


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
    of_stages: StageOptions,
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
    calibrate: plan_table.Calibrate = plan_table.CALIBRATION_SECONDS,
) -> None:
    """Plan a study and submit it: ground truth per chunk, models, one task per configuration and chunk, a merge."""
    if not dry_run:
        require_slurm()
    chosen = chosen_study(context, study, what, grids, data, measure, plugins)
    spec = job_spec(profile, {}).changed({"stages": chosen.resources}, "resources")
    spec = spec.changed(given_options(job, of_stages))
    ready = prepared(chosen, where, machine.cache_dir)
    # A job's own default is its $TMPDIR, where each task would download the vectors again.
    cache = f"--cache-dir={ready.options.machine.cache_dir.absolute()}"
    record = Record(spec, (cache, *(option for option in passed_on(context) if option != cache)))
    draft = ready.draft()
    limits, remark = assumed_limits(spec) if dry_run else (cluster_limits(spec), "")
    if remark:
        echo(remark, err=True)
    if not (dry_run or test_only) and (draft.folder / MANIFEST_FILE).exists():
        require_unsubmitted(Manifest.load(draft.folder).settled())
    record = estimated_record(draft, ready, record, limits, calibrate)
    if dry_run:
        echo(preview(draft, record, limits.max_array_size))
        return
    if test_only:
        echo("\n".join(test_scripts(draft, record, limits.max_array_size)))
        return
    with one_at_a_time(ready.folder, "vq-benchmark slurm submit", lambda said: echo(said, err=True), create=True):
        manifest = ready.plan()
        done = submit_study(manifest, record, limits)
    show(manifest, done)
    if not (done.jobs or done.wave_job):
        echo(f"nothing to submit: all tasks are complete; the results are in {manifest.results_path}.")
        return
    echo(f"check progress with: vq-benchmark slurm status {shlex.quote(str(ready.folder))}")


def estimated_record(draft: Manifest, ready: Prepared, record: Record, limits: Limits, calibrate: float) -> Record:
    """The record with what the estimate of the study suggests; prints the table and what else to know."""
    limit = limits.jobs
    cores = {stage: record.spec.of(stage).cores for stage in STAGES}
    estimate = plan_table.estimated(draft, ready.dataset, ready.options, calibrate, cores)
    record = with_defaults(record, estimate, limit)
    todo = {stage: [task.index for task in draft.unfinished(stage)] for stage in STAGES}
    calls = calls_for(todo, limits.max_array_size, record)
    jobs = {stage: sum(call.part.count for call in calls if call.stage == stage) for stage in STAGES}
    requested = {stage: (cores[stage], request(record.resources(stage))) for stage in STAGES}
    plan_table.show(estimate, jobs, requested)
    waves = number_of_waves(sum(jobs.values()), limit)
    if waves != 1 and limit is not None:
        in_waves = "more waves than can be told" if waves is None else f"{waves} waves"
        echo(f"The queue takes {limit.jobs} jobs ({limit.origin}), so these are submitted in {in_waves}.")
    for sentence in warnings(record, estimate):
        echo(f"warning: {sentence}", err=True)
    require_fit(record, estimate)
    return record


def request(spec: JobSpec) -> str:
    """What a job requests, in a few words."""
    memory = "" if spec.memory is None else readable_bytes(spec.memory)
    cores = f"{spec.cores} cores" if spec.cores > 1 else ""
    return ", ".join(filter(None, [memory, cores, spec.gres or ""]))


def show(manifest: Manifest, done: Submission) -> None:
    """Print what was submitted, a line for each array, and what else to know."""
    for remark in done.remarks:
        echo(remark)
    for job in done.jobs:
        tasks = [task for task, _ in job.tasks() if task.index < manifest.count(task.stage)]
        elements = len(expanded(job.array))
        several = f" in {number_of(elements, 'job')}" if job.size > 1 else ""
        echo(f"{job.stage:<9} job {job.id}, {number_of(len(tasks), 'task')}{several}")
    sentence = wave_sentence(manifest, done.wave, done.limit, done.wave_job)
    if sentence:
        echo(sentence)
