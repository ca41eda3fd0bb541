"""The program `vq-benchmark`: its commands, and how errors become exit codes."""

import gc
import signal
import sys
from contextvars import copy_context
from importlib import import_module
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from vq_benchmark import __version__
from vq_benchmark.cli.exit_codes import BAD_INPUT
from vq_benchmark.cli.lazy_commands import lazy_group
from vq_benchmark.cli.one_process import require_one_process
from vq_benchmark.cli.program import Commands
from vq_benchmark.cli.studies.done_task import done_task
from vq_benchmark.errors import InputError
from vq_benchmark.machine.signals import SIGNALLED, Interrupted, farewell, interruptible
from vq_benchmark.machine.terminal import echo, printable

COMMANDS = {
    name: f"vq_benchmark.cli.{'studies.' if name in ('study', 'slurm') else ''}{name.replace('-', '_')}"
    for name in (
        "run", "sweep", "recommend", "study", "slurm", "precompute-gt", "merge", "results", "plot", "report",
        "compare", "export", "methods", "engines", "datasets", "inspect", "generate-data", "embed",
    )
}  # fmt: skip
"""The module of each command, imported on demand."""

app = Commands(
    cls=lazy_group(COMMANDS),
    name="vq-benchmark",
    pretty_exceptions_enable=False,
    help="Measure what each vector quantizer loses at each bit budget, and how fast it is, on your own vectors.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        echo(f"vq-benchmark {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options given before the command."""


def main() -> None:
    """Run the command line. Exit codes: 0 for success, and those in `exit_codes`."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    if done := done_task(arguments):
        echo(done, err=True)
        sys.exit(0)
    try:
        require_one_process(arguments)
    except InputError as error:
        _refuse(str(error))
    if command in COMMANDS:  # while libraries load, a signal ends the program; raised there, it could be lost
        import_module(COMMANDS[command])
    if not gc.isenabled():  # `__main__` switched it off
        gc.freeze()
        gc.enable()
    try:
        with interruptible():
            # in a separate context, so that settings of the command, such as the memory limit, end with it
            code = copy_context().run(app, args=arguments or ["--help"], standalone_mode=False)
    except InputError as error:
        if debug:
            raise
        _refuse(str(error))
    except TyperException as error:
        message = error.format_message().replace("Value error, ", "").rstrip(".")
        _refuse(f"{message} (see `vq-benchmark {_command(arguments)}--help`).")
    except Interrupted as interrupted:
        _refuse(str(interrupted), SIGNALLED + interrupted.number)
    except typer.Abort:
        _refuse(farewell(signal.SIGINT), SIGNALLED + signal.SIGINT)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        if debug:
            raise
        _refuse(f"system error: {error}.")
    except MemoryError as error:
        if debug:
            raise
        _refuse(f"out of memory: {str(error) or 'an allocation failed'}.")
    sys.exit(code)


def _refuse(sentence: str, code: int = BAD_INPUT) -> NoReturn:
    echo(printable(f"vq-benchmark: {sentence}", kept=""), err=True)
    sys.exit(code)


def _command(arguments: list[str]) -> str:
    return next((f"{argument} " for argument in arguments if argument in COMMANDS), "")
