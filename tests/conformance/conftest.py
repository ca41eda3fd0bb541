"""Reference rows, and every registered quantizer fitted to them once per configuration."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import get_quantizer, quantizer_class

Fit = Callable[[str, dict[str, Any]], Quantizer]

D = 40
"""Dimension of the generated rows: neither a power of two nor a multiple of 16 or 64."""


@pytest.fixture(scope="session")
def rows() -> np.ndarray:
    """(2000, D) float32 correlated Gaussian rows with a mean, the first 1200 for training."""
    rng = np.random.default_rng(5)
    mixing = rng.standard_normal((D, D)) * np.linspace(1.5, 0.2, D)
    return (rng.standard_normal((2000, D)) @ mixing.T / 4 + rng.standard_normal(D) / 4).astype(np.float32)


@pytest.fixture(scope="session")
def train(rows: np.ndarray) -> np.ndarray:
    return rows[:1200]


@pytest.fixture(scope="session")
def held_out(rows: np.ndarray) -> np.ndarray:
    return rows[1200:]


@pytest.fixture(scope="session")
def real_rows() -> np.ndarray:
    """(2000, 96) float32: the first dimensions of real embeddings, the packaged sample."""
    return np.ascontiguousarray(load_dataset("sample").base.read(0, 2000)[:, :96])


@pytest.fixture(scope="session")
def fitted(train: np.ndarray) -> Fit:
    """A quantizer of that name and configuration, fitted to `train` with seed 3."""
    kept: dict[str, Quantizer] = {}

    def fit(name: str, config: dict[str, Any]) -> Quantizer:
        key = json.dumps([name, config])
        if key not in kept:
            kept[key] = get_quantizer(name, **config).fit(train, seed=3)
        return kept[key]

    return fit


@pytest.fixture
def method(request: pytest.FixtureRequest) -> str:
    """A registered method; the test is skipped, with the reason, where the method cannot run."""
    reason = quantizer_class(request.param).unavailable()
    if reason:
        pytest.skip(f"{request.param} cannot run here: {reason}")
    return str(request.param)
