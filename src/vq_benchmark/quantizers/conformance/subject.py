"""A method under test: reference vectors, its configurations, and the models it was fitted to once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import faiss
import numba
import numpy as np
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.quantizers.base import Parameters, Quantizer

Config = Mapping[str, Any]

D = 40
"""Dimension of the generated vectors: neither a power of two nor a multiple of 16 or 64."""
SEED = 3
"""Of the models that most checks look at."""
TRAIN_ROWS = 1200
BUDGETS = (0.25, 1, 2, 3.5, 8, 32)
"""Bits per dimension that configurations are chosen for."""
LADDER = (1, 2, 4, 8)
"""Budgets at which errors on real vectors are compared."""


class Subject:
    """A method under test. Fitted models are kept, so that every check sees the same ones."""

    def __init__(self, method: type[Quantizer], configurations: Sequence[Config] | None = None) -> None:
        self.method = method
        self._given = None if configurations is None else [self.parsed(each) for each in configurations]
        self._models: dict[str, Quantizer] = {}

    def parsed(self, config: Config) -> Parameters:
        """Parameters from their values."""
        return self.method.parameters_type.parse(self.method.name, dict(config))

    @property
    def has_budgets(self) -> bool:
        """Whether the method has a `for_budget` of its own."""
        default = Quantizer.for_budget.__func__  # type: ignore[attr-defined]
        return self.method.for_budget.__func__ is not default  # type: ignore[attr-defined]

    def at_budgets(self, budgets: Sequence[float], d: int) -> list[Parameters]:
        """The configurations that were given; else the distinct ones that budgets lead to at dimension d."""
        if self._given is not None:
            return self._given
        chosen = [self.at_budget(budget, d) for budget in budgets] if self.has_budgets else []
        found = [each for each in chosen if each is not None]
        return [each for number, each in enumerate(found) if each not in found[:number]] or [self.parsed({})]

    def at_budget(self, budget: float, d: int) -> Parameters | None:
        """What the method chooses for a budget and the training vectors; None if that is nothing."""
        with suppress(InfeasibleBudget):
            return self.method.for_budget_and_rows(budget, d, TRAIN_ROWS)
        return None

    @cached_property
    def configurations(self) -> list[dict[str, Any]]:
        """Distinct configurations at dimension D, those of the smallest and the largest budget among them."""
        return [each.model_dump(mode="json") for each in self.at_budgets(BUDGETS, D)]

    def new(self, config: Config) -> Quantizer:
        """A quantizer with that configuration, not fitted."""
        return self.method(self.parsed(config))

    def fitted(self, config: Config) -> Quantizer:
        """The quantizer of a configuration, fitted to the training vectors on one thread."""
        key = json.dumps(dict(config), sort_keys=True)
        if key not in self._models:
            with threads(1):
                self._models[key] = self.new(config).fit(train(), seed=SEED)
        return self._models[key]


def label(name: str, config: Config) -> str:
    """A method and the values of its parameters, joined by hyphens."""
    return "-".join([name, *map(str, config.values())])


@cache
def _rows() -> FloatArray:
    """(2000, D) correlated Gaussian vectors with a mean."""
    rng = np.random.default_rng(5)
    mixing = rng.standard_normal((D, D)) * np.linspace(1.5, 0.2, D)
    return (rng.standard_normal((2000, D)) @ mixing.T / 4 + rng.standard_normal(D) / 4).astype(np.float32)


def train() -> FloatArray:
    """(1200, D) training vectors."""
    return _rows()[:TRAIN_ROWS]


def held_out() -> FloatArray:
    """(800, D) vectors of the same distribution that no model was fitted to."""
    return _rows()[TRAIN_ROWS:]


@cache
def real_rows() -> FloatArray:
    """(2000, 96) vectors: the first dimensions of real embeddings, those of the packaged sample."""
    with (files("vq_benchmark.datasets") / "sample_data" / "base.npy").open("rb") as file:
        rows = np.load(file)[:2000].astype(np.float32)
    return np.ascontiguousarray((rows / np.linalg.norm(rows, axis=1, keepdims=True))[:, :96])


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Have faiss, numba, BLAS and OpenMP use so many threads."""
    before = faiss.omp_get_max_threads(), numba.get_num_threads()
    faiss.omp_set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    try:
        with threadpool_limits(count):
            yield
    finally:
        faiss.omp_set_num_threads(before[0])
        numba.set_num_threads(before[1])


def outputs(quantizer: Quantizer, vectors: FloatArray) -> dict[str, Array]:
    """Everything that is computed per row, by the name of what computes it."""
    codes = quantizer.encode(vectors)
    return {
        "encode": codes,
        "decode": quantizer.decode(codes),
        "decode_for_scores": quantizer.decode_for_scores(codes),
        "squared_norms": quantizer.squared_norms(codes),
    }
