"""95 % confidence intervals: from moments for means, from a seeded bootstrap for per-query metrics."""

import math

import numpy as np

from vq_benchmark.arrays import DoubleArray

Interval = tuple[float, float]
RESAMPLES, RESAMPLES_AT_ONCE = 1000, 100
LEVEL = 0.95
NORMAL_QUANTILE = 1.959963984540054


def bootstrap_interval(values: DoubleArray, seed: int) -> Interval:
    """Percentile bootstrap interval of the mean of values (q,), resampling queries (Efron & Tibshirani 1993)."""
    rng = np.random.default_rng(seed)
    draws = (
        rng.integers(len(values), size=(RESAMPLES_AT_ONCE, len(values)))
        for _ in range(0, RESAMPLES, RESAMPLES_AT_ONCE)
    )
    means = [values[drawn].mean(axis=1) for drawn in draws]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def normal_interval(centre: float, variance: float, count: float) -> Interval:
    """Interval of an estimate whose sampling variance is variance / count (central limit theorem)."""
    half = NORMAL_QUANTILE * math.sqrt(max(variance, 0.0) / count)
    return centre - half, centre + half
