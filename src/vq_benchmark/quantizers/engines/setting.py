"""One configuration of one engine, and what it means for vectors of some dimension and distance."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.registry import quantizer_class

Truth = Literal["exact", "same up to a random rotation", "approximation"]
Checked = Literal["against the engine", "by worked examples", "no"]
FLOAT32 = "float32"
"""What an engine does to queries that it leaves as they are."""
Role = Literal["default", "recommended", "other"]
"""Whether it is what the vendor turns on by default, or advises; `--engine all` runs these two."""


@dataclass(frozen=True)
class EngineSetting:
    """A row of the table of engines.

    `by_distance` and `from_dimension` replace fields of the row where the engine itself decides by the distance, or
    by the dimension from some value on.
    """

    engine: str
    setting: str
    role: Role
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    query: str = "coded as the vectors are"
    """How the engine codes queries, in words."""
    query_bits: Literal["float", "8", "4", "1", "symmetric"] = "float"
    """How the pass codes queries, besides what the method does itself."""
    learned: str = "nothing"
    rerank: str = ""
    """The engine's default second stage, as `--rerank` takes it; empty: none."""
    version: str = ""
    """Of the engine, whose source or documentation the row follows."""
    truth: Truth = "exact"
    reason: str = ""
    """Why it is an approximation, or what else to know."""
    checked: Checked = "by worked examples"
    """How our tests compare it."""
    distances: tuple[str, ...] = ("l2", "ip", "cosine")
    """Distances that the engine has for this setting."""
    least_d: int = 1
    multiple_of: int = 1
    by_distance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    from_dimension: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Such as `qdrant:int8`."""
        return f"{self.engine}:{self.setting}"

    def at(self, d: int, distance: str) -> Self:
        """The row for vectors of dimension d under l2, ip or cosine, with nothing left to decide.

        Raises:
            InputError: the engine refuses such vectors; the sentence has its rule.
        """
        if distance not in self.distances:
            raise InputError(f"{self.name} has no distance {distance}; it has {', '.join(self.distances)}.")
        if d < self.least_d:
            raise InputError(f"{self.name} needs at least {self.least_d} dimensions, but the vectors have {d}.")
        if d % self.multiple_of:
            raise InputError(
                f"{self.name} needs dimensions that are a multiple of {self.multiple_of}, but the vectors have {d}."
            )
        row = self
        for least, changes in sorted(self.from_dimension.items()):
            row = replace(row, **changes) if d >= least else row
        row = replace(row, **row.by_distance.get(distance, {}))
        return replace(row, parameters={name: _share(value, d, row.name) for name, value in row.parameters.items()})

    def with_float_queries(self) -> Self | None:
        """The same code, scored with queries as they are, of a row that `at` made; None if the method has no such."""
        has_choice = "queries" in quantizer_class(self.method).parameters_type.model_fields
        if self.query == FLOAT32 or has_choice or self.query_bits != "float":
            given = {"queries": "float"} if has_choice else {}
            return replace(self, parameters={**self.parameters, **given}, query=FLOAT32, query_bits="float")
        return None

    def parsed(self) -> Parameters:
        """The parameters of the method, of a row that `at` made."""
        return quantizer_class(self.method).parameters_type.parse(self.method, dict(self.parameters))


def _share(value: Any, d: int, name: str) -> Any:
    """A value, where `d/4` is a quarter of the dimension."""
    if not isinstance(value, str) or not value.startswith("d/"):
        return value
    parts = int(value.removeprefix("d/"))
    if d % parts:
        raise InputError(f"{name} takes {parts} dimensions together, which do not divide {d}.")
    return d // parts
