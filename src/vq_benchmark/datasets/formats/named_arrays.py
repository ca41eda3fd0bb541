"""Files that hold several arrays under names: which of them is the base, and which are the other parts."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from vq_benchmark.arrays import Array, IdArray
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.formats.format import as_ids
from vq_benchmark.datasets.parts.origins import (
    NO_PART,
    Assignment,
    Candidate,
    assigned,
    is_unnamed,
    listed,
    sole_vectors,
)
from vq_benchmark.datasets.parts.part_names import Fit, naming
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError

COLUMN_OPTION = "--vector-column"
BASE_NAMES = "base, train, corpus, vectors or emb"
T = TypeVar("T")
"""What a format's library knows an array by."""


@dataclass(frozen=True)
class Facts:
    """The shape and dtype of an array, known before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def is_matrix(self) -> bool:
        """Whether it is a matrix of numbers."""
        return len(self.shape) == 2 and self.dtype.kind in "biufV"

    @property
    def is_integers(self) -> bool:
        return self.dtype.kind in "iu"

    @property
    def is_wide_integers(self) -> bool:
        """Whether its values are more likely numbers of something than coordinates."""
        return self.is_integers and self.dtype.itemsize >= 4

    def __str__(self) -> str:
        return f"{self.dtype} of shape {self.shape}"


def no_array(path: Path, wanted: str, there: Iterable[str]) -> InputError:
    """The error for a file that lacks an array; `there` are the names of those that it has."""
    return InputError(f"{str(path)!r} has no {wanted}; it has {listed(there) or 'none'}.")


class NamedArrays(ABC, Generic[T]):
    """The arrays of one file."""

    kind: str
    """What the format calls an array: member, data set."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def names(self) -> list[str]:
        """The names of all arrays."""

    @abstractmethod
    def get(self, name: str) -> T | None:
        """The array of that name, None if there is none."""

    @abstractmethod
    def facts(self, array: T) -> Facts:
        """The shape and dtype of an array."""

    @abstractmethod
    def open(self, array: T) -> VectorSource:
        """An array of vectors (n, d) as a source; InputError if it is something else."""

    @abstractmethod
    def load(self, array: T) -> Array:
        """A whole array, in its own dtype; InputError if it does not fit into memory."""

    def not_used(self, name: str) -> str:
        """Why an array is not used whatever its name says; empty if it may be."""
        return ""

    def base(self, column: str | None) -> VectorSource:
        """The array `column`, or the one that is named as a base, or the only matrix of numbers.

        Raises:
            InputError: there is no such array, several are possible, or it does not hold vectors.
        """
        return self._open_base(self._assigned(column))

    def dataset(self, column: str | None, distance: Distance | None = None) -> RawDataset:
        """The base, and the queries, training vectors and neighbours that the file holds.

        Training vectors and neighbours that cannot be read are left out with a note.

        Raises:
            InputError: there is no base, several are possible, or base or queries are not what their name says.
        """
        made = self._assigned(column)
        arrays = {part: self._needed(name) for part, name in made.names.items() if part != "base"}
        found = RawDataset(
            base=self._open_base(made),
            queries=self.open(arrays["queries"]) if "queries" in arrays else None,
            distance=distance,
            origins=tuple(replace(each, name=f"{each.name!r} in {self.path.name}") for each in made.origins),
            undecided=made.undecided,
        )
        if "learn" in arrays:
            found = found.trying("learn", lambda: self.open(arrays["learn"]))
        if "neighbors" in arrays:
            found = found.trying("neighbors", lambda: as_ids(self.path, self.load(arrays["neighbors"])))
        return found

    def ids(self) -> IdArray:
        """The neighbours as (rows, k) int64: the array that is named so, or the only matrix of integers.

        Raises:
            InputError: there are none, several are possible, or they are not integers.
        """
        matrices = {name: facts for name, facts in self._facts().items() if facts.is_matrix}
        name = neighbors_name(self.path, list(matrices), [name for name in matrices if matrices[name].is_integers])
        if name is None:
            raise no_array(self.path, f"{self.kind} of row numbers, such as neighbors or ids", self.names())
        return as_ids(self.path, self.load(self._needed(name)))

    def _assigned(self, column: str | None) -> Assignment:
        facts = self._facts(column)
        if column is not None and self.get(column) is None:
            raise no_array(self.path, f"{self.kind} {column!r}", self.names())
        queries = {each.shape[0] for name, each in facts.items() if naming(name).part == "queries" and each.is_matrix}
        candidates = [self._candidate(name, facts.get(name), queries) for name in self.names()]
        reals = [each for each in candidates if is_unnamed(each) and facts[each.name].dtype.kind in "fV"]
        unlikely = [each for each in candidates if reals and is_unnamed(each) and facts[each.name].is_wide_integers]
        candidates = [replace(each, is_not=NO_PART) if each in unlikely else each for each in candidates]
        return assigned(repr(str(self.path)), sole_vectors(candidates), base=column, option=COLUMN_OPTION)

    def _candidate(self, name: str, facts: Facts | None, rows_of_queries: Collection[int]) -> Candidate:
        found = naming(name)
        is_not = self.not_used(name)
        if facts is None:
            is_not = is_not or f"it is not a {self.kind}"
        elif not facts.is_matrix:
            is_not = is_not or f"it is not a matrix of numbers, but {facts}"
        elif found.part == "neighbors" and not rows_of_queries:
            is_not = "there are no queries beside it"
        elif found.fit == Fit.VAGUE and found.part == "neighbors" and facts.shape[0] not in rows_of_queries:
            is_not = "it has another number of rows than there are queries"
        return Candidate(name, found, is_not)

    def _facts(self, needed: str | None = None) -> dict[str, Facts]:
        """What is known of each array; one that cannot be looked at is left out, unless it would be the base."""
        found = {}
        for name in self.names():
            try:
                array = self.get(name)
                if array is not None:
                    found[name] = self.facts(array)
            except InputError:
                if naming(name).part == "base" or name == needed:
                    raise
        return found

    def _open_base(self, made: Assignment) -> VectorSource:
        name = made.names.get("base") or next((name for name in self.names() if naming(name).part == "base"), None)
        if name is None or self.get(name) is None:
            raise no_array(self.path, f"{self.kind} of vectors, such as {BASE_NAMES}", self.names())
        return self.open(
            self._needed(name)
        )  # an array that is named so, but cannot be it, is refused with the reason

    def _needed(self, name: str) -> T:
        found = self.get(name)
        if found is None:
            raise no_array(self.path, f"{self.kind} {name!r}", self.names())
        return found


def neighbors_name(path: Path, matrices: Sequence[str], integers: Sequence[str]) -> str | None:
    """Which of some matrices holds neighbours: the one that is named so, or the only one of integers.

    Raises:
        InputError: several are possible.
    """
    fits = {name: found.fit for name in matrices if (found := naming(name)).part == "neighbors"}
    best = [name for name, fit in fits.items() if fit == min(fits.values())]
    if not fits:
        best = [name for name in integers if naming(name).part is None and not naming(name).reason]
    if len(best) > 1:
        raise InputError(f"{str(path)!r} holds {listed(best)}; only one of them can be the neighbours.")
    return best[0] if best else None
