"""The plan of a study: cells (method × parameters × seed), made from a grid, and what determines their results."""

import itertools
import json
import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.evaluation.query_coding import QueryBits
from vq_benchmark.evaluation.second_stage import canonical
from vq_benchmark.evaluation.tiling import DEFAULT_BATCH_SIZE, block_rows
from vq_benchmark.machine.memory import MemoryLimit
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.engines.choosing import BY_NAME
from vq_benchmark.quantizers.registry import quantizer_class, registered
from vq_benchmark.results.checkpoints import Checkpoints
from vq_benchmark.studies.choosing import BudgetRule, chosen_parameters
from vq_benchmark.studies.measure_spec import MeasureSpec

GREATEST_SEED = 2**31 - 1
"""faiss takes seeds of 32 bits with a sign."""
LONGEST_TRAINING_SECONDS = 600
"""Training that would take longer on one core is refused unless slow methods are allowed."""


OPTIONS_KEY = "options"
"""Key of the column `environment`: the options that selected the vectors (null for arrays) and the measurement."""


@dataclass(frozen=True)
class Machine:
    """Where by-products are kept, and what the process may use; no result depends on it."""

    cache_dir: Path
    codebooks_dir: Path
    batch_size: int = DEFAULT_BATCH_SIZE
    threads: int = 1
    checkpoints: Checkpoints = Checkpoints()  # noqa: RUF009 - frozen
    memory: MemoryLimit | None = None
    """What the process may use; None: nobody looks."""
    use_gpu: bool = False
    """Whether exact neighbours are searched on a GPU."""
    stage_to_tmp: bool = False
    """Whether the rows of a chunk are copied to scratch space on the node and read from there."""

    def __post_init__(self) -> None:
        block_rows(self.batch_size)


@dataclass(frozen=True)
class Options:
    """How cells are measured, and on what."""

    measure: MeasureSpec
    machine: Machine


@dataclass(frozen=True)
class Cell:
    """One configuration of one method, with one seed, on the whole base or a chunk of it."""

    method: str
    config: Mapping[str, Any]
    seed: int
    start: int
    stop: int
    query_bits: QueryBits = "float"
    """How queries are coded before they are scored."""
    budget: float | None = None
    """The bits per dimension that the configuration was chosen for; no result depends on it."""
    engine: str = ""
    """The setting of an engine that this is, such as `qdrant:int8`; empty for other cells."""
    rerank: str | None = None
    """The second stage of an engine; None: that of the measurement."""

    def measure(self, measure: MeasureSpec) -> MeasureSpec:
        """How this cell is measured, where its siblings are measured as `measure` says."""
        return measure if self.rerank is None else measure.model_copy(update={"rerank": self.rerank})

    @property
    def label(self) -> str:
        """The engine's name for it, or the method and its parameters in a few words."""
        if self.engine:
            return self.engine
        queries = [] if self.query_bits == "float" else [f"queries={self.query_bits}"]
        config = [f"{name}={value}" for name, value in self.config.items() if value is not None]
        return " ".join([self.method, *config, *queries])


@dataclass(frozen=True)
class Grid:
    """What a study compares: every method at every budget, with every seed and every coding of the queries."""

    methods: Mapping[str, Sequence[Parameters]]
    """The parameters of each method, which stand in place of budgets; none: the method is chosen by budgets."""
    budgets: Sequence[float] = ()
    rule: BudgetRule = "strict"
    seeds: Sequence[int] = (0,)
    query_bits: Sequence[QueryBits] = ("float",)
    engines: Sequence[str] = ()
    """Settings of engines, which come with parameters, query coding and second stage of their own."""
    split_losses: bool = False
    """Whether the codes of these settings are also measured with float queries, as rows of their methods."""


@dataclass(frozen=True)
class Refusal:
    """Why a method has no cell at a budget."""

    method: str
    reason: str


def parsed_grid(
    methods: Sequence[str], parameters: Mapping[str, Mapping[str, Sequence[Any]]], seeds: Sequence[int]
) -> dict[str, list[Parameters]]:
    """The parameters of every method: the product of its values, or nothing where it was given none.

    Raises:
        InputError: an unknown method or parameter, a value out of bounds, or an impossible seed.
    """
    for seed in seeds:
        if not 0 <= seed <= GREATEST_SEED:
            raise InputError(f"the seed {seed} must be between 0 and {GREATEST_SEED}.")
    return {
        method: [
            quantizer_class(method).parameters_type.parse(method, values)
            for values in (_product(parameters[method]) if parameters.get(method) else ())
        ]
        for method in methods
    }


def cells_of(
    grid: Grid, dataset: Dataset, options: Options, rows: tuple[int, int]
) -> tuple[list[Cell], list[Refusal]]:
    """Cells of a sweep over rows [start, stop), and why methods have none at some budgets.

    A method with parameters runs those; a method without runs at each budget, as the rule chooses, or with its
    default parameters where there are no budgets. Equal configurations appear once, at the smallest budget.

    Raises:
        InputError: parameters are impossible for the data set's dimension.
    """
    cells: list[Cell] = []
    refusals: list[Refusal] = []
    for method, given in grid.methods.items():
        refused = _unusable(method, dataset)
        if refused is not None:
            refusals.append(refused)
            continue
        configurations: list[tuple[Parameters, float | None]] = [(each, None) for each in given]
        trained_on = _training_rows(dataset, options.measure.train_size)
        for parameters, budget in configurations or _chosen(method, grid, dataset.d, trained_on, refusals):
            parameters.check_dimension(dataset.d)
            refusal = (
                None if options.measure.slow else _too_slow(method, parameters, dataset, options.measure.train_size)
            )
            if refusal is not None:
                refusals.append(refusal)
                continue
            config = parameters.model_dump(mode="json")
            cells += [
                Cell(method, config, seed, *rows, bits, budget)
                for seed, bits in itertools.product(grid.seeds, grid.query_bits)
            ]
    engine_cells, refused_engines = _cells_of_engines(grid, dataset, rows)
    return _distinct([*cells, *engine_cells]), [*refusals, *refused_engines]


def _unusable(method: str, dataset: Dataset) -> Refusal | None:
    """Why a method cannot run here, or not with the training queries of the data set; None if it can."""
    cls = quantizer_class(method)
    reason = cls.unavailable()
    if reason:
        return Refusal(method, f"{method} cannot run here: {reason}")
    if dataset.train_queries is not None and not cls.trains_on_queries():
        able = ", ".join(name for name, each in registered().items() if each.trains_on_queries())
        return Refusal(method, f"{method} does not train on queries; measure it without --train-queries ({able} do).")
    return None


def _cells_of_engines(grid: Grid, dataset: Dataset, rows: tuple[int, int]) -> tuple[list[Cell], list[Refusal]]:
    """The cells of settings of engines, and why engines refuse the data."""
    cells: list[Cell] = []
    refusals: list[Refusal] = []
    for name in grid.engines:
        try:
            setting = BY_NAME[name].at(dataset.d, dataset.distance)
            unusable = _unusable(setting.method, dataset)
            if unusable is not None:
                raise InputError(unusable.reason)
            parameters = setting.parsed()
            parameters.check_dimension(dataset.d)
        except InputError as error:
            refusals.append(Refusal(name, str(error)))
            continue
        config, rerank = parameters.model_dump(mode="json"), canonical(setting.rerank)
        cells += [
            Cell(setting.method, config, seed, *rows, setting.query_bits, engine=name, rerank=rerank)
            for seed in grid.seeds
        ]
        plain = setting.with_float_queries() if grid.split_losses else None
        if plain is not None:
            config = plain.parsed().model_dump(mode="json")
            cells += [Cell(plain.method, config, seed, *rows) for seed in grid.seeds]
    return cells, refusals


def _too_slow(method: str, parameters: Parameters, dataset: Dataset, train_size: int) -> Refusal | None:
    count = _training_rows(dataset, train_size)
    seconds = parameters.training_seconds(count, dataset.d)
    if seconds is None or seconds <= LONGEST_TRAINING_SECONDS:
        return None
    config = " ".join(f"{name}={value}" for name, value in parameters.model_dump(mode="json").items())
    return Refusal(
        method,
        f"training {method} {config} on {count:,} vectors would take about {seconds / 60:,.0f} minutes on one core, "
        f"more than {LONGEST_TRAINING_SECONDS / 60:.0f}; allow it with --slow.",
    )


def _training_rows(dataset: Dataset, train_size: int) -> int:
    return min(train_size, dataset.training_source(train_size).n)


def _chosen(
    method: str, grid: Grid, d: int, training_rows: int, refusals: list[Refusal]
) -> list[tuple[Parameters, float | None]]:
    """The parameters at each budget, with the budget; the default ones and None where there are no budgets."""
    cls = quantizer_class(method)
    if not grid.budgets:
        return [(cls.parameters_type.parse(method, {}), None)]
    chosen: list[tuple[Parameters, float | None]] = []
    for budget in grid.budgets:
        if not 0 < budget < math.inf:
            raise InputError(f"--bits is {budget:g}; it must be a number of bits per dimension above 0.")
        try:
            chosen.append((chosen_parameters(cls, budget, d, grid.rule, training_rows), budget))
        except InfeasibleBudget as error:
            refusals.append(Refusal(method, str(error)))
    return chosen


def _product(choices: Mapping[str, Sequence[Any]]) -> Iterable[dict[str, Any]]:
    return (dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values()))


def _distinct(cells: Iterable[Cell]) -> list[Cell]:
    """The cells without repetitions; of equal ones that of the smallest budget, at the place of the first."""
    distinct: dict[tuple[str, str, int, str, str], Cell] = {}
    for cell in cells:
        key = (cell.method, json.dumps(dict(cell.config)), cell.seed, cell.query_bits, cell.engine)
        earlier = distinct.get(key)
        if earlier is None or (cell.budget or 0) < (earlier.budget or 0):
            distinct[key] = cell
    return list(distinct.values())


def new_sweep_id() -> str:
    """A name for one call of `run` or `sweep`: the time, and four hex digits that tell simultaneous ones apart."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
