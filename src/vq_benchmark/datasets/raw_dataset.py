"""The parts of a data set as they are stored, before the limit, the hold-out and the metric are applied."""

from dataclasses import dataclass

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.dataset import Distance, Judgements
from vq_benchmark.datasets.sources.vector_source import VectorSource


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
    unknown_distance: str | None = None
    """What the file states instead, if it is none of the distances; then --metric is needed."""
    revision: str | None = None
    """The version of a hosted data set: a commit of its repository, or the hash of its file."""
    whole_n: int | None = None
    """Rows of the whole hosted base, if only its first rows were downloaded."""
    split: str = ""
    """How queries were held out of the base, or an empty string; part of the fingerprint."""
    notes: tuple[str, ...] = ()
