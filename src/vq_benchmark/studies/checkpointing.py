"""Save the state of a pass at intervals and when a signal asks to stop."""

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
    """The state of a pass: a `Measurement` or a `GroundTruth`."""

    @property
    def content(self) -> ContentDigest:
        """Digest of the rows that the pass has read."""
        ...

    def to_bytes(self) -> bytes:
        """The state as an archive."""
        ...

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The state from such an archive; ValueError if it is damaged."""
        ...


IsCurrent = Callable[[FileStates | None, str, Span], bool]
"""Whether rows [start, stop) still have that digest, given the file states it was made with: `Contents.are`."""
Found = TypeVar("Found", bound=Storable)


def check_stop(label: str, rows_done: int = 0) -> None:
    """Raise Stopped if a signal asked for it."""
    name = stop_requested()
    if name is not None:
        raise Stopped(name, label, rows_done)


class Checkpointing(Generic[Found]):
    """The checkpoint of one pass: the state it resumes from, and the hook to call after each block."""

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
        """For a pass from row `start`. Without a checkpoint nothing is saved, and a stop loses the pass.

        A checkpoint is used only if `is_current` says that its rows are unchanged.

        Raises:
            InputError: the checkpoint belongs to a different run.
        """
        self.checkpoint = checkpoint
        self.every = every
        self.label = label
        self.start = start
        self.report = report
        self.resume: Found | None = None
        """The state to resume from, if there is one."""
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
            checkpoint.set_aside("belongs to vectors that have changed since", self.report)
            return
        self.resume, self.next_row = found, saved.next_row
        self.report.say(f"{self.label}: resuming from checkpoint: {self.next_row - self.start:,} rows already done.")

    def after_block(self, next_row: int, copy: Callable[[], Found]) -> None:
        """Write the checkpoint if it is due or a signal asked to stop; in that case raise Stopped."""
        self._blocks += 1
        if stop_requested() or self.every.is_over(self._blocks, time.monotonic() - self._written_at):
            self.write(next_row, copy())
        self.check_stop()

    def write(self, next_row: int, found: Found) -> None:
        """Write the checkpoint now; if that fails, say so and continue."""
        if self.checkpoint is not None:
            try:
                self.checkpoint.write(found.to_bytes(), next_row)
                self.next_row = next_row
            except InputError as error:
                self.report.say(f"{self.label}: could not write checkpoint: {error}")
        self._blocks, self._written_at = 0, time.monotonic()

    def check_stop(self) -> None:
        """Raise Stopped if a signal asked for it."""
        check_stop(self.label, self.next_row - self.start)
