"""Signal handling: a signal ends the program, or sets a flag that the work checks between blocks.

A program goes through three stages. While its libraries load, there is nothing to clean up: a signal ends it at once
(`end_at_once`). After that, a signal raises `Interrupted`, so that half-written files are removed (`interruptible`).
Long work that can be resumed only records the signal and stops where nothing is lost (`stopping`).
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)
"""SLURM sends USR1, which we request, before a time limit, and TERM on its own; INT comes from the keyboard."""
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that end a program outside resumable work; HUP is sent when a terminal closes."""
SIGNALLED = 128
"""Added to the signal number, it gives the exit code that shells expect: INT 130, USR1 138, TERM 143."""
SECONDS_TO_CLEAN_UP = 5.0
"""Time after which another thread ends the program, because a handler only runs once a call into C returns."""

_clean_up: list[Callable[[], None]] = []
_requested: str | None = None
_deferred = 0
"""How many `stopping` blocks are open."""


class Interrupted(BaseException):
    """Raised in the main thread, wherever it is, when a signal ends the program."""

    def __init__(self, number: int) -> None:
        super().__init__(farewell(number))
        self.number = number


def farewell(number: int) -> str:
    """The last message of a program that a signal ends."""
    return f"stopped by {signal.Signals(number).name}."


def before_an_end(clean_up: Callable[[], None]) -> None:
    """Register a function to call before a signal ends the program without unwinding the stack."""
    _clean_up.append(clean_up)


def end_at_once() -> None:
    """Make TERM, INT and HUP end the program with one sentence and exit code 128 + signal number from now on.

    Ignored signals stay ignored, as `nohup` and shells expect for background processes.
    """
    for number in _unless_ignored(ENDING):
        signal.signal(number, _end)


@contextmanager
def interruptible() -> Iterator[None]:
    """Make TERM, INT and HUP raise `Interrupted` inside the block; a program busy in other code ends 5 s later.

    The previous handlers are restored at the end. For the main thread of a program; a library leaves signals alone.
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
    """Make USR1, TERM and INT set the flag of `stop_requested` inside the block, without interrupting anything.

    A SIGINT after any of these signals raises KeyboardInterrupt at once. At the end, the previous handlers are
    restored and the flag is cleared. For the main thread of a program; a library leaves signals alone.

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
    """The name of the first signal that asked to stop, such as "SIGTERM"; None if none did."""
    return _requested


@contextmanager
def held_back() -> Iterator[None]:
    """Hold signals back inside the block, and in processes started in it until they call `let_in`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_in(*numbers: signal.Signals) -> None:
    """Accept signals that were held back when this process was started."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def _unless_ignored(numbers: Iterable[signal.Signals]) -> list[signal.Signals]:
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


def _end(number: int, _: FrameType | None) -> None:
    for clean_up in _clean_up:
        clean_up()
    _write(f"vq-benchmark: {farewell(number)}\n")
    os._exit(SIGNALLED + number)


def _interrupt(number: int, _: FrameType | None) -> None:
    for each in _unless_ignored(ENDING):  # one is enough, and another would interrupt the clean-up
        signal.signal(each, _pass_over)
    raise Interrupted(number)


def _pass_over(number: int, _: FrameType | None) -> None:
    """Do nothing; unlike SIG_IGN, this affects only the present process."""


def _note(number: int, _: FrameType | None) -> None:
    once_more = "; press Ctrl-C again to stop at once" if number == signal.SIGINT else ""
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
    """End the program if it still runs 5 s after a signal to end; all signal numbers arrive through a pipe."""
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
    """Write to stderr, but not through sys.stderr: the signal may have arrived in the middle of a write to it."""
    with suppress(OSError):
        os.write(2, text.encode())


def _set_flag(name: str | None) -> None:
    global _requested
    _requested = name
