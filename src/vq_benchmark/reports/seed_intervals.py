"""The interval of a mean over seeds: how much depends on the queries, and how much on the randomness of training."""

import math
from collections.abc import Sequence

from vq_benchmark.evaluation.statistics.bootstrap import NORMAL_QUANTILE, Interval

LEAST_SEEDS = 3
"""Fewest seeds whose spread says how much training varies."""
EXACT_QUANTILES = {2: 4.302652729749462, 3: 3.182446305283708, 4: 2.776445105197793}


def interval_over_seeds(values: Sequence[float], intervals: Sequence[Interval]) -> Interval:
    """95 % interval of the mean of m ≥ 3 seeds' values, from their spread s and their own intervals over queries.

    All seeds use the same queries, so averaging over seeds does not reduce what depends on the queries. It reduces
    what depends on training, to t·s/√m with Student's t of m − 1 degrees of freedom. The two are independent, so
    their squares add up, on each side (the method of variance estimates recovery, Zou & Donner 2008):

        lower end = mean − √(mean of (value − its lower end)² + t²·s²/m)

    Args:
        values: (m,) the metric of each seed, m ≥ 3.
        intervals: (m,) the 95 % interval of each.
    """
    count = len(values)
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    training = student_quantile(count - 1) ** 2 * variance / count
    below = math.fsum((value - low) ** 2 for value, (low, _) in zip(values, intervals, strict=True)) / count
    above = math.fsum((high - value) ** 2 for value, (_, high) in zip(values, intervals, strict=True)) / count
    return mean - math.sqrt(below + training), mean + math.sqrt(above + training)


def student_quantile(degrees: int) -> float:
    """The 97.5 % quantile of Student's t for 2 or more degrees of freedom, within 0.02 %.

    From 5 on by its expansion around the normal quantile (Abramowitz & Stegun 1964, 26.7.5).
    """
    if degrees in EXACT_QUANTILES:
        return EXACT_QUANTILES[degrees]
    z, v = NORMAL_QUANTILE, degrees
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )
