"""A data set: base vectors to compress and search, queries, and what is known about the right answers."""

from dataclasses import dataclass
from typing import Literal, get_args

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.file_states import FileStates, require_unchanged
from vq_benchmark.datasets.sources.sampling import sample_rows, take
from vq_benchmark.datasets.sources.vector_source import VectorSource

Metric = Literal["l2", "ip", "cosine"]
METRICS: tuple[Metric, ...] = get_args(Metric)


@dataclass(frozen=True)
class Judgements:
    """Queries with human (or title) judgements: which base rows are relevant, and how much."""

    queries: FloatArray
    """(q, d) float32."""
    qrels: IdArray
    """(judgements, 3) int64: query row, base row, relevance (> 0 is relevant)."""


@dataclass(frozen=True)
class Dataset:
    """Base vectors, queries that are not among them, and what is known about them.

    Under the cosine metric base, queries, learn and judged queries are unit vectors already.
    """

    name: str
    base: VectorSource
    queries: FloatArray
    """(q, d) float32."""
    metric: Metric
    learn: VectorSource | None = None
    """Vectors for training, apart from the base, where the data set has them."""
    neighbors: IdArray | None = None
    """(q, k) int64 exact neighbours that came with the data; not yet verified."""
    judgements: Judgements | None = None
    fingerprint: str = ""
    """Hash of the base: see `vq_benchmark.datasets.fingerprint`."""
    learn_fingerprint: str | None = None
    """The same of the learn vectors."""
    revision: str | None = None
    """Which version of a hosted data set it is: a commit of its repository, or the hash of its file; else None."""
    files: FileStates | None = None
    """The files of base and learn vectors as they were when they were opened; None where they are not known."""
    notes: tuple[str, ...] = ()
    """What a user should know of how it was loaded: a guessed metric, held-out queries, a limit."""

    @property
    def n(self) -> int:
        return self.base.n

    @property
    def d(self) -> int:
        return self.base.d

    def training_sample(self, size: int, seed: int = 0) -> FloatArray:
        """(min(size, available), d) float32 rows to fit on: of `learn` if it has that many, else of the base.

        Queries are never among them. The sample depends on the whole data set and the seed only.
        """
        source = self.training_source(size)
        return take(source, sample_rows(source.n, size, seed))

    def require_unchanged(self) -> None:
        """Raises ChangedData if a file changed since it was opened, InputError if it is gone."""
        require_unchanged(self.files)

    def training_source(self, size: int) -> VectorSource:
        """Where a training sample of that size comes from: `learn` if it has that many rows, else the base."""
        return self.learn if self.learn is not None and self.learn.n >= size else self.base
