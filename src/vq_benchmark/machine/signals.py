"""Being told to stop: a signal ends the program, or sets a flag that the work looks at between its blocks.

A program goes through three stages. While its libraries load there is nothing to clean up: a signal ends it at once
(`end_at_once`). Then a signal raises `Interrupted`, so that whatever is half-written is removed (`interruptible`).
Long work that can be resumed only notes it and stops where it loses nothing (`stopping`).
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)
"""USR1 is what SLURM is asked to send before a time limit, TERM what it sends on its own, INT the keyboard."""
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that end a program that does nothing resumable; HUP comes from a terminal that is closed."""
SIGNALLED = 128
"""Added to the number of a signal gives the exit code by which shells know it: INT 130, USR1 138, TERM 143."""
SECONDS_TO_CLEAN_UP = 5.0
"""After which a program that is to end is ended from another thread: a handler waits for a call into C to return."""

_clean_up: list[Callable[[], None]] = []
_requested: str | None = None
_deferred = 0
"""How many `stopping` blocks are open."""


class Interrupted(BaseException):
    """A signal ends the program; it is raised wherever the main thread is."""

    def __init__(self, number: int) -> None:
        super().__init__(farewell(number))
        self.number = number


def farewell(number: int) -> str:
    """What is said last of a signal."""
    return f"stopped by {signal.Signals(number).name}."


def before_an_end(clean_up: Callable[[], None]) -> None:
    """Have something called before a signal ends the program without unwinding the stack."""
    _clean_up.append(clean_up)


def end_at_once() -> None:
    """From now on TERM, INT and HUP end the program with one sentence and 128 + their number.

    Those that are ignored stay so, as `nohup` and shells want it for what they start in the background.
    """
    for number in _unless_ignored(ENDING):
        signal.signal(number, _end)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside the block TERM, INT and HUP raise `Interrupted`; a program that is busy elsewhere ends 5 s later.

    At the end the handlers of before are back. For the main thread of a program; a library leaves signals alone.
    """
    before = {number: signal.signal(number, _interrupt) for number in _unless_ignored(ENDING)}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    earlier = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)
        watcher.join()
        os.close(reading)


@contextmanager
def stopping(*, aloud: bool = True) -> Iterator[None]:
    """Inside the block the signals USR1, TERM and INT set the flag of `stop_requested` and interrupt nothing.

    A SIGINT after another of them raises KeyboardInterrupt at once. At the end the handlers of before are back and
    the flag is down. For the main thread of a program; a library leaves signals alone.

    Args:
        aloud: acknowledge the first signal on stderr.
    """
    global _deferred
    _set_flag(None)
    _deferred += 1
    before = {number: signal.signal(number, _note if aloud else _note_silently) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _deferred -= 1
        _set_flag(None)


def stop_requested() -> str | None:
    """The name of the first signal that asked to stop, such as "SIGTERM"; None where none did."""
    return _requested


@contextmanager
def held_back() -> Iterator[None]:
    """Inside the block signals wait, and so they do in processes that it starts until these call `let_in`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_in(*numbers: signal.Signals) -> None:
    """Take signals that were held back when this process was started."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def _unless_ignored(numbers: Iterable[signal.Signals]) -> list[signal.Signals]:
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


def _end(number: int, _: FrameType | None) -> None:
    for clean_up in _clean_up:
        clean_up()
    _write(f"vq-benchmark: {farewell(number)}\n")
    os._exit(SIGNALLED + number)


def _interrupt(number: int, _: FrameType | None) -> None:
    for each in ENDING:  # one is enough, and another would break off the cleaning up
        signal.signal(each, _pass_over)
    raise Interrupted(number)


def _pass_over(number: int, _: FrameType | None) -> None:
    """Do nothing, unlike SIG_IGN in this process only."""


def _note(number: int, _: FrameType | None) -> None:
    once_more = "; once more stops at once" if number == signal.SIGINT else ""
    _request(number, f"{signal.Signals(number).name}: stopping after the current step{once_more}.\n")


def _note_silently(number: int, _: FrameType | None) -> None:
    _request(number, "")


def _request(number: int, answer: str) -> None:
    if _requested is not None:
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        return
    _set_flag(signal.Signals(number).name)
    _write(answer)


def _watch(reading: int) -> None:
    """End the program some time after a signal that was to end it; the numbers of all signals come through a pipe."""
    requests = 0
    while received := os.read(reading, 1):
        number = received[0]
        if _deferred:
            requests += number in SIGNALS
            if requests < 2 or number != signal.SIGINT:
                continue
        elif number not in _unless_ignored(ENDING):
            continue
        ended = time.monotonic() + SECONDS_TO_CLEAN_UP
        os.set_blocking(reading, False)
        while time.monotonic() < ended:
            with suppress(BlockingIOError):
                while received := os.read(reading, 1):
                    pass
                return  # the block was left in time
            time.sleep(0.05)
        _end(number, None)


def _write(text: str) -> None:
    """To stderr, but not through sys.stderr: the signal may have come in the middle of a write to it."""
    with suppress(OSError):
        os.write(2, text.encode())


def _set_flag(name: str | None) -> None:
    global _requested
    _requested = name
