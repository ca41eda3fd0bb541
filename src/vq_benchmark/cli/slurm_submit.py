"""`vq-benchmark slurm submit`: plan a study and hand it in."""

import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from vq_benchmark.cli.job_options import JobOptions, job_option
from vq_benchmark.cli.measuring import say_notes
from vq_benchmark.cli.options import BoundedMachineOptions, MeasureOptions, StudyDataOptions, grouped, store_option
from vq_benchmark.cli.studying import MethodOptions, StudyOptions, chosen_study, was_given
from vq_benchmark.machine.locations import cache_dir as chosen_cache_dir
from vq_benchmark.machine.locations import expanded, study_folder
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.cells import Options
from vq_benchmark.studies.planning import draft_manifest, plan_study
from vq_benchmark.studies.slurm.job_arrays import expanded as expanded_array
from vq_benchmark.studies.slurm.jobs import Job, Record
from vq_benchmark.studies.slurm.profiles import job_spec
from vq_benchmark.studies.slurm.scheduler import max_array_size, require_slurm
from vq_benchmark.studies.slurm.submission import preview, submit_study, test_scripts

HANDED_ON = ("checkpoint_every", *(each.name for each in fields(BoundedMachineOptions)))
"""Options of this command that every task of the study is started with, if they are given."""


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command("submit")(submit)


@grouped
def submit(
    context: typer.Context,
    what: StudyOptions,
    data: StudyDataOptions,
    measure: MeasureOptions,
    machine: BoundedMachineOptions,
    grids: MethodOptions,
    job: JobOptions,
    study_dir: Annotated[str, Option(help="Folder of the study; its finished rows will be in results.db there.")],
    study: Annotated[
        Path | None, Argument(help="A study in YAML, instead of --dataset and --method; options overrule it.")
    ] = None,
    profile: Annotated[
        str | None, job_option(help="Named resources: ice, or one of ~/.config/vq-benchmark/slurm.yaml.")
    ] = None,
    codebooks_dir: Annotated[
        str | None, store_option(help="Fitted models [default: codebooks in the folder of the study].")
    ] = None,
    cache_dir: Annotated[str | None, store_option(help="Ground truth cache, as in `sweep`.")] = None,
    checkpoint_every: Annotated[
        str | None, store_option(help="Blocks or time between checkpoints, as in `sweep`.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Print the scripts and commands; do nothing.")] = False,
    test_only: Annotated[
        bool, Option("--test-only", help="Ask SLURM whether it would take the scripts; do nothing.")
    ] = False,
) -> None:
    """Plan a study and hand it in: ground truth per chunk, models, one task per configuration and chunk, a merge."""
    require_slurm()
    spec = job_spec(profile, job.given())
    chosen = chosen_study(context, study, what, grids, data, measure)
    chosen.grid()
    folder = study_folder(study_dir)
    where = folder / "codebooks" if codebooks_dir is None else expanded(codebooks_dir)
    options = chosen.options(Options(cache_dir=chosen_cache_dir(cache_dir), codebooks_dir=where))
    report = reporter()
    dataset = chosen.load(options.cache_dir, report)
    say_notes(dataset, report)
    # A job's own default is its $TMPDIR, where each task would download the vectors again.
    record = Record(spec, (f"--cache-dir={options.cache_dir.absolute()}", *_handed_on(context)))
    if dry_run or test_only:
        manifest = draft_manifest(chosen, folder.absolute(), dataset, options)
        size = max_array_size()
        echo(preview(manifest, record, size) if dry_run else "\n".join(test_scripts(manifest, record, size)))
        return
    manifest = plan_study(chosen, folder, dataset, options)
    for refusal in manifest.refusals:
        echo(f"not run: {refusal.reason}")
    jobs = submit_study(manifest, record)
    show_jobs(jobs)
    if not jobs:
        echo(f"nothing to hand in: all is done, in {manifest.results_path}.")
        return
    echo(f"how it is: vq-benchmark slurm status {shlex.quote(str(folder))}")


def show_jobs(jobs: Sequence[Job]) -> None:
    """A line for each job that was handed in."""
    for job in jobs:
        count = len(expanded_array(job.array))
        echo(f"{job.stage:<9} job {job.id}, {count} task{'s' if count > 1 else ''}")


def _handed_on(context: typer.Context) -> tuple[str, ...]:
    given = ((name, context.params[name]) for name in HANDED_ON if was_given(context, name))
    return tuple(text for name, value in given for text in _as_flag(name, value))


def _as_flag(name: str, value: Any) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [option if value else f"--no-{option[2:]}"]
    return [f"{option}={value}"]
