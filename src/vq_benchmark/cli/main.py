"""The program `vq-benchmark`: its commands, and how errors become exit codes."""

import sys
from typing import Annotated

import typer

from vq_benchmark import __version__
from vq_benchmark.cli import (
    datasets,
    export,
    generate_data,
    inspect,
    merge,
    methods,
    plot,
    precompute_gt,
    run,
    sweep,
)
from vq_benchmark.errors import InputError

BAD_INPUT = 2

app = typer.Typer(
    name="vq-benchmark",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Which vector quantizer, at which budget of bits, loses how much, how fast, on your own vectors.",
)
for command in (run, sweep, precompute_gt, merge, plot, export, methods, datasets, inspect, generate_data):
    command.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vq-benchmark {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of bad input.")] = False,
) -> None:
    """Options that stand before the command."""


def main() -> None:
    """Run the command line. Exit codes: 0 good, 1 some cells failed, 2 bad usage or bad input."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(args=arguments)
    except InputError as error:
        if debug:
            raise
        typer.echo(f"vq-benchmark: {error}", err=True)
        sys.exit(BAD_INPUT)
    except BrokenPipeError:
        sys.exit(0)
