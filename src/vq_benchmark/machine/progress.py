"""Progress output: a bar on a terminal, timestamped lines in a job's log, nothing in a library call."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from threading import Event, Thread
from typing import Protocol

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from vq_benchmark.machine.terminal import Terminal, echo, printable

Update = Callable[[int], None]
"""A function to call with the number of rows, or other units, done so far."""
TimeLeft = Callable[[], float | None]
"""A function that estimates the seconds left; None while there is nothing to estimate them from."""
SECONDS_BETWEEN_LINES = 10.0


class Reporter(Protocol):
    """Where progress and remarks go."""

    def say(self, text: str) -> None:
        """Show one remark."""
        ...

    def log(self, text: str) -> None:
        """Show one remark where no bar shows the same."""
        ...

    def task(
        self, label: str, total: int, unit: str = "rows", left: TimeLeft | None = None
    ) -> AbstractContextManager[Update]:
        """A context manager that yields the function to call with the number of units done.

        Args:
            left: estimates the seconds left; by default the rate so far does.
        """
        ...

    def busy(self, label: str) -> AbstractContextManager[None]:
        """A context manager around work of unknown length, which shows how long it has taken so far."""
        ...


class SilentReporter:
    """A reporter that shows nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    def log(self, text: str) -> None:
        """Do nothing."""

    @contextmanager
    def task(self, label: str, total: int, unit: str = "rows", left: TimeLeft | None = None) -> Iterator[Update]:
        """Yield a function that does nothing."""
        yield lambda done: None

    @contextmanager
    def busy(self, label: str) -> Iterator[None]:
        """Do nothing."""
        yield


class LineReporter:
    """Timestamped lines on stderr: at most one every ten seconds for each task, and one at its end."""

    def say(self, text: str) -> None:
        """Show one remark."""
        echo(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {printable(text, kept='')}", err=True)

    def log(self, text: str) -> None:
        """Show one remark."""
        self.say(text)

    @contextmanager
    def busy(self, label: str) -> Iterator[None]:
        """A line every ten seconds."""
        began, ended = time.monotonic(), Event()

        def tell() -> None:
            while not ended.wait(SECONDS_BETWEEN_LINES):
                self.say(f"{label}, {time.monotonic() - began:,.0f} s so far")

        teller = Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            ended.set()
            teller.join()

    @contextmanager
    def task(self, label: str, total: int, unit: str = "rows", left: TimeLeft | None = None) -> Iterator[Update]:
        """Lines with the rate and the time left; none about a task that estimates its own, whose parts have lines."""
        if left is not None:
            yield lambda done: None
            return
        began = last = time.monotonic()
        reached = total

        def update(done: int) -> None:
            nonlocal last, reached
            now, reached = time.monotonic(), done
            if now - last >= SECONDS_BETWEEN_LINES and 0 < done < total:
                last = now
                rate = done / (now - began)
                seconds = (total - done) / rate
                self.say(f"{label}: {done:,} of {total:,} {unit}, {rate:,.0f} {unit}/s, {seconds:,.0f} s left")

        yield update
        of_all = f" of {total:,}" if reached < total else ""
        self.say(f"{label}: {reached:,}{of_all} {unit} in {time.monotonic() - began:.1f} s")


class BarReporter:
    """Bars on the terminal, one below the other, each of which disappears when its task ends."""

    def __init__(self, console: Terminal | None = None) -> None:
        self.console = Terminal(stderr=True) if console is None else console
        self.bars = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(20), TextColumn("{task.fields[count]}"),
            _Time(), console=self.console, transient=True,
        )  # fmt: skip

    def say(self, text: str) -> None:
        """Show one remark."""
        self.console.print(text, markup=False, highlight=False)

    def log(self, text: str) -> None:
        """Do nothing: a bar shows it."""

    @contextmanager
    def task(self, label: str, total: int, unit: str = "rows", left: TimeLeft | None = None) -> Iterator[Update]:
        """A bar with the number done and the time left."""
        with self._bar(label, total, count=f"0/{total:,} {unit}", left=left) as bar:
            yield lambda done: self.bars.update(bar, completed=done, count=f"{done:,}/{total:,} {unit}")

    @contextmanager
    def busy(self, label: str) -> Iterator[None]:
        """A bar that moves, with the time so far."""
        with self._bar(label, None, count="", left=None):
            yield

    @contextmanager
    def _bar(self, label: str, total: int | None, *, count: str, left: TimeLeft | None) -> Iterator[TaskID]:
        if not self.bars.tasks:
            self.bars.start()
        bar = self.bars.add_task(printable(label, kept=""), total=total, count=count, left=left)
        try:
            yield bar
        finally:
            self.bars.remove_task(bar)
            if not self.bars.tasks:
                self.bars.stop()


class _Time(ProgressColumn):
    """The time left of a bar, or of work of unknown length the time so far."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """The text of one bar."""
        if task.total is None:
            return Text(f"{task.elapsed or 0:,.0f} s so far")
        left: TimeLeft | None = task.fields["left"]
        return Text(left_text(task.time_remaining if left is None else left()))


def left_text(seconds: float | None) -> str:
    """A time left, such as `40 s left` or `about 12 min left`; empty if it is not known."""
    if seconds is None:
        return ""
    return f"{seconds:,.0f} s left" if seconds < 100 else f"about {seconds / 60:,.0f} min left"


def reporter() -> Reporter:
    """A `BarReporter` if stderr is a terminal, else a `LineReporter`."""
    return BarReporter() if sys.stderr.isatty() else LineReporter()
