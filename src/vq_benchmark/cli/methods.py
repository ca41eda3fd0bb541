"""`vq-benchmark methods`: the quantizers there are, or all about one."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text
from typer import Argument

from vq_benchmark.cli.options import PluginOptions, grouped
from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.quantizers.description import Description, describe
from vq_benchmark.quantizers.registry import list_quantizers


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("methods")(methods)


@grouped
def methods(
    plugins: PluginOptions, name: Annotated[str | None, Argument(help="A method, to see all about it.")] = None
) -> None:
    """List the quantizers, or show all about one."""
    plugins.use()
    console = Terminal()
    if name is not None:
        _show(describe(name), console)
        return
    table = Table(box=box.SIMPLE)
    for header in ("method", "what it is", "parameters", "paper"):
        table.add_column(header, overflow="fold")
    for description in map(describe, list_quantizers()):
        parameters = ", ".join(parameter.name for parameter in description.parameters)
        title = description.title + (", external" if description.external else "")
        if description.unavailable:
            title += f" (cannot run here: {description.unavailable})"
        table.add_row(*map(Text, (description.name, title, parameters or "none", description.paper)))
    console.print(table)


def _show(description: Description, console: Terminal) -> None:
    console.print(Text(f"{description.name}: {description.title}", style="bold"))
    for line in (description.text, description.paper):
        console.print(Text(f"\n{line}"))
    if description.unbiased_scores:
        console.print("\nIts estimates of inner products are unbiased by design.")
    if description.external:
        console.print("\nIt is external: another project's library makes the codes.")
    if description.unavailable:
        console.print(Text(f"\nIt cannot run here: {description.unavailable}"))
    if not description.parameters:
        console.print("\nIt has no parameters.")
        return
    table = Table(box=box.SIMPLE)
    for header in ("parameter", "values", "default", "meaning"):
        table.add_column(header, overflow="fold")
    for parameter in description.parameters:
        values = f"{parameter.type} {parameter.bounds}".strip()
        table.add_row(*map(Text, (parameter.name, values, str(parameter.default), parameter.description)))
    console.print(table)
