"""A reporter that says each remark once, though every measurement of a search would repeat it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from vq_benchmark.machine.progress import Reporter, TimeLeft, Update


@dataclass
class Unrepeated:
    """Passes everything on to another reporter, but no remark twice."""

    reporter: Reporter
    said: set[str] = field(default_factory=set)

    def say(self, text: str) -> None:
        """Show one remark, unless it was shown before."""
        if text not in self.said:
            self.said.add(text)
            self.reporter.say(text)

    def log(self, text: str) -> None:
        """Show one remark where no bar shows the same, unless it was shown before."""
        if text not in self.said:
            self.said.add(text)
            self.reporter.log(text)

    def task(
        self, label: str, total: int, unit: str = "rows", left: TimeLeft | None = None
    ) -> AbstractContextManager[Update]:
        """As the other reporter does."""
        return self.reporter.task(label, total, unit, left)

    def busy(self, label: str) -> AbstractContextManager[None]:
        """As the other reporter does."""
        return self.reporter.busy(label)
