"""`vq-benchmark datasets`: the data sets that have a name, all about one, or one downloaded ahead."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from typer import Argument, Option

from vq_benchmark.cli.options import CacheOptions, grouped
from vq_benchmark.cli.program import Commands, Group
from vq_benchmark.datasets.catalog import CATALOG, CatalogEntry, list_datasets, unknown_dataset
from vq_benchmark.datasets.fetching import fetch, is_kept
from vq_benchmark.datasets.hosted.registry import MANIFEST
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.splitting import DEFAULT_NUM_QUERIES
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import Terminal, echo


class _Datasets(Group):
    """A group whose default command is meant where none is named: `datasets` and `datasets NAME`."""

    default = "show"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with the name of the command before them."""
        is_named = args[:1] == ["--help"] or (args and args[0] in self.commands)
        return super().parse_args(ctx, args if is_named else [self.default, *args])


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    group = Commands(cls=_Datasets, help="List the named data sets, show one in detail, or download one ahead.")
    group.command(_Datasets.default)(datasets)
    group.command("fetch")(fetch_dataset)
    app.add_typer(group, name="datasets")


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
            _show_in_short(entry, cache.folder, console)
        return
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for label, value in described(CATALOG[name], cache):
        table.add_row(label, Text(value))
    console.print(table)


@grouped
def fetch_dataset(
    name: Annotated[str, Argument(help="Data set to download: NAME, NAME@REVISION or hf:OWNER/NAME.")],
    cache: CacheOptions,
    dataset_limit: Annotated[
        int | None, Option(min=1, help="Only what holds the first N base vectors, where parts can be downloaded.")
    ] = None,
) -> None:
    """Download a data set ahead of its use, such as on a login node, and print the path of its vectors.

    An interrupted download resumes. What is in the cache already is not downloaded again.
    """
    options = LoadOptions(DEFAULT_NUM_QUERIES, limit=dataset_limit, cache=cache.folder, report=reporter())
    path = fetch(name, options)
    if path is not None:
        echo(str(path))


def _show_in_short(entry: CatalogEntry, cache: Path, console: Terminal) -> None:
    """The name on a line, and what it is below, which no width cuts."""
    size = f", {entry.size_bytes / 1e6:,.0f} MB" if entry.size_bytes else ""
    facts = f"{entry.n:,} × {entry.d}, {entry.distance}{size}: {entry.description}"
    console.print(Text.assemble((entry.name, "bold"), _readiness(entry, cache)))
    console.print(Padding(Text(facts), (0, 0, 0, 4)))


def _readiness(entry: CatalogEntry, cache: Path) -> str:
    """A mark of the sets that need no network, and why; nothing for the others."""
    if entry.offline:
        return "  (needs no network)"
    return "  (needs no network: it is in the cache)" if is_kept(entry, cache) else ""


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
