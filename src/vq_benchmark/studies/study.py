"""A study: which methods at which budgets, on which vectors, measured how. Frozen; read from YAML."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, field_validator, model_validator

from vq_benchmark.datasets.catalog import CATALOG
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.parts.shards import shards_of_pattern
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.query_coding import QueryBits
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.documents import SafeYaml, TextYaml, parsed_yaml
from vq_benchmark.machine.locations import input_path
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.machine.validation import parsed
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.engines.choosing import chosen_engines
from vq_benchmark.quantizers.plugins import absolute_source
from vq_benchmark.quantizers.registry import registered, use_plugins
from vq_benchmark.studies.cells import Cell, Grid, Machine, Options, Refusal, cells_of, parsed_grid
from vq_benchmark.studies.choosing import BudgetRule
from vq_benchmark.studies.measure_spec import MeasureSpec

ALL_METHODS = "all"
DEFAULT_METHODS = ("opq", "pq", "saq", "segmented-eden", "rabitq", "sq", "none")
"""What a study compares that names no methods: one of each family that is good at some budget, and the control."""
DEFAULT_BITS = (1.0, 2.0, 3.0, 4.0, 8.0)
"""The budgets of such a study, unless it sets its own."""
MERGE_TAG = "tag:yaml.org,2002:merge"


class _UniqueKeys(SafeYaml):
    """YAML in which a repeated key is an error; plain YAML silently drops the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE_TAG:
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"{key.value!r} occurs twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


class Study(MeasureSpec, DataSpec):
    """What is compared, and everything that determines the results; not where they go or which machine runs it.

    Without methods, those of DEFAULT_METHODS are compared, at DEFAULT_BITS unless there are bits.
    Names and meanings are those of the options of `vq-benchmark sweep`.
    """

    methods: dict[str, dict[str, list[Any]]]
    """Values by method and parameter; a method without any is chosen by `bits`."""
    bits: list[float] = Field([])
    budget: BudgetRule = "strict"
    """What `bits` allows, as in `choosing`: the whole code, or with `nominal` the code without side information."""
    seeds: list[int] = Field([0], min_length=1)
    query_bits: list[QueryBits] = Field(["float"], min_length=1)
    chunks: int = Field(1, ge=1)
    engines: list[str] = Field([])
    """Settings of engines, such as `qdrant:int8`; all of an engine, such as `qdrant`; or `all`."""
    split_losses: bool = False
    """Also measure the codes of engines with float queries, which splits their loss between code and query."""
    plugins: list[str] = Field([])
    """Files or modules with quantizers of your own."""
    resources: dict[str, dict[str, Any]] = Field({})
    """By stage, what its jobs on a cluster request, under the names of the options of `slurm submit`."""

    @model_validator(mode="before")
    @classmethod
    def _good_first_study(cls, values: Any) -> Any:
        """The default methods where none are named, and then the default budgets where there are none."""
        if not isinstance(values, Mapping) or "methods" in values:
            return values
        if values.get("engines"):
            return {**values, "methods": {}}
        return {"bits": list(DEFAULT_BITS), **values, "methods": dict.fromkeys(DEFAULT_METHODS)}

    @field_validator("methods", mode="before")
    @classmethod
    def _listed_methods(cls, value: Any) -> Any:
        """Methods as `[pq, sq]`, or with parameters as `{pq: {m: [48, 96]}, sq: }`; single values stand for lists."""
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        if isinstance(value, Sequence):
            if not all(isinstance(name, str) for name in value):
                raise ValueError(f"its items must be names, not {value!r}")
            value = dict.fromkeys(value, None)
        if not isinstance(value, Mapping):
            return value
        return {
            name: {parameter: _listed(values) for parameter, values in parameters.items()}
            if isinstance(parameters, Mapping)
            else {}
            if parameters is None
            else parameters
            for name, parameters in value.items()
        }

    @field_validator("bits", "seeds", "plugins", "engines", mode="before")
    @classmethod
    def _single_values(cls, value: Any) -> Any:
        return _listed(value)

    @field_validator("query_bits", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        """YAML reads 4 as a number."""
        return [str(each) if isinstance(each, int) else each for each in _listed(value)]

    @classmethod
    def parse(cls, values: Mapping[str, Any], origin: str = "the study", spelled: Callable[[str], str] = str) -> Self:
        """A validated study whose methods are spelled out and whose paths are absolute.

        Raises:
            InputError: an unknown key (the nearest valid one is named), or a value that is not possible.
        """
        study = parsed(cls, values, origin, spelled)
        study = study.model_copy(update={"plugins": list(map(absolute_source, study.plugins))})
        if ALL_METHODS in study.methods:
            use_plugins(study.plugins)
        if not study.methods and not study.engines:
            raise InputError(f"{f'{origin}: ' if origin else ''}methods is []; it must hold at least 1.")
        study = study.model_copy(update={"engines": chosen_engines(study.engines)})
        methods = {name: study.methods.get(name, {}) for name in method_names(study.methods, study.slow)}
        return study.model_copy(update={"methods": methods} | {name: _absolute(study, name) for name in PATHS})

    def load(self, cache_dir: Path | None = None, report: Reporter | None = None) -> Dataset:
        """The data set of the study; downloads go to `cache_dir`."""
        return load_dataset(self.dataset, cache_dir=cache_dir, report=report, **self.selection)

    def options(self, machine: Machine) -> Options:
        """How its cells are measured, on that machine."""
        return Options(self.part(MeasureSpec), machine)

    def grid(self) -> dict[str, list[Parameters]]:
        """The parameters of every method; its plugins are in use from here on. Checked before any data is read.

        Raises:
            InputError: a plugin cannot be used, an unknown method or parameter, or a value out of bounds.
        """
        use_plugins(self.plugins)
        return parsed_grid(list(self.methods), self.methods, self.seeds)

    def cells(self, dataset: Dataset, options: Options) -> tuple[list[Cell], list[Refusal]]:
        """Its cells on the whole base, and why methods have none at some budgets."""
        grid = Grid(self.grid(), self.bits, self.budget, self.seeds, self.query_bits, self.engines, self.split_losses)
        return cells_of(grid, dataset, options, (0, dataset.n))


PATHS = ("dataset", *(name for name, field in Study.model_fields.items() if field.annotation == Path | None))
"""Fields that hold a path, the data set perhaps."""


def read_study(path: Path, **overrides: Any) -> Study:
    """The study of a YAML file, with some of its values replaced.

    Raises:
        InputError: there is no such file, it is not YAML, or not a study; the sentence says where.
    """
    with reading(path, ValueError, what="YAML"):
        text = path.read_bytes()
        values = parsed_yaml(text, _UniqueKeys)
        if isinstance(values, dict) and "resources" in values:  # to YAML's own rules 1:30:00 is the number 5400
            values["resources"] = parsed_yaml(text, TextYaml)["resources"]
    if not isinstance(values, dict):
        raise InputError(f"{str(path)!r} is not a study: it must hold keys such as dataset, methods and bits.")
    return Study.parse(values | overrides, repr(str(path)))


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def method_names(names: Iterable[str], slow: bool) -> list[str]:
    """The names, each once, where `all` stands for every method that trains fast, or with `slow` for every one."""
    fast = [name for name, cls in registered().items() if slow or not cls.slow]
    return list(dict.fromkeys(each for name in names for each in (fast if name == ALL_METHODS else [name])))


def _is_there(dataset: str) -> bool:
    path = input_path(dataset)
    with reading(path):  # a name may be too long even to be looked for
        return path.exists() or bool(shards_of_pattern(dataset))


def _absolute(study: Study, name: str) -> Any:
    """A path as it is found from any folder; a catalog name stays."""
    value = getattr(study, name)
    if value is None or (name == "dataset" and (value in CATALOG or not _is_there(value))):
        return value
    path = input_path(value).absolute()
    return str(path) if name == "dataset" else path
