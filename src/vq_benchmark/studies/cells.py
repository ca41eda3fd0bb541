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
from vq_benchmark.evaluation.ground_truth import DEFAULT_K
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import DEFAULT_BATCH_SIZE, block_rows
from vq_benchmark.machine.memory import MemoryLimit
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.registry import quantizer_class
from vq_benchmark.results.checkpoints import Checkpoints

DEFAULT_TRAIN_SIZE = 20_000
GREATEST_SEED = 2**31 - 1
"""faiss takes seeds of 32 bits with a sign."""
LONGEST_TRAINING_SECONDS = 600
"""Training that would take longer on one core is refused unless slow methods are allowed."""


@dataclass(frozen=True)
class Options:
    """How cells are measured, and where their by-products are kept."""

    cache_dir: Path
    codebooks_dir: Path
    k: int = DEFAULT_K
    candidates: int = PassSettings.candidates
    num_pairs: int = PassSettings.num_pairs
    train_size: int = DEFAULT_TRAIN_SIZE
    with_recall: bool = True
    with_pairwise: bool = True
    with_rank: bool = True
    with_qps: bool = False
    ground_truth_path: Path | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    threads: int = 1
    slow: bool = False
    """Whether training may take longer than ten minutes."""
    checkpoints: Checkpoints = Checkpoints()  # noqa: RUF009 - frozen
    memory: MemoryLimit | None = None
    """What the process may use; None: nobody looks."""
    stage_to_tmp: bool = False
    """Whether the rows of a chunk are copied to scratch space on the node and read from there."""

    def __post_init__(self) -> None:
        if self.train_size < 1:
            raise InputError(f"--train-size is {self.train_size}, it must be at least 1.")
        if self.k < 1:
            raise InputError(f"--k is {self.k}, it must be at least 1.")
        if self.k > self.candidates:
            raise InputError(f"--k is {self.k}, more than the {self.candidates} candidates kept (--max-candidates).")
        if self.with_qps and not self.with_recall:
            raise InputError(
                "--with-qps needs recall: throughput is meaningless without the recall of the same index; leave out "
                "--skip-ground-truth and --no-with-recall."
            )
        block_rows(self.batch_size)
        self.settings(seed=0)

    def settings(self, seed: int) -> PassSettings:
        """What one pass measures."""
        return PassSettings(
            candidates=self.candidates,
            num_pairs=self.num_pairs,
            seed=seed,
            with_scores=self.with_recall,
            with_pairwise=self.with_pairwise,
        )


@dataclass(frozen=True)
class Cell:
    """One configuration of one method, with one seed, on the whole base or a chunk of it."""

    method: str
    config: Mapping[str, Any]
    seed: int
    start: int
    stop: int

    @property
    def label(self) -> str:
        """The method and its parameters in a few words."""
        return " ".join(
            [self.method, *(f"{name}={value}" for name, value in self.config.items() if value is not None)]
        )


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
    grid: Mapping[str, Sequence[Parameters]],
    budgets: Sequence[float],
    seeds: Sequence[int],
    dataset: Dataset,
    options: Options,
    rows: tuple[int, int],
) -> tuple[list[Cell], list[Refusal]]:
    """Cells of a sweep over rows [start, stop), and why methods have none at some budgets.

    A method with parameters runs those; a method without runs at each budget, or with its default parameters where
    there are no budgets. Equal configurations appear once.

    Raises:
        InputError: parameters are impossible for the data set's dimension.
    """
    cells: list[Cell] = []
    refusals: list[Refusal] = []
    for method, given in grid.items():
        reason = quantizer_class(method).unavailable()
        if reason:
            refusals.append(Refusal(method, f"{method} cannot run here: {reason}"))
            continue
        for parameters in list(given) or _chosen(method, budgets, dataset.d, refusals):
            parameters.check_dimension(dataset.d)
            refusal = None if options.slow else _too_slow(method, parameters, dataset, options.train_size)
            if refusal is not None:
                refusals.append(refusal)
                continue
            cells += [Cell(method, parameters.model_dump(mode="json"), seed, *rows) for seed in seeds]
    return _distinct(cells), refusals


def _too_slow(method: str, parameters: Parameters, dataset: Dataset, train_size: int) -> Refusal | None:
    count = min(train_size, dataset.training_source(train_size).n)
    seconds = parameters.training_seconds(count, dataset.d)
    if seconds is None or seconds <= LONGEST_TRAINING_SECONDS:
        return None
    config = " ".join(f"{name}={value}" for name, value in parameters.model_dump(mode="json").items())
    return Refusal(
        method,
        f"training {method} {config} on {count:,} vectors would take about {seconds / 60:,.0f} minutes on one core, "
        f"more than {LONGEST_TRAINING_SECONDS / 60:.0f}; allow it with --slow.",
    )


def _chosen(method: str, budgets: Sequence[float], d: int, refusals: list[Refusal]) -> list[Parameters]:
    cls = quantizer_class(method)
    if not budgets:
        return [cls.parameters_type.parse(method, {})]
    chosen = []
    for budget in budgets:
        if not 0 < budget < math.inf:
            raise InputError(f"--bits is {budget:g}, it must be a number of bits per dimension above 0.")
        try:
            chosen.append(cls.for_budget(budget, d))
        except InfeasibleBudget as error:
            refusals.append(Refusal(method, str(error)))
    return chosen


def _product(choices: Mapping[str, Sequence[Any]]) -> Iterable[dict[str, Any]]:
    return (dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values()))


def _distinct(cells: Iterable[Cell]) -> list[Cell]:
    return list({(cell.method, json.dumps(dict(cell.config)), cell.seed): cell for cell in cells}.values())


def new_sweep_id() -> str:
    """A name for one call of `run` or `sweep`: the time, and four hex digits that tell simultaneous ones apart."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
