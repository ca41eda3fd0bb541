"""`vq-benchmark methods`: the quantizers there are, or all about one."""

from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer import Argument

from vq_benchmark.quantizers.registry import list_quantizers, quantizer_class


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("methods")(methods)


def methods(name: Annotated[str | None, Argument(help="A method, to see all about it.")] = None) -> None:
    """List the quantizers, or show all about one."""
    typer.echo(", ".join(list_quantizers()) if name is None else quantizer_class(name).title)
