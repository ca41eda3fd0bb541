"""`vq-benchmark datasets`: the data sets that have a name, or all about one."""

from typing import Annotated

import typer
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from typer import Argument

from vq_benchmark.cli.options import CacheOptions, grouped
from vq_benchmark.datasets.catalog import CATALOG, CatalogEntry, list_datasets, unknown_dataset
from vq_benchmark.datasets.hosted.registry import MANIFEST
from vq_benchmark.machine.terminal import Terminal


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("datasets")(datasets)


@grouped
def datasets(
    cache: CacheOptions,
    name: Annotated[str | None, Argument(help="Data set to show in detail.")] = None,
) -> None:
    """List the named data sets, or show one in detail, including how to download it by hand.

    Every command also takes the path of a vector file or directory, and hf:OWNER/NAME for a Hugging Face data set.
    """
    if name is not None and name not in CATALOG:
        raise unknown_dataset(name)
    console = Terminal()
    if name is None:
        for entry in list_datasets():
            _show_in_short(entry, console)
        return
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for label, value in described(CATALOG[name], cache):
        table.add_row(label, Text(value))
    console.print(table)


def _show_in_short(entry: CatalogEntry, console: Terminal) -> None:
    """The name on a line, and what it is below, which no width cuts."""
    size = f", {entry.size_bytes / 1e6:,.0f} MB" if entry.size_bytes else ""
    facts = f"{entry.n:,} × {entry.d}, {entry.distance}{size}: {entry.description}"
    console.print(Text(entry.name, style="bold"))
    console.print(Padding(Text(facts), (0, 0, 0, 4)))


def described(entry: CatalogEntry, cache: CacheOptions) -> list[tuple[str, str]]:
    """Lines about a data set; for a hosted one also its queries, its source, and which files to put where."""
    lines = [
        ("name", entry.name),
        ("what it is", entry.description),
        ("vectors", f"{entry.n:,} of dimension {entry.d}, metric {entry.distance}"),
        ("licence", entry.licence),
        ("how to get it", entry.how_to),
    ]
    hosted = MANIFEST.get(entry.name)
    if hosted is None:
        return lines
    lines += [
        ("stored as", hosted.dtype),
        ("queries", f"{hosted.num_queries:,}" if hosted.num_queries else "none; held out of the base"),
        ("to cite", hosted.citation),
    ]
    return lines + [
        ("by hand", f"{source}\nto {place}") for source, place in hosted.files.paths(hosted, cache.folder)
    ]
