"""A data set: base vectors to compress and search, queries, and their known answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.checks.bad_rows import RefusingSource, usable_sample
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.file_states import FileStates, require_unchanged
from vq_benchmark.datasets.parts.origins import Origin
from vq_benchmark.datasets.sources.sampling import sample_rows
from vq_benchmark.datasets.sources.vector_source import VectorSource

IdenticalIds = Literal["ignore", "keep"]
"""Whether judged metrics leave the base row with the identifier of the query out of its answer."""
NOT_IN_BASE = -1
"""The base row of a judged vector that is not in the base, and of a query without a base row of its own."""


@dataclass(frozen=True, repr=False)
class Judgements:
    """Queries with relevance judgements: which base rows are relevant, and how much."""

    queries: FloatArray
    """(q, d) float32."""
    qrels: IdArray
    """(judgements, 3) int64: query row, base row, relevance (> 0 is relevant). Row −1 is not in the base: no
    answer can hold it, but the ideal answer does."""
    own_rows: IdArray | None = None
    """(q,) int64: the base row with the identifier of the query, which judged metrics leave out of its answer; −1
    where there is none. None: no query has one."""

    def __repr__(self) -> str:
        return f"<Judgements: {len(self.qrels):,} of {len(self.queries):,} queries>"


@dataclass(frozen=True, repr=False)
class Dataset:
    """Base vectors, queries that are not among them, and their known answers.

    Under the cosine distance base, queries, learn, training and judged queries are already unit vectors.
    """

    name: str
    base: VectorSource
    queries: FloatArray
    """(q, d) float32."""
    distance: Distance
    learn: VectorSource | None = None
    """Vectors for training that are not in the base, if the data set has any."""
    neighbors: IdArray | None = None
    """(q, k) int64 exact neighbours that came with the data; not verified yet."""
    judgements: Judgements | None = None
    fingerprint: str = ""
    """Hash of the base; see `vq_benchmark.datasets.fingerprint`."""
    learn_fingerprint: str | None = None
    """Hash of the learn vectors."""
    revision: str | None = None
    """The version of a hosted data set: a commit of its repository, or the hash of its file; else None."""
    files: FileStates | None = None
    """The files of base and learn vectors as they were when they were opened; None if they are unknown."""
    split: str = ""
    """Which rows of the files were held out as queries, in words; empty if none were. The fingerprint covers it."""
    notes: tuple[str, ...] = ()
    """What a user should know about how it was loaded: a guessed metric, held-out queries, a limit."""
    origins: tuple[Origin, ...] = ()
    """What each file of the folder, or array of the container, is used as, or why it is not used."""
    asked: Mapping[str, Any] | None = None
    """The fields of `DataSpec` that select these vectors, where they are no defaults, as values of JSON with absolute
    paths; None if no command can select them, such as arrays."""
    left_out_queries: tuple[int, ...] = ()
    """Numbers of the queries that were left out because they cannot be measured, counted with them."""
    train_queries: FloatArray | None = None
    """(t, d) float32 queries to train on, none of which is a test query; None unless they were asked for."""

    def __repr__(self) -> str:
        judged = "" if self.judgements is None else f", {len(self.judgements.qrels):,} judgements"
        return (
            f"<Dataset {self.name!r}: {self.n:,} vectors × {self.d} dimensions, {self.distance}, "
            f"{len(self.queries):,} queries{judged}>"
        )

    @property
    def n(self) -> int:
        return self.base.n

    @property
    def d(self) -> int:
        return self.base.d

    def training_sample(self, size: int, seed: int = 0) -> FloatArray:
        """(min(size, available), d) float32 rows to fit on: from `learn` if it has that many, else from the base.

        Queries are never among them, and neither are rows that cannot be measured; these are not replaced. The sample
        depends only on the data set and the seed.

        Raises:
            BadRows: no row of it can be measured, or more than 1 % of `learn` cannot.
        """
        source = self.training_source(size)
        what = None if source is self.base else "learn vectors"
        return usable_sample(source, sample_rows(source.n, size, seed), self.distance, what)

    def training_rows(self, size: int, seed: int = 0) -> IdArray:
        """(m,) int64 ascending base rows of that training sample; empty if it is drawn from `learn`."""
        source = self.training_source(size)
        return sample_rows(source.n, size, seed) if source is self.base else np.empty(0, dtype=np.int64)

    @property
    def refuses_bad_rows(self) -> bool:
        """Whether rows that cannot be measured are refused, however few; else up to 1 % of the base is left out."""
        return isinstance(self.base, RefusingSource)

    def require_unchanged(self) -> None:
        """Raises ChangedData if a file changed after it was opened, InputError if it was deleted."""
        require_unchanged(self.files)

    def training_source(self, size: int) -> VectorSource:
        """The source of a training sample of that size: `learn` if it has that many rows, else the base."""
        return self.learn if self.learn is not None and self.learn.n >= size else self.base
