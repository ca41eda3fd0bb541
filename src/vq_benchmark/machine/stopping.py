"""Being told to stop: a signal sets a flag, which the work looks at between its blocks."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)
"""USR1 is what SLURM is asked to send before a time limit, TERM what it sends on its own, INT the keyboard."""

_requested: str | None = None


def stop_requested() -> str | None:
    """The name of the first signal that asked to stop, such as "SIGTERM"; None where none did."""
    return _requested


@contextmanager
def stopping() -> Iterator[None]:
    """Inside the block the signals USR1, TERM and INT set the flag of `stop_requested` and interrupt nothing.

    A SIGINT after another of them raises KeyboardInterrupt at once. At the end the handlers of before are back and
    the flag is down. For the main thread of a program; a library leaves signals alone.
    """
    _set_flag(None)
    before = {number: signal.signal(number, _handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _set_flag(None)


def _handle(number: int, _: FrameType | None) -> None:
    if _requested is not None:
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        return
    name = signal.Signals(number).name
    _set_flag(name)
    once_more = "; once more stops at once" if number == signal.SIGINT else ""
    # Not through sys.stderr: the signal may have come in the middle of a write to it.
    os.write(2, f"{name}: stopping after the current step{once_more}.\n".encode())


def _set_flag(name: str | None) -> None:
    global _requested
    _requested = name
