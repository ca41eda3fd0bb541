"""`vq-benchmark merge`: unite results databases and finish complete sets of chunks."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument

from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import database_files, unite
from vq_benchmark.studies.finishing import finish_partial_rows

SOME_FAILED = 1


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("merge")(merge)


def merge(
    output: Annotated[Path, Argument(help="Results database to merge into; made if it does not exist.")],
    inputs: Annotated[list[Path], Argument(help="Results databases, or folders that hold some.")],
) -> None:
    """Unite results databases; complete sets of chunks become finished rows. Doing it again changes nothing."""
    database = Database(output)
    union = unite(database, database_files(inputs))
    finishing = finish_partial_rows(database)
    for sentence in (*union.unreadable, *union.conflicts, *finishing.incomplete):
        typer.echo(sentence, err=True)
    typer.echo(
        f"{output}: {union.added} rows added, {union.present} were there; "
        f"{len(finishing.finished)} sets of chunks finished, {len(finishing.incomplete)} incomplete."
    )
    if union.unreadable or union.conflicts or finishing.incomplete:
        raise typer.Exit(SOME_FAILED)
