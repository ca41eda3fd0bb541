"""`vq-benchmark report`: one HTML file from a results database."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.options import comma_separated
from vq_benchmark.machine.terminal import echo
from vq_benchmark.reports.selection import select_runs
from vq_benchmark.reports.sizes import parsed_count
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import database_path


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("report")(report)


def report(
    db_path: Annotated[
        str | None, Option(help="Results database [default: $DB_PATH, else logs/benchmark_runs.db].")
    ] = None,
    output: Annotated[Path, Option(help="The HTML file to write.")] = Path("report.html"),
    vectors: Annotated[
        str | None, Option(help="Show sizes for this many vectors at first, such as 100M [default: the base].")
    ] = None,
    sweep_id: Annotated[str | None, Option(help="Use only the rows of one sweep.")] = None,
    dataset: Annotated[str | None, Option(help="Use only the rows of one data set.")] = None,
    method: Annotated[str | None, Option(help="Use only these methods, separated by commas.")] = None,
) -> None:
    """Write one HTML file with interactive figures and tables, which works offline and can be sent."""
    from vq_benchmark.reports.html.writing import write_report  # not above: other commands would load matplotlib too

    count = None if vectors is None else parsed_count(vectors)
    path = database_path(db_path)
    methods = [] if method is None else comma_separated(method, str, "--method")
    runs = select_runs(Database(path), sweep_id=sweep_id, dataset=dataset, methods=methods)
    write_report(runs, output, title=path.name, vectors=count)
    echo(output)
