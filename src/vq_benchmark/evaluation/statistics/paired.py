"""Paired tests of one configuration against others on the same queries. docs/METRICS.md holds the formulas."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.evaluation.statistics.bootstrap import LEVEL, RESAMPLES_AT_ONCE, Interval

RESAMPLES = 2000
SEED = 0
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Difference:
    """The mean of a paired difference a − b over queries and seeds."""

    mean: float
    p: float
    """Of the two-sided test of no difference, not corrected for multiple comparisons."""
    queries: int
    differing: int
    """Queries with a difference other than 0."""
    seeds: int


def paired_difference(differences: DoubleArray) -> Difference:
    """Test whether the differences a − b (seeds, q) have mean 0; at least one seed and one query.

    A normal test whose variance is that over queries plus that over seeds, each of means over the other. p is at
    least 2^(1 − m), where m queries differ: no test that flips the signs of differences can give less.
    """
    seeds, queries = differences.shape
    by_query, by_seed = differences.mean(axis=0), differences.mean(axis=1)
    mean = float(by_query.mean())
    variance = sum(float(part.var(ddof=1)) / len(part) for part in (by_query, by_seed) if len(part) > 1)
    differing = int(np.count_nonzero(by_query))
    normal = math.erfc(abs(mean) / math.sqrt(2 * variance)) if variance > 0 else 0.0
    return Difference(mean, min(1.0, max(normal, 2.0 ** (1 - differing))), queries, differing, seeds)


def difference_interval(differences: DoubleArray, seed: int = SEED) -> Interval:
    """95 % percentile bootstrap interval of the mean of differences (seeds, q), resampling queries and seeds.

    Every resample draws queries and seeds independently, with replacement (the two-way bootstrap of Owen, The
    pigeonhole bootstrap, Annals of Applied Statistics 2007). So few seeds vary too little when they are redrawn:
    their deviations are stretched by √(s / (s − 1)) (Rao & Wu, JASA 1988). One seed is held fixed.
    """
    seeds, queries = differences.shape
    centre = differences.mean(axis=0)
    stretch = math.sqrt(seeds / (seeds - 1)) if seeds > 1 else 1.0
    stretched = centre + stretch * (differences - centre)
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(0, RESAMPLES, RESAMPLES_AT_ONCE):
        drawn = rng.integers(queries, size=(RESAMPLES_AT_ONCE, queries))
        of_seeds = np.stack([values[drawn].mean(axis=1) for values in stretched], axis=1)
        chosen = rng.integers(seeds, size=(RESAMPLES_AT_ONCE, seeds))
        means.append(np.take_along_axis(of_seeds, chosen, axis=1).mean(axis=1))
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def holm(p: Sequence[float]) -> list[float]:
    """The p-values, corrected for their number (Holm, Scandinavian Journal of Statistics 1979), in the same order.

    The smallest of n is multiplied by n, the next by n − 1, and so on; none falls below one before it, or above 1.
    """
    corrected = [1.0] * len(p)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        least = max(least, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = least
    return corrected
