"""Commands that a signal stops between two blocks of their work, so that they can resume."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from vq_benchmark.errors import Stopped
from vq_benchmark.machine.signals import SIGNALLED, stopping
from vq_benchmark.machine.terminal import echo
from vq_benchmark.studies.slurm.scheduler import SchedulerError, requeue_own_job


@contextmanager
def stoppable() -> Iterator[None]:
    """On a stop, print one line that says how far the work is, and exit with the code of the signal.

    A SLURM job requeues itself first, unless Ctrl-C or `scancel` stopped it.
    """
    with stopping():
        try:
            yield
        except Stopped as stop:
            _say(str(stop))
            if stop.signal != signal.SIGINT.name:
                _requeue()
            raise typer.Exit(SIGNALLED + signal.Signals[stop.signal]) from None


def _requeue() -> None:
    try:
        requeue_own_job(_say)
    except SchedulerError as error:
        _say(str(error))


def _say(sentence: str) -> None:
    echo(f"vq-benchmark: {sentence}", err=True)
