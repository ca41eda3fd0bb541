"""`vq-benchmark results`: the rows of a results database as a table, a document or data."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Option

from vq_benchmark.cli.options import comma_separated, grouped
from vq_benchmark.cli.program import examples
from vq_benchmark.cli.showing import SizeOptions
from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.reports.documents.documents import Request, document, printed_tables
from vq_benchmark.reports.selection import select_runs
from vq_benchmark.reports.tables import print_tables
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import database_path

EXAMPLES = (
    "vq-benchmark results --sort -recall_at_10 --columns total_bits_per_dim,recall_at_10,mse",
    "vq-benchmark results --format csv --output results.csv",
    "vq-benchmark results --format latex --method pq,opq,saq --columns recall_at_10,recall_10_at_50",
)
Format = Literal["table", "csv", "json", "parquet", "markdown", "latex"]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("results", epilog=examples(*EXAMPLES))(results)


@grouped
def results(
    show: SizeOptions,
    db_path: Annotated[
        str | None, Option(help="Results database [default: $DB_PATH, else logs/benchmark_runs.db].")
    ] = None,
    format_: Annotated[
        Format, Option("--format", help="csv, json and parquet have every metric by default.")
    ] = "table",
    output: Annotated[Path | None, Option(help="File to write [default: print].")] = None,
    columns: Annotated[str | None, Option(help='Metrics and other columns, such as "recall_at_10,mse".')] = None,
    sort: Annotated[str | None, Option(help='Columns to sort by, ascending; "-recall_at_10" descends.')] = None,
    each_seed: Annotated[
        bool, Option("--each-seed", help="One row per seed instead of one per configuration.")
    ] = False,
    sweep_id: Annotated[str | None, Option(help="Use only the rows of one sweep.")] = None,
    dataset: Annotated[str | None, Option(help="Use only the rows of one data set.")] = None,
    method: Annotated[str | None, Option(help="Use only these methods, separated by commas.")] = None,
) -> None:
    """Show stored results, every metric with its 95 % interval: for reading, for papers or for programs."""
    methods = [] if method is None else comma_separated(method, str, "--method")
    names = [] if columns is None else comma_separated(columns, str, "--columns")
    keys = [] if sort is None else comma_separated(sort, str, "--sort")
    if format_ == "parquet" and output is None and sys.stdout.isatty():
        raise InputError("parquet is binary; name a file with --output, or redirect the output.")
    runs = select_runs(Database(database_path(db_path)), sweep_id=sweep_id, dataset=dataset, methods=methods)
    request = Request(names, keys, each_seed, show.parsed())
    if output is not None:
        with atomic_write(output) as file:
            file.write(document(runs, format_, request))
        echo(output)
    elif format_ == "table":
        console = Terminal()
        print_tables(printed_tables(runs, request, console), console)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(document(runs, format_, request))
