"""The parts of a data set as they are stored, before the limit, the hold-out and the metric are applied."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.dataset import IdenticalIds, Judgements
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.parts.origins import PLURAL, Origin, without
from vq_benchmark.datasets.parts.part_names import Part
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError

SidePart = Literal["learn", "neighbors"]
"""A part without which a data set can be measured just as well."""


@dataclass(frozen=True)
class RawDataset:
    """The parts of a data set as they are stored; only the base is required."""

    base: VectorSource
    queries: VectorSource | None = None
    learn: VectorSource | None = None
    neighbors: IdArray | None = None
    """(queries.n, k) int64 row numbers of the base."""
    judgements: Judgements | None = None
    distance: Distance | None = None
    """As stated by the file or the directory."""
    identical_ids: IdenticalIds | None = None
    """As the folder states; None: not stated, which means "ignore"."""
    unknown_distance: str | None = None
    """What the file states instead, if it is none of the distances; then --metric is needed."""
    revision: str | None = None
    """The version of a hosted data set: a commit of its repository, or the hash of its file."""
    whole_n: int | None = None
    """Rows of the whole hosted base, if only its first rows were downloaded."""
    split: str = ""
    """How queries were held out of the base, or an empty string; part of the fingerprint."""
    notes: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    """What became of every file of the folder, or of every array of the container."""
    undecided: Mapping[Part, str] = field(default_factory=dict)
    """For each part that could be one of several candidates, the sentence that refuses the data set."""
    train_queries: VectorSource | None = None

    def trying(self, part: SidePart, read: Callable[[], Any]) -> Self:
        """The data set with a part that `read` gives, or without it and with a note if it cannot be read."""
        try:
            return replace(self, **{part: read()})
        except InputError as error:
            return self.dropping(part, str(error).rstrip("."))

    def dropping(self, part: SidePart, reason: str) -> Self:
        """The data set without a part that cannot be used; the reason ends a sentence of the notes."""
        changed = {
            "origins": without(self.origins, part, reason),
            "notes": (*self.notes, f"the stored {PLURAL[part]} are dropped: {reason}."),
        }
        return replace(self, **{part: None}, **changed)  # type: ignore[arg-type]
