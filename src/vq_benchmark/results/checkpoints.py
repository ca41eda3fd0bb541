"""Checkpoints of unfinished passes: one atomic file per cell, which states what it belongs to."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from vq_benchmark.datasets.file_states import FileStates, from_json, to_json
from vq_benchmark.errors import InputError
from vq_benchmark.machine.archive import pack, unpack
from vq_benchmark.machine.atomic_files import atomic_write, tidy
from vq_benchmark.machine.damage import taking_apart
from vq_benchmark.machine.locations import file_in
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.machine.provenance import release

FORMAT_VERSION = 2
"""Part of the identity: a checkpoint of another format belongs to a run of another release."""
SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Interval:
    """How often to write checkpoints: every `blocks` blocks or `seconds` seconds; with neither, only on a stop."""

    blocks: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The interval for a number of blocks such as "50" or a time such as "300s", "5m", "1h"; "0" means never.

        Raises:
            InputError: the text is none of these.
        """
        match = re.fullmatch(r"(\d+)([smh]?)", text.strip())
        if match is None:
            raise InputError(
                f"--checkpoint-every is {text!r}; it must be a number of blocks such as 50, a time such as 300s, "
                "5m or 1h, or 0 for never."
            )
        count, unit = int(match[1]), match[2]
        if not count:
            return cls()
        return cls(seconds=count * SECONDS_PER_UNIT[unit]) if unit else cls(blocks=count)

    def is_over(self, blocks: int, seconds: float) -> bool:
        """Whether the next checkpoint is due, `blocks` blocks and `seconds` seconds after the last one."""
        by_blocks = self.blocks is not None and blocks >= self.blocks
        return by_blocks or (self.seconds is not None and seconds >= self.seconds)


@dataclass(frozen=True)
class Saved:
    """The content of a checkpoint."""

    payload: bytes
    next_row: int
    files: FileStates | None
    """The files of the vectors as they were when it was written."""


@dataclass(frozen=True)
class Checkpoint:
    """The location of one checkpoint, and the run it must belong to; the payload is bytes."""

    path: Path
    identity: dict[str, str]
    """Values by name; a checkpoint with any different value belongs to a different run."""
    files: FileStates | None = None
    """The files of the vectors as they are now; None if they are not known."""

    def write(self, payload: bytes, next_row: int) -> None:
        """Write this payload atomically, replacing an earlier one.

        Raises:
            InputError: the folder is not writable, or the disk is full; the earlier payload is kept.
        """
        header = {
            "version": FORMAT_VERSION,
            "identity": self.identity,
            "next_row": next_row,
            "files": to_json(self.files),
        }
        with atomic_write(self.path) as file:
            file.write(pack(header, {"payload": np.frombuffer(payload, dtype=np.uint8)}))

    def read(self, report: Reporter) -> Saved | None:
        """The stored content, or None if there is none. A damaged file, or one of a model that was refitted, is set
        aside with a note.

        Raises:
            InputError: the checkpoint belongs to a different run; the file is left as it is.
        """
        if not self.path.exists():
            return None
        try:
            with taking_apart("a checkpoint"):
                header, arrays = unpack(self.path.read_bytes())
                found = {"version": header["version"], **header["identity"]}
                saved = Saved(arrays["payload"].tobytes(), int(header["next_row"]), from_json(header.get("files")))
        except ValueError as error:
            self.set_aside(f"is damaged: {error}", report)
            return None
        if found.get("model_hash") != self.identity.get("model_hash") and "model_hash" in found:
            self.set_aside("belongs to a model that was refitted since", report)
            return None
        self._check(found)
        return saved

    def _check(self, found: dict[str, str | int]) -> None:
        wanted = {"version": FORMAT_VERSION, **self.identity}
        for name in wanted | found:
            if wanted.get(name) != found.get(name):
                raise InputError(
                    f"the checkpoint {str(self.path)!r} belongs to a different run ({name.replace('_', ' ')} "
                    f"{found.get(name)}, expected {wanted.get(name)}); delete it to start over."
                )

    def set_aside(self, reason: str, report: Reporter) -> None:
        """Rename an unusable file to NAME.corrupt, so that the work is redone and the file can be examined. The
        reason continues a sentence that starts with "the checkpoint PATH"."""
        aside = self.path.with_name(f"{self.path.name}.corrupt")
        self.path.replace(aside)
        report.say(
            f"the checkpoint {str(self.path)!r} {reason}. It was renamed to {aside.name!r}; the work starts over."
        )

    def remove(self) -> None:
        """Delete the checkpoint, if any, and the temporaries that killed processes left in its folder."""
        if self.path.exists():  # there may not even be a folder
            self.path.unlink(missing_ok=True)
        tidy(self.path.parent)


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints are kept, and how often they are written; a request to stop also writes one."""

    folder: Path | None = None
    """None: no checkpoints are kept."""
    every: Interval = Interval(seconds=300)

    def of(self, id_: str, *, files: FileStates | None = None, **identity: str) -> Checkpoint | None:
        """The checkpoint of the work `id_` (letters, digits, -) in this release; None if none are kept."""
        if self.folder is None:
            return None
        identity = {"id": id_, "release": release(), **identity}
        return Checkpoint(file_in(self.folder, f"{id_}.npz"), identity, files)

    def remove(self, id_: str) -> None:
        """Delete the checkpoint of work whose result is stored, if there is one."""
        checkpoint = self.of(id_)
        if checkpoint is not None:
            checkpoint.remove()
