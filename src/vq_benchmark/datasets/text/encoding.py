"""From texts to vectors, in batches that depend only on the texts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

import numpy as np

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.datasets.checks.unusable_rows import check_rows
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.number_types import as_float32
from vq_benchmark.datasets.sources.wrappers import unit_norm
from vq_benchmark.datasets.text.records import TextRecord

Kind = Literal["passage", "query"]
WINDOW_ROWS = 4096
"""Texts in memory at a time. They are sorted by length before they are batched, to reduce padding."""


class Encoder(Protocol):
    """A model that maps a text to a vector."""

    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> str:
        """Identifies the weights."""
        ...

    @property
    def d(self) -> int: ...
    @property
    def distance(self) -> Distance:
        """The metric for comparing its vectors."""
        ...

    @property
    def prompts(self) -> Mapping[Kind, str]:
        """The prefix of each text."""
        ...

    def encode(self, texts: Sequence[str], kind: Kind) -> FloatArray:
        """One batch of texts as (len(texts), d) float32, the same for the same batch."""
        ...


@dataclass(frozen=True)
class Precision:
    """How vectors are computed, apart from the model. Other values change the vectors, if only in their last bits."""

    batch_size: int = 64
    normalize: bool = True
    """Whether vectors are divided by their Euclidean norm."""
    dtype: str = "float16"
    """The stored dtype: float16 or float32."""


def embedded_windows(
    records: Iterator[TextRecord],
    encoder: Encoder,
    kind: Kind,
    precision: Precision,
    *,
    first_row: int = 0,
    after_batch: Callable[[int], None] = lambda rows: None,
) -> Iterator[Array]:
    """The vectors of the records in order, as blocks (at most 4,096, d) of the stored dtype.

    `after_batch` is called with the number of texts of each batch.

    Raises:
        BadRows: a vector cannot be stored: it is not finite, or it is zero and cannot be normalised.
    """
    while window := list(islice(records, WINDOW_ROWS)):
        texts = [record.text for record in window]
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        out = np.empty((len(texts), encoder.d), dtype=precision.dtype)
        for start in range(0, len(order), precision.batch_size):
            rows = order[start : start + precision.batch_size]
            vectors = encoder.encode([texts[row] for row in rows], kind)
            with np.errstate(over="ignore"):  # overflow becomes infinite, which is refused below
                out[rows] = unit_norm(vectors) if precision.normalize else vectors
            after_batch(len(rows))
        check_rows(as_float32(out), first_row, "cosine" if precision.normalize else "ip", what=kind)
        first_row += len(window)
        yield out
