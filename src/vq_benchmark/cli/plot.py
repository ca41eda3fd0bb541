"""`vq-benchmark plot`: figures and a table from a results database."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.options import comma_separated, grouped
from vq_benchmark.cli.showing import ShowOptions
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.reports.metric_versions import REMEDY, other_versions
from vq_benchmark.reports.selection import select_runs
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import database_path

JUDGED = ("mrr", "ndcg")
"""Metrics that only data with judgements have: no news where they are missing."""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("plot")(plot)


@grouped
def plot(
    show: ShowOptions,
    db_path: Annotated[
        str | None, Option(help="Results database [default: $DB_PATH, else logs/benchmark_runs.db].")
    ] = None,
    output_dir: Annotated[Path, Option(help="Folder for the figures.")] = Path("plots"),
    metrics: Annotated[str | None, Option(help='Metrics such as "recall_at_10,mse" [default: all].')] = None,
    formats: Annotated[str, Option("--format", help="png, pdf or svg, separated by commas.")] = "png",
    dpi: Annotated[int, Option(min=30, max=1200, help="Resolution of png figures.")] = 150,
    sweep_id: Annotated[str | None, Option(help="Use only the rows of one sweep.")] = None,
    dataset: Annotated[str | None, Option(help="Use only the rows of one data set.")] = None,
    method: Annotated[str | None, Option(help="Use only these methods, separated by commas.")] = None,
) -> None:
    """Plot quality against bits per dimension, one figure per data set and metric, and print a table."""
    from vq_benchmark.reports.plots import plot_results  # not above: every other command would load matplotlib too

    sizes = show.parsed()
    methods = [] if method is None else comma_separated(method, str, "--method")
    path = database_path(db_path)
    runs = select_runs(Database(path), sweep_id=sweep_id, dataset=dataset, methods=methods)
    names = None if metrics is None else comma_separated(metrics, str, "--metrics")
    plotted = plot_results(
        runs,
        output_dir,
        metrics=names,
        formats=comma_separated(formats, str, "--format"),
        dpi=dpi,
        sizes=sizes,
    )
    show.tables(runs, Terminal())
    missing = [name for name in plotted.skipped if names is not None or not name.startswith(JUDGED)]
    if missing:
        remedy = f" Some rows have another metric set; {REMEDY}." if other_versions(runs) else ""
        echo(f"not plotted, as no row has a value: {', '.join(missing)}.{remedy}", err=True)
    for figure in plotted.paths:
        echo(figure)
    source = ["--db-path", str(path)]
    show.choices(runs, Terminal(), source, PassSettings.target_recall)
