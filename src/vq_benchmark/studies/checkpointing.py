"""Keep what a pass has found so far on disk, now and then and when it is told to stop."""

import time
from collections.abc import Callable
from typing import Generic, Protocol, Self, TypeVar

from vq_benchmark.datasets.file_states import FileStates
from vq_benchmark.errors import InputError, Stopped
from vq_benchmark.evaluation.content import ContentDigest
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.machine.signals import stop_requested
from vq_benchmark.results.checkpoints import Checkpoint, Interval


class Storable(Protocol):
    """What a pass has found: a `Measurement`, or a `GroundTruth`."""

    @property
    def content(self) -> ContentDigest:
        """Of the rows that the pass has read."""
        ...

    def to_bytes(self) -> bytes:
        """It as an archive."""
        ...

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From that archive; ValueError if it is damaged."""
        ...


IsCurrent = Callable[[FileStates | None, str, Span], bool]
"""Whether rows [start, stop) are those of which that digest was made when the files were these: `Contents.are`."""
Found = TypeVar("Found", bound=Storable)


def check_stop(label: str, rows_done: int = 0) -> None:
    """Raise Stopped if a signal asked for it."""
    name = stop_requested()
    if name is not None:
        raise Stopped(name, label, rows_done)


class Checkpointing(Generic[Found]):
    """The checkpoint of one pass: what it goes on from, and the hook that is called after each of its blocks."""

    def __init__(
        self,
        kind: type[Found],
        checkpoint: Checkpoint | None,
        every: Interval,
        label: str,
        start: int,
        report: Reporter,
        is_current: IsCurrent,
    ) -> None:
        """For a pass from row `start`; without a checkpoint nothing is kept, and a stop loses the pass.

        A checkpoint is not used unless `is_current` says that the rows it is of are still the same.

        Raises:
            InputError: the checkpoint is of other work.
        """
        self.checkpoint = checkpoint
        self.every = every
        self.label = label
        self.start = start
        self.report = report
        self.resume: Found | None = None
        """What was found before, if anything was."""
        self.next_row = start
        """The first row that is not in the checkpoint."""
        if checkpoint is not None:
            self._load(kind, checkpoint, is_current)
        self._blocks, self._written_at = 0, time.monotonic()

    def _load(self, kind: type[Found], checkpoint: Checkpoint, is_current: IsCurrent) -> None:
        saved = checkpoint.read(self.report)
        if saved is None:
            return
        try:
            found = kind.from_bytes(saved.payload)
        except ValueError as error:
            checkpoint.set_aside(f"is damaged: {error}", self.report)
            return
        if not is_current(saved.files, found.content.hex, (self.start, saved.next_row)):
            checkpoint.set_aside("is of vectors that changed since", self.report)
            return
        self.resume, self.next_row = found, saved.next_row
        self.report.say(f"{self.label}: goes on from its checkpoint, {self.next_row - self.start:,} rows are done.")

    def after_block(self, next_row: int, copy: Callable[[], Found]) -> None:
        """Write the checkpoint if it is due, or if a signal asks to stop, which then raises Stopped."""
        self._blocks += 1
        if stop_requested() or self.every.is_over(self._blocks, time.monotonic() - self._written_at):
            self.write(next_row, copy())
        self.check_stop()

    def write(self, next_row: int, found: Found) -> None:
        """Write the checkpoint now; where that fails, a remark says so and the pass goes on."""
        if self.checkpoint is not None:
            try:
                self.checkpoint.write(found.to_bytes(), next_row)
                self.next_row = next_row
            except InputError as error:
                self.report.say(f"{self.label}: no new checkpoint is kept: {error}")
        self._blocks, self._written_at = 0, time.monotonic()

    def check_stop(self) -> None:
        """Raise Stopped if a signal asks for it."""
        check_stop(self.label, self.next_row - self.start)
