"""Commands that a signal ends between two blocks of their work, to go on another time."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from vq_benchmark.errors import Stopped
from vq_benchmark.machine.stopping import stopping

SIGNALLED = 128
"""Added to the number of a signal gives the exit code by which shells know it: INT 130, USR1 138, TERM 143."""


@contextmanager
def stoppable() -> Iterator[None]:
    """On a stop one line that says how far the work is, and the exit code of the signal."""
    with stopping():
        try:
            yield
        except Stopped as stop:
            typer.echo(f"vq-benchmark: {stop}", err=True)
            raise typer.Exit(SIGNALLED + signal.Signals[stop.signal]) from None
