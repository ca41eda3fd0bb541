"""Confidence intervals: seeded, and covering the truth about as often as they say."""

import numpy as np
import pytest

from vq_benchmark.evaluation.statistics.bootstrap import bootstrap_interval, normal_interval


@pytest.mark.parametrize("distribution", ["bernoulli", "exponential"])
def test_the_bootstrap_covers_the_mean(distribution: str) -> None:
    rng = np.random.default_rng(11)
    draw, mean = {
        "bernoulli": (lambda: (rng.random(120) < 0.7).astype(float), 0.7),
        "exponential": (lambda: rng.exponential(size=120), 1.0),
    }[distribution]
    inside = [low <= mean <= high for low, high in (bootstrap_interval(draw(), seed) for seed in range(100))]
    # 95 % within 3 standard errors of 100 trials, and a little under for 120 values of a skew distribution.
    assert 0.88 <= np.mean(inside) <= 0.99


def test_the_bootstrap_is_as_wide_as_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(3, 2, 4000)
    low, high = bootstrap_interval(values, 0)
    expected_low, expected_high = normal_interval(values.mean(), values.var(), len(values))
    assert (high - low) == pytest.approx(expected_high - expected_low, rel=0.08)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=0.01)


def test_the_bootstrap_is_seeded() -> None:
    values = np.random.default_rng(0).random(50)
    assert bootstrap_interval(values, 1) == bootstrap_interval(values.copy(), 1)
    assert bootstrap_interval(values, 1) != bootstrap_interval(values, 2)


def test_equal_values_have_no_width() -> None:
    assert bootstrap_interval(np.ones(9), 0) == (1.0, 1.0)
    assert bootstrap_interval(np.array([0.25]), 0) == (0.25, 0.25)


def test_the_normal_interval_covers_the_mean() -> None:
    samples = np.random.default_rng(5).gamma(2, size=(2000, 200))
    intervals = [normal_interval(row.mean(), row.var(), len(row)) for row in samples]
    assert 0.93 <= np.mean([low <= 2 <= high for low, high in intervals]) <= 0.965
    assert normal_interval(1.0, -1e-20, 5) == (1.0, 1.0)
