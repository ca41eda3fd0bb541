"""`vq-benchmark datasets`: the data sets that have a name, or all about one."""

from typing import Annotated

import typer
from rich import box
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
    name: Annotated[str | None, Argument(help="A data set, to see all about it.")] = None,
) -> None:
    """List the data sets that have a name, or show all about one, with the way to get it by hand.

    Any vector file or directory can be given by its path instead, and any data set on Hugging Face as hf:OWNER/NAME.
    """
    if name is not None and name not in CATALOG:
        raise unknown_dataset(name)
    table = Table(box=box.SIMPLE, show_header=name is None)
    if name is not None:
        table.add_column()
        table.add_column(overflow="fold")
        for label, value in described(CATALOG[name], cache):
            table.add_row(label, Text(value))
    else:
        for header in ("name", "n", "d", "metric", "on disk", "what it is"):
            table.add_column(header, no_wrap=header == "name", overflow="fold")
        for entry in list_datasets():
            size = f"{entry.size_bytes / 1e6:,.0f} MB" if entry.size_bytes else "-"
            table.add_row(entry.name, f"{entry.n:,}", str(entry.d), entry.metric, size, Text(entry.description))
    Terminal().print(table)


def described(entry: CatalogEntry, cache: CacheOptions) -> list[tuple[str, str]]:
    """Lines about a data set; of a hosted one also its queries, its source, and which files to put where."""
    lines = [
        ("name", entry.name),
        ("what it is", entry.description),
        ("vectors", f"{entry.n:,} of dimension {entry.d}, metric {entry.metric}"),
        ("licence", entry.licence),
        ("how to get it", entry.how_to),
    ]
    hosted = MANIFEST.get(entry.name)
    if hosted is None:
        return lines
    lines += [
        ("stored as", hosted.dtype),
        ("queries", f"{hosted.num_queries:,}" if hosted.num_queries else "none; they are held out of the base"),
        ("to cite", hosted.citation),
    ]
    return lines + [
        ("by hand", f"{source}\nto {place}") for source, place in hosted.files.paths(hosted, cache.folder)
    ]
