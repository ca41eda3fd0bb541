"""`vq-benchmark engines`: list what vector databases do to vectors, or describe one of them."""

import json
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text
from typer import Argument, Option

from vq_benchmark.datasets.distance_names import DISTANCES, named_distance
from vq_benchmark.errors import InputError
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.quantizers.engines.choosing import BY_NAME, chosen_engines
from vq_benchmark.quantizers.engines.description import described
from vq_benchmark.quantizers.engines.table import SETTINGS

NOTE = (
    "Bytes are of one vector. Every code is scanned: the loss of a graph or of an inverted file is not part of it. "
    "Re-ranking is the vendor's default, as --rerank writes it."
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("engines")(engines)


def engines(
    name: Annotated[str | None, Argument(help="Engine or ENGINE:SETTING to describe [default: list all].")] = None,
    dim: Annotated[int, Option(help="Dimension of the vectors.")] = 384,
    metric: Annotated[str, Option(help="Distance: l2, ip or cosine.", metavar="NAME")] = "cosine",
    as_json: Annotated[bool, Option("--json", help="Write JSON, one object per setting.")] = False,
) -> None:
    """List what vector databases do to vectors: code, query, re-ranking, and how true our copy is."""
    if dim < 1:
        raise InputError(f"--dim is {dim}; it must be at least 1.")
    distance = named_distance(metric)
    if distance is None:
        raise InputError(f"--metric is {metric!r}; it must be one of {', '.join(DISTANCES)}.")
    names = [setting.name for setting in SETTINGS] if name is None else chosen_engines([name])
    records = [described(BY_NAME[each], dim, distance) for each in names]
    if as_json:
        echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    console = Terminal()
    if len(records) == 1:
        _show(records[0], console)
        return
    table = Table(box=box.SIMPLE)
    for header in ("setting", "code", "bytes", "query", "re-ranking", "truth"):
        table.add_column(header, overflow="fold")
    for record in records:
        size = "refused" if record["refused"] else str(record["bytes_per_vector"])
        texts = (record["name"], _code(record), size, record["query"], record["rerank"] or "none", record["truth"])
        table.add_row(*map(Text, texts))
    console.print(table)
    console.print(Text(NOTE))


def _code(record: dict[str, Any]) -> str:
    return " ".join([record["method"], *(f"{key}={value}" for key, value in record["parameters"].items())])


def _show(record: dict[str, Any], console: Terminal) -> None:
    console.print(Text(record["name"], style="bold"))
    size = record["refused"] or f"{record['bytes_per_vector']:,} bytes"
    truth = record["truth"] + (f": {record['reason']}" if record["reason"] else "")
    facts = {
        "code": _code(record), "size of a vector": size, "learned": record["learned"], "query": record["query"],
        "re-ranking": record["rerank"] or "none", "version": record["version"], "truth": truth,
        "compared": record["checked"], "distances": ", ".join(record["distances"]),
    }  # fmt: skip
    for fact, value in facts.items():
        console.print(Text(f"{fact}: {value}"))
    console.print(Text(f"\n{NOTE}"))
