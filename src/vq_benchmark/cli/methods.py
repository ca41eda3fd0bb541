"""`vq-benchmark methods`: list the quantizers, or describe one."""

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
    plugins: PluginOptions,
    name: Annotated[str | None, Argument(help="Method to describe [default: list all].")] = None,
) -> None:
    """List the quantizers, or describe one: parameters, defaults, paper."""
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
    if description.unbiased_scores != "no":
        console.print(f"\nUnbiased estimates of inner products: {description.unbiased_scores}.", highlight=False)
    if description.external:
        console.print("\nExternal: another project's library makes the codes.")
    if description.unavailable:
        console.print(Text(f"\nCannot run here: {description.unavailable}"))
    if not description.parameters:
        console.print("\nNo parameters.")
        return
    table = Table(box=box.SIMPLE)
    for header in ("parameter", "values", "default", "meaning"):
        table.add_column(header, overflow="fold")
    for parameter in description.parameters:
        values = f"{parameter.type} {parameter.bounds}".strip()
        default = "none" if parameter.default is None else str(parameter.default)
        table.add_row(*map(Text, (parameter.name, values, default, parameter.description)))
    console.print(table)
