"""Paired tests of one configuration against others on the same queries. docs/METRICS.md holds the formulas."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.evaluation.statistics.bootstrap import LEVEL, NORMAL_QUANTILE, RESAMPLES_AT_ONCE, Interval
from vq_benchmark.evaluation.statistics.query_intervals import LEAST_QUERIES, bound_of_equal
from vq_benchmark.evaluation.statistics.student import student_quantile, two_sided_p

RESAMPLES = 2000
SEED = 0
SIGNIFICANCE = 0.05
ROUNDING = 1e-6
"""Largest difference between equal values of a query: rows may keep them as float32, and seeds are averaged."""


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

    A t test whose variance and degrees of freedom are those of `_spread`. p is at least 2^(1 − m), where m queries
    differ: no test that flips the signs of differences can give less.
    """
    seeds, queries = differences.shape
    by_query = differences.mean(axis=0)
    mean = float(by_query.mean())
    differing = int(np.count_nonzero(np.abs(by_query) > ROUNDING))
    spread = _spread(differences)
    p = two_sided_p(abs(mean) / spread.error, spread.degrees) if spread.error > 0 and differing else 0.0
    return Difference(mean, min(1.0, max(p, 2.0 ** (1 - differing))), queries, differing, seeds)


def difference_interval(differences: DoubleArray, most: float, seed: int = SEED) -> Interval | None:
    """95 % interval of the mean of differences (seeds, q): a bootstrap over queries and seeds.

    Every resample draws queries and seeds independently, with replacement (the two-way bootstrap of Owen, The
    pigeonhole bootstrap, Annals of Applied Statistics 2007). So few seeds vary too little when they are redrawn:
    their deviations are stretched by √(s / (s − 1)) (Rao & Wu, JASA 1988). One seed is held fixed. The percentile
    interval is widened about the mean by t / 1.96, as few seeds or queries require.

    Where all queries have the same difference, the interval is that of `bound_of_equal`. None for a single query, or
    if nothing bounds the differences of other queries.

    Args:
        most: the largest possible difference; may be infinite.
    """
    seeds, queries = differences.shape
    centre = differences.mean(axis=0)
    if queries < LEAST_QUERIES:
        return None
    mean = float(centre.mean())
    if np.ptp(differences) <= ROUNDING:
        return bound_of_equal(mean, queries, (-most, most)) if math.isfinite(most) else None
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
    wider = student_quantile(_spread(differences).degrees) / NORMAL_QUANTILE
    return max(mean + wider * float(low - mean), -most), min(mean + wider * float(high - mean), most)


@dataclass(frozen=True)
class _Spread:
    """How much the mean of paired differences varies with queries and seeds."""

    error: float
    """Its standard error."""
    degrees: float
    """Degrees of freedom of that."""


def _spread(differences: DoubleArray) -> _Spread:
    """The spread of the mean of differences (seeds, q) with random queries and random seeds.

    The variance of the means of queries plus that of the means of seeds, less what both contain (the mean squares of
    a two-way layout). Degrees of freedom, at least 1, as Satterthwaite (Biometrics Bulletin 1946).
    """
    seeds, queries = differences.shape
    by_query, by_seed = differences.mean(axis=0), differences.mean(axis=1)
    rest = differences - by_query - by_seed[:, None] + by_query.mean()
    parts = [
        (float(np.square(values).sum()) / (count * degrees), degrees)
        for values, count, degrees in (
            (by_query - by_query.mean(), queries, queries - 1),
            (by_seed - by_seed.mean(), seeds, seeds - 1),
            (rest, queries * seeds, (queries - 1) * (seeds - 1)),
        )
        if degrees > 0
    ]
    variances = [variance for variance, _ in parts]
    total = variances[0] if len(parts) == 1 else 0.0
    if len(parts) == 3:
        of_queries, of_seeds, of_both = variances
        total = max(of_queries + of_seeds - of_both, of_queries, of_seeds)
    below = math.fsum(variance**2 / degrees for variance, degrees in parts)
    return _Spread(math.sqrt(total), max(1.0, total**2 / below) if below > 0 else 1.0)


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
