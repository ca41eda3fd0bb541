"""Commands that a signal ends between two blocks of their work, to go on another time."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from vq_benchmark.errors import Stopped
from vq_benchmark.machine.signals import SIGNALLED, stopping
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.slurm.scheduler import SchedulerError, queue_again


@contextmanager
def stoppable() -> Iterator[None]:
    """On a stop one line that says how far the work is, and the exit code of the signal.

    A task of SLURM's is queued again before it ends, unless Ctrl-C or `scancel` ended it.
    """
    with stopping():
        try:
            yield
        except Stopped as stop:
            _say(str(stop))
            if stop.signal != signal.SIGINT.name:
                _queue_again()
            raise typer.Exit(SIGNALLED + signal.Signals[stop.signal]) from None


def _queue_again() -> None:
    try:
        queue_again(_say)
    except SchedulerError as error:
        _say(str(error))


def _say(sentence: str) -> None:
    echo(f"vq-benchmark: {sentence}", err=True)
