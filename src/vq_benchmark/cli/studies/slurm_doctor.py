"""`vq-benchmark slurm doctor`: check a cluster before the first study."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text
from typer import Argument, Option

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.cli.options import grouped
from vq_benchmark.cli.studies.job_options import JobOptions, job_option
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.machine.validation import option_name
from vq_benchmark.studies.slurm.checks import Check, login_checks
from vq_benchmark.studies.slurm.doctor import Patience, job_checks
from vq_benchmark.studies.slurm.profiles import job_spec


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command("doctor")(doctor)


@grouped
def doctor(
    job: JobOptions,
    folder: Annotated[
        Path | None,
        Argument(help="Folder for studies [default: ~/scratch, else the current one].", show_default=False),
    ] = None,
    profile: Annotated[
        str | None, job_option(help="Named resources: ice, or a profile in ~/.config/vq-benchmark/slurm.yaml.")
    ] = None,
    quick: Annotated[bool, Option("--quick", help="Check only what needs no job.")] = False,
    minutes: Annotated[float, Option(help="Longest time to wait for jobs.", min=0.1)] = 10.0,
) -> None:
    """Check this cluster: SLURM and its limits, folders, clocks, and a study of two chunks that must end right.

    Run it on a login node with the job options of your studies. Exit code: 0 if nothing failed, else 1.
    """
    spec = job_spec(profile, job.given())
    chosen = _study_folder() if folder is None else folder
    checks = list(login_checks(chosen, spec))
    if not quick and all(check.state != "fail" for check in checks):
        options = [] if profile is None else [f"--profile={profile}"]
        for name, value in job.given().items():
            options += [f"{option_name(name)}={each}" for each in (value if isinstance(value, list) else [value])]
        place = Path(tempfile.mkdtemp(prefix="vq-doctor-", dir=chosen)).absolute()
        with reporter().busy("waiting for jobs"):
            found = list(job_checks(place, spec, options, Patience(60 * minutes)))
        checks += found
        if found[-1].state == "ok":  # the study, which comes last, ended right
            shutil.rmtree(place, ignore_errors=True)
        else:
            echo(f"the files of the jobs are in {place}", err=True)
    show(checks)
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(SOME_FAILED)


def show(checks: list[Check]) -> None:
    """Print one row for each check."""
    table = Table("check", "", "found", "what to do", box=None)
    for check in checks:
        remedy = "" if check.state == "ok" else check.remedy
        table.add_row(*map(Text, (check.name, check.state, check.found, remedy)))
    Terminal().print(table)


def _study_folder() -> Path:
    scratch = Path.home() / "scratch"
    return scratch if scratch.is_dir() else Path.cwd()
