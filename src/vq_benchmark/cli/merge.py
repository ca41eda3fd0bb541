"""`vq-benchmark merge`: unite results databases and finish complete sets of chunks."""

from typing import Annotated

import typer
from typer import Argument

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.machine.locations import expanded
from vq_benchmark.machine.terminal import echo
from vq_benchmark.results.database import Database
from vq_benchmark.results.merge_inputs import find_databases
from vq_benchmark.results.merging import unite
from vq_benchmark.studies.aggregate import finish_partial_rows, measurement_differences


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("merge")(merge)


def merge(
    output: Annotated[str, Argument(help="Results database to merge into; created if missing.")],
    inputs: Annotated[
        list[str], Argument(help='Results databases, folders of them, or patterns such as "logs/**/*.db".')
    ],
) -> None:
    """Merge results databases; complete sets of chunks become finished rows. Merging again changes nothing.

    An input that cannot be read is named and skipped, the rest is merged, and the exit code is 1. Inputs stay as they
    are.
    """
    database = Database(expanded(output))
    found = find_databases([expanded(each) for each in inputs])
    database.check_writable()
    union = unite(database, found.files, measurement_differences)
    finishing = finish_partial_rows(database, union.disputed)
    problems = [*found.skipped, *union.unreadable, *union.conflicts, *finishing.incomplete]
    counts = database.counts()
    if counts.keys() == {"failed"}:
        problems.append(f"all {counts['failed']} rows are failed cells; their column `error` says why.")
    for sentence in problems:
        echo(sentence, err=True)
    echo(
        f"{database.path}: {union.added} rows added, {union.present} already there; "
        f"{len(finishing.finished)} sets of chunks finished, {len(finishing.incomplete)} incomplete; "
        f"{counts.get('failed', 0)} failed cells."
    )
    if problems:
        raise typer.Exit(SOME_FAILED)
