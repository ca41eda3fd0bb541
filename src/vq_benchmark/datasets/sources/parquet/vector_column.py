"""Which column of a table holds the vectors, or which columns do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from vq_benchmark.datasets.formats.named_arrays import COLUMN_OPTION, no_array
from vq_benchmark.datasets.parts.origins import (
    PLURAL,
    Assignment,
    Candidate,
    Origin,
    assigned,
    is_unnamed,
    sole_vectors,
)
from vq_benchmark.datasets.parts.part_names import OPTIONS, VECTORS, Naming, naming, words_of
from vq_benchmark.datasets.sources.parquet.layouts import (
    MULTI_VECTOR,
    Layout,
    Place,
    columns_layout,
    is_list,
    layout_of,
    numbered_columns,
    stored_type,
)
from vq_benchmark.errors import InputError

LIKELIHOODS = 3
NO_VECTORS = "it does not hold vectors"


@dataclass(frozen=True)
class VectorColumn:
    """Where the rows of a table keep their vectors."""

    name: str
    """As messages show it: the column, or the first and the last of several."""
    columns: tuple[str, ...]
    layout: Layout
    stem: str
    """What the columns are called, without the number of each."""

    @property
    def naming(self) -> Naming:
        return naming(self.stem)

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"{self.name!r} {self.layout.note}",) if self.layout.note else ()

    @property
    def likelihood(self) -> int:
        """0 is the most likely to hold the vectors; `LIKELIHOODS` is named by the user or not used."""
        named = self.naming.part is not None
        if self.layout.kind == "lists":
            return 0 if named or not self.layout.is_integers else 2
        says_vectors = words_of(self.stem)[-1:] and words_of(self.stem)[-1] in VECTORS
        return 1 if self.layout.kind == "columns" or says_vectors else LIKELIHOODS

    def is_called(self, name: str) -> bool:
        """Whether the user means these columns by a name."""
        return name in (self.name, self.stem, self.stem.rstrip("_-. "))

    def lists(self, batch: Any, path: Path, first_row: int = 0) -> "pa.Array[Any]":
        """The vectors in a batch as lists of numbers; `first_row` is the number of its first row in the file.

        Raises:
            InputError: a row does not hold one vector.
        """
        columns = [batch.column(name) for name in self.columns]
        return self.layout.as_lists(columns, Place(path, self.name, first_row))


def vector_column(path: Path, schema: pa.Schema, column: str | None) -> VectorColumn:
    """The column of that name, or the one that is named as a base, or the only one that can hold vectors.

    Columns of lists of floats come first, then text and bytes that are named as vectors and numbered columns, then
    lists of integers.

    Raises:
        InputError: there is no such column, several are possible, or a row of it holds several vectors.
    """
    return _assigned(path, schema, column)[1]


def column_origins(path: Path, schema: pa.Schema, column: str | None) -> tuple[Origin, ...]:
    """Which column is the base, and why others that could hold vectors are not used."""
    return tuple(_assigned(path, schema, column)[0].origins)


def _assigned(path: Path, schema: pa.Schema, column: str | None) -> tuple[Assignment, VectorColumn]:
    found = {each.name: each for each in _vector_columns(schema)}
    chosen = None if column is None else next((each for each in found.values() if each.is_called(column)), None)
    if column is not None and chosen is None:
        lists = [each.name for each in found.values() if each.layout.kind == "lists"]
        raise no_array(path, f"column {column!r} of lists of numbers", lists or found)
    others = [field.name for field in schema if is_list(stored_type(field.type)) and field.name not in found]
    candidates = _candidates([*found.values()], others, chosen)
    base = None if chosen is None else chosen.name
    made = assigned(repr(str(path)), candidates, base=base, option=COLUMN_OPTION)
    several = [each for each in found.values() if each.layout.vectors > 1 and chosen in (None, each)]
    if several and (chosen is not None or "base" not in made.names):
        raise InputError(
            f"{str(path)!r}: {several[0].name!r} holds {several[0].layout.vectors} vectors {MULTI_VECTOR} with "
            f"{COLUMN_OPTION}."
        )
    if "base" not in made.names:
        raise no_array(path, "column of lists of numbers, or of other vectors", schema.names)
    return made, found[made.names["base"]]


def _vector_columns(schema: pa.Schema) -> list[VectorColumn]:
    """All columns that can hold vectors by their type."""
    single = [
        VectorColumn(field.name, (field.name,), layout, field.name)
        for field in schema
        if (layout := layout_of(field)) is not None
    ]
    return single + [
        VectorColumn(f"{names[0]} to {names[-1]}", tuple(names), columns_layout(schema, names), prefix)
        for prefix, names in numbered_columns(schema).items()
    ]


def _candidates(
    columns: Sequence[VectorColumn], others: Sequence[str], chosen: VectorColumn | None
) -> list[Candidate]:
    """What could be the base, as far as columns that are more likely to be it leave that open."""
    made: list[Candidate] = []
    for likelihood in range(LIKELIHOODS):
        possible = [each for each in columns if each.likelihood < LIKELIHOODS or each is chosen]
        made = [Candidate(each.name, each.naming, _is_not(each, likelihood)) for each in possible]
        made = sole_vectors([*made, *(Candidate(name, naming(name), NO_VECTORS) for name in others)])
        made = [_alone(each) for each in made]
        if any(not each.is_not and (each.naming.part == "base" or is_unnamed(each)) for each in made):
            break
    return made


def _is_not(column: VectorColumn, likelihood: int) -> str:
    """Why a column is not the base where one of a likelihood is; empty if it may be."""
    if column.layout.vectors > 1:
        return f"each of its rows holds {column.layout.vectors} vectors"
    if column.likelihood == likelihood:
        return ""
    return NO_VECTORS if column.layout.is_integers else "another column is more likely to hold the vectors"


def _alone(candidate: Candidate) -> Candidate:
    """The candidate, unless it is another part than the base: each part has a file of its own."""
    part = candidate.naming.part
    if part in (None, "base"):
        return candidate
    return replace(
        candidate, is_not=f"{PLURAL[part]} are read from a file of their own; give it with {OPTIONS[part]}"
    )
