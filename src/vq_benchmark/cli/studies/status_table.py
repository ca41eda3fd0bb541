"""What `study status` and `slurm status` print."""

import json

import typer
from rich.table import Table

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.studies.stages import STAGES
from vq_benchmark.studies.status import StudyStatus, TaskStatus

MOST_PROBLEMS_SHOWN = 20


def finish(found: StudyStatus, as_json: bool, remarks: list[str]) -> None:
    """Show a status as JSON or as a table with `remarks` below it; exit with code 1 if a task failed or is lost."""
    if as_json:
        echo(json.dumps(found.as_json(), indent=1))
    else:
        _show(found, remarks)
    if found.problems:
        raise typer.Exit(SOME_FAILED)


def _show(found: StudyStatus, remarks: list[str]) -> None:
    console = Terminal()
    table = Table("stage", "tasks", *found.states, box=None)
    for stage in STAGES:
        counts = found.counts(stage)
        if found.manifest.count(stage):
            table.add_row(stage, str(found.manifest.count(stage)), *(str(count or "") for count in counts.values()))
    console.print(table)
    shown = found.problems[:MOST_PROBLEMS_SHOWN]
    more = len(found.problems) - len(shown)
    lines = [_problem(found, each) for each in shown]
    lines += [f"{more} more problems are listed by --json."] if more else []
    for line in [*lines, *remarks, f"next: {found.next_command}"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _problem(found: StudyStatus, each: TaskStatus) -> str:
    what = f"{each.state}: {each.task.stage} {each.task.index} ({found.manifest.describe(each.task)}): {each.reason}"
    log = "" if each.log is None else f" [{each.log}]"
    return f"{what.rstrip('.')}.{log}"
