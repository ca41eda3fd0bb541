"""Which vectors are measured: one field for each option, from which all that users can write is made."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from vq_benchmark.datasets.checks.bad_rows import BadRowPolicy
from vq_benchmark.datasets.dataset import IdenticalIds
from vq_benchmark.datasets.distance_names import DISTANCES, Distance, named_distance
from vq_benchmark.machine.locations import input_path
from vq_benchmark.machine.validation import Spec, parsed


def _count_or_path(value: str) -> str:
    """A count as it is, and a path as it is found from any folder."""
    return value if value.isdecimal() else str(input_path(value).absolute())


def _as_text(value: Any) -> Any:
    """YAML reads 500 as a number."""
    return str(value) if isinstance(value, int | Path) else value


TrainQueries = Annotated[str, BeforeValidator(_as_text), AfterValidator(_count_or_path)]


class DataSpec(Spec):
    """A data set, and which part of it.

    The options of the command line, the keys of a study file and the arguments of `load_dataset` are these fields.
    """

    dataset: str = Field(description="Name from the catalog, hf:OWNER/NAME, or path of a file or folder.")
    dataset_limit: int | None = Field(None, ge=1, description="Use only the first N base vectors.")
    num_samples: int | None = Field(None, ge=1, description="Number of vectors of `synthetic`.")
    dim: int | None = Field(None, ge=1, description="Dimension of `synthetic`.")
    base_path: Path | None = Field(None, description="Base vectors of a folder: file, folder, pattern.")
    queries_path: Path | None = Field(None, description="Query vectors: file, folder, pattern.")
    learn_path: Path | None = Field(None, description="Training vectors: file, folder, pattern.")
    num_queries: int | None = Field(
        None, ge=1, description="Use at most N queries [default: 1000]; where the data has none, hold out N rows."
    )
    train_queries: TrainQueries | None = Field(
        None,
        description="Queries for methods that train on them: file, folder, pattern; or N, the last N of the data's "
        "queries. They are never test queries.",
    )
    split_seed: int = Field(0, ge=0, description="Seed for sampling held-out queries.")
    metric: Distance | None = Field(
        None, description=f"Distance, {', '.join(DISTANCES)}; overrides what the data states."
    )
    identical_ids: IdenticalIds | None = Field(
        None,
        description="Base rows with the identifier of a judged query: leave them out of its ranking, or keep "
        "[default: as the benchmark does].",
    )
    bad_rows: BadRowPolicy = Field(
        "drop",
        description="Leave out up to 1 % null, empty, non-finite (or under cosine, zero) rows, or refuse them.",
    )
    vector_column: str | None = Field(None, description="Parquet column, or .npz or HDF5 array, with the vectors.")

    @field_validator("metric", mode="before")
    @classmethod
    def _named_distance(cls, value: Any) -> Any:
        """Other names of a distance, such as `euclidean` or `COSINE`."""
        return (named_distance(value) or value) if isinstance(value, str) else value

    @property
    def selection(self) -> dict[str, Any]:
        """Every value but the name of the data set: the arguments of `load_dataset`."""
        return {name: getattr(self, name) for name in SELECTION}


SELECTION = tuple(name for name in DataSpec.model_fields if name != "dataset")
ALSO_CALLED = {"limit": "dataset_limit", "distance": "metric"}
"""Other names that Python callers may use."""


def asked_for(spec: DataSpec, *, on_disk: bool) -> dict[str, Any]:
    """The values of a specification that are no defaults, as JSON, with absolute paths.

    Args:
        on_disk: whether the data set is a path.
    """
    values = spec.model_dump(mode="json", exclude_defaults=True)
    paths = {name for name in values if isinstance(getattr(spec, name), Path)} | ({"dataset"} if on_disk else set())
    return {name: str(input_path(value).absolute()) if name in paths else value for name, value in values.items()}


def selected(name: object, values: dict[str, Any]) -> DataSpec:
    """The specification of the data set `name` with the arguments that a Python caller gave.

    Raises:
        InputError: an unknown argument (the nearest valid one is named), or a value that is not possible.
    """
    given = {ALSO_CALLED.get(key, key): value for key, value in values.items()}
    return parsed(DataSpec, given | {"dataset": str(name)}, "load_dataset", noun="argument")
