"""Files that hold several arrays under names: which of them is the base, and which are the other parts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from vq_benchmark.arrays import Array, IdArray
from vq_benchmark.datasets.dataset import Distance
from vq_benchmark.datasets.formats.format import as_ids
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError

# The usual names of each part, in order of preference.
BASE_NAMES = ("base", "train", "vectors", "embeddings", "embedding", "emb", "vector", "xb")
QUERY_NAMES = ("queries", "test", "query", "xq")
LEARN_NAMES = ("learn", "xt")
NEIGHBOR_NAMES = ("neighbors", "neighbours", "indices", "ids")


T = TypeVar("T")
"""What a format's library knows an array by."""


def first_named(get: Callable[[str], T | None], names: Iterable[str]) -> T | None:
    """What `get` finds under the first of some names that it knows."""
    return next((found for name in names if (found := get(name)) is not None), None)


def no_array(path: Path, wanted: str, there: Iterable[str]) -> InputError:
    """The error for a file that lacks an array; `there` are the names of those that it has."""
    return InputError(f"{str(path)!r} has no {wanted}; it has {', '.join(there) or 'none'}.")


class NamedArrays(ABC, Generic[T]):
    """The arrays of one file."""

    kind: str
    """What the format calls an array: member, data set, column."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def names(self) -> list[str]:
        """The names of all arrays, for messages."""

    @abstractmethod
    def get(self, name: str) -> T | None:
        """The array of that name, None if there is none."""

    @abstractmethod
    def open(self, array: T) -> VectorSource:
        """An array of vectors (n, d) as a source; InputError if it is something else."""

    @abstractmethod
    def load(self, array: T) -> Array:
        """A whole array, in its own dtype; InputError if it does not fit into memory."""

    def unnamed_base(self) -> T | None:
        """The array that is the base if none has a usual name."""
        return None

    def learn(self) -> T | None:
        """The vectors for training."""
        return first_named(self.get, LEARN_NAMES)

    def base(self, column: str | None) -> VectorSource:
        """The array `column`, or the first of the usual names.

        Raises:
            InputError: there is no such array, or it does not hold vectors.
        """
        names = BASE_NAMES if column is None else (column,)
        found = first_named(self.get, names)
        if found is None and column is None:
            found = self.unnamed_base()
        if found is None:
            wanted = f"{self.kind} named {', '.join(BASE_NAMES)}" if column is None else f"{self.kind} {column!r}"
            raise no_array(self.path, wanted, self.names())
        return self.open(found)

    def dataset(self, column: str | None, distance: Distance | None = None) -> RawDataset:
        """The base, and the queries, learn vectors and neighbours that the file holds.

        Raises:
            InputError: there is no base, or a part is not what its name says.
        """
        queries, learn = first_named(self.get, QUERY_NAMES), self.learn()
        neighbors = first_named(self.get, NEIGHBOR_NAMES)
        return RawDataset(
            base=self.base(column),
            queries=None if queries is None else self.open(queries),
            learn=None if learn is None else self.open(learn),
            neighbors=None if neighbors is None else as_ids(self.path, self.load(neighbors)),
            distance=distance,
        )

    def ids(self) -> IdArray:
        """The neighbours as (rows, k) int64.

        Raises:
            InputError: there are none, or they are not integers.
        """
        found = first_named(self.get, NEIGHBOR_NAMES)
        if found is None:
            raise no_array(self.path, f"{self.kind} named {', '.join(NEIGHBOR_NAMES)}", self.names())
        return as_ids(self.path, self.load(found))
