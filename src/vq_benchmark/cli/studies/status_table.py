"""What `study status` and `slurm status` print."""

import json
from collections.abc import Sequence

import typer
from rich.table import Table

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.studies.slurm.job_arrays import compressed
from vq_benchmark.studies.stages import STAGES
from vq_benchmark.studies.status import StudyStatus, TaskStatus

MOST_PROBLEMS_SHOWN = 20


def finish(found: StudyStatus, as_json: bool, remarks: Sequence[str] = ()) -> None:
    """Show a status as JSON or as a table with remarks below it; exit with code 1 if somebody must do something."""
    show(found, as_json, remarks)
    if found.problems:
        raise typer.Exit(SOME_FAILED)


def show(found: StudyStatus, as_json: bool, remarks: Sequence[str] = ()) -> None:
    """Show a status as JSON or as a table with remarks below it."""
    if as_json:
        echo(json.dumps(found.as_json(), indent=1))
    else:
        _show(found, remarks)


def _show(found: StudyStatus, remarks: Sequence[str]) -> None:
    console = Terminal()
    table = Table("stage", "tasks", *found.states, box=None)
    for stage in STAGES:
        counts = found.counts(stage)
        if found.manifest.count(stage):
            table.add_row(stage, str(found.manifest.count(stage)), *(str(count or "") for count in counts.values()))
    console.print(table)
    groups = found.grouped_problems()
    lines = [_problem(found, each) for each in groups[:MOST_PROBLEMS_SHOWN]]
    more = sum(map(len, groups[MOST_PROBLEMS_SHOWN:]))
    lines += [f"{more} more problems are listed by --json."] if more else []
    for line in [*lines, *found.remarks, *remarks, f"next: {found.next_command}"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _problem(found: StudyStatus, group: Sequence[TaskStatus]) -> str:
    """One line for tasks of a stage with the same problem; the log is that of the first."""
    first = group[0]
    numbers = compressed([each.task.index for each in group])
    what = f" ({found.manifest.describe(first.task)})" if len(group) == 1 else ""
    example = "" if len({each.reason for each in group}) == 1 else "for example, "
    remedy = f". What to do: {first.remedy}" if first.remedy else ""
    said = f"{first.state}: {first.task.stage} {numbers}{what}: {example}{first.reason.rstrip('.')}{remedy}."
    return said if first.log is None else f"{said} [{first.log}]"
