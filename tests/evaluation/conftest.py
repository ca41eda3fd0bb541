"""Small data sets and bad quantizers for the tests of the evaluation."""

from collections.abc import Callable
from typing import Self

import numpy as np
import pytest

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.datasets.dataset import Dataset, Judgements
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.datasets.sources.wrappers import unit_norm
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.quantizers.base import Parameters, Quantizer, State

D = 8


class Rounding(Quantizer):
    """A deliberately bad quantizer: numbers rounded to the nearest quarter, clipped to one signed byte."""

    name = "rounding"
    title = "Rounding"
    paper = "-"
    parameters_type = Parameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self.restore({}, train.shape[1])
        return self

    def encode(self, vectors: FloatArray) -> CodeArray:
        return np.clip(np.rint(vectors * 4), -127, 127).astype(np.int8).view(np.uint8)

    def decode(self, codes: CodeArray) -> FloatArray:
        return codes.view(np.int8).astype(np.float32) / 4

    def state(self) -> State:
        return {}

    def restore(self, state: State, d: int) -> None:
        self.d, self.code_bytes = d, d


class OwnScores(Rounding):
    """A quantizer whose score estimates are not those of its reconstruction, in a space of one dimension less."""

    name = "own_scores"

    def project_queries(self, queries: FloatArray) -> FloatArray:
        return queries[:, :-1] * np.float32(1.5)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        # Column-major on purpose: nothing may depend on the layout that a method returns.
        return np.asfortranarray(self.decode(codes)[:, :-1])

    def squared_norms(self, codes: CodeArray) -> np.ndarray:
        return (self.decode(codes).astype(np.float64) ** 2).sum(axis=1) + 0.25


@pytest.fixture
def rounding() -> Rounding:
    return Rounding().fit(np.zeros((1, D), dtype=np.float32))


@pytest.fixture
def own_scores() -> OwnScores:
    return OwnScores().fit(np.zeros((1, D), dtype=np.float32))


MakeDataset = Callable[..., Dataset]


@pytest.fixture
def make_dataset() -> MakeDataset:
    """Gaussian data with many exact duplicates in the base; judged: None, "own" (queries of their own), "same"."""

    def make(
        metric: Distance = "l2",
        n: int = 2 * TILE_ROWS + 1000,
        queries: int = 7,
        judged: str | None = None,
        d: int = D,
        seed: int = 0,
    ) -> Dataset:
        rng = np.random.default_rng(seed)
        base = rng.standard_normal((n, d)).astype(np.float32)
        copies = rng.integers(n, size=(2, n // 4))
        base[copies[0]] = base[copies[1]]
        asked, others = rng.standard_normal((2, queries, d)).astype(np.float32)
        if metric == "cosine":
            base, asked, others = unit_norm(base), unit_norm(asked), unit_norm(others)
        judgements = None
        if judged is not None:
            own = others[: queries - 2] if judged == "own" else asked
            relevant = np.argsort(-(own @ base.T), axis=1)[:, [0, 3, 5, 40]]
            grades = rng.integers(0, 4, size=relevant.shape)
            grades[:, 0] = 2
            rows = np.repeat(np.arange(len(own)), relevant.shape[1])
            judgements = Judgements(own, np.stack([rows, relevant.ravel(), grades.ravel()], axis=1))
        return Dataset("made", ArraySource(base), asked, metric, judgements=judgements, fingerprint="made")

    return make
