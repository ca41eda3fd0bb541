"""Progress output: a bar on a terminal, timestamped lines in a job's log, nothing in a library call."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vq_benchmark.machine.terminal import Terminal, echo, printable

Update = Callable[[int], None]
"""A function to call with the number of rows, or other units, done so far."""
SECONDS_BETWEEN_LINES = 10.0


class Reporter(Protocol):
    """Where progress and remarks go."""

    def say(self, text: str) -> None:
        """Show one remark."""
        ...

    def task(self, label: str, total: int, unit: str = "rows") -> AbstractContextManager[Update]:
        """A context manager that yields the function to call with the number of units done."""
        ...


class SilentReporter:
    """A reporter that shows nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    @contextmanager
    def task(self, label: str, total: int, unit: str = "rows") -> Iterator[Update]:
        """Yield a function that does nothing."""
        yield lambda done: None


class LineReporter:
    """Timestamped lines on stderr: at most one every ten seconds for each task, and one at its end."""

    def say(self, text: str) -> None:
        """Show one remark."""
        echo(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {printable(text, kept='')}", err=True)

    @contextmanager
    def task(self, label: str, total: int, unit: str = "rows") -> Iterator[Update]:
        """Lines with the rate and the time left."""
        began = last = time.monotonic()
        reached = total

        def update(done: int) -> None:
            nonlocal last, reached
            now, reached = time.monotonic(), done
            if now - last >= SECONDS_BETWEEN_LINES and 0 < done < total:
                last = now
                rate = done / (now - began)
                left = (total - done) / rate
                self.say(f"{label}: {done:,} of {total:,} {unit}, {rate:,.0f} {unit}/s, {left:,.0f} s left")

        yield update
        of_all = f" of {total:,}" if reached < total else ""
        self.say(f"{label}: {reached:,}{of_all} {unit} in {time.monotonic() - began:.1f} s")


class BarReporter:
    """A bar on the terminal, which disappears when its task ends."""

    def __init__(self) -> None:
        self.console = Terminal(stderr=True)

    def say(self, text: str) -> None:
        """Show one remark."""
        self.console.print(text, markup=False, highlight=False)

    @contextmanager
    def task(self, label: str, total: int, unit: str = "rows") -> Iterator[Update]:
        """A bar with the rate and the time left."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        began = time.monotonic()
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(printable(label, kept=""), total=total, rate="")

            def update(done: int) -> None:
                rate = done / max(time.monotonic() - began, 1e-9)
                bar.update(task, completed=done, rate=f"{rate:,.0f} {unit}/s")

            yield update


def reporter() -> Reporter:
    """A `BarReporter` if stderr is a terminal, else a `LineReporter`."""
    return BarReporter() if sys.stderr.isatty() else LineReporter()
