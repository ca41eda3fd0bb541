"""`vq-benchmark datasets`: the data sets that have a name."""

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vq_benchmark.datasets.catalog import list_datasets


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("datasets")(datasets)


def datasets() -> None:
    """List the data sets that have a name; any vector file or directory can be given by its path instead."""
    table = Table(box=box.SIMPLE)
    for header in ("name", "n", "d", "metric", "on disk", "what it is", "how to get it", "licence"):
        table.add_column(header, overflow="fold")
    for entry in list_datasets():
        size = f"{entry.size_bytes / 1e6:,.0f} MB" if entry.size_bytes else "-"
        cells = (f"{entry.n:,}", str(entry.d), entry.metric, size, entry.description, entry.how_to, entry.licence)
        table.add_row(entry.name, *map(Text, cells))
    Console().print(table)
