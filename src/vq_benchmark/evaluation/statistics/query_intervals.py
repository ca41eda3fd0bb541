"""95 % intervals of means over queries, also where all queries have the same value and resampling has no width."""

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.evaluation.metric_records import Bounds
from vq_benchmark.evaluation.statistics.bootstrap import NORMAL_QUANTILE, Interval, bootstrap_interval

LEAST_QUERIES = 2
"""Fewest queries that give an interval."""
ROUNDING = 1e-12
"""Largest difference between equal values that were computed in another order."""


def query_interval(values: DoubleArray, seed: int, bounds: Bounds | None) -> Interval | None:
    """Interval of the mean of values (q,) of queries: a bootstrap, or `bound_of_equal` if all values are equal.

    None if there is only one query, or if all values are equal and nothing bounds those of other queries.
    """
    if len(values) < LEAST_QUERIES:
        return None
    if np.ptp(values) > ROUNDING:
        return bootstrap_interval(values, seed)
    return None if bounds is None else bound_of_equal(float(values.mean()), len(values), bounds)


def bound_of_equal(value: float, queries: int, bounds: Bounds) -> Interval:
    """Interval of a mean within `bounds` if all of q queries have the same value.

    Wilson's score interval (1927) for 0 of q says that at most a share u = z² / (q + z²) of all queries has another
    value. In the worst case those have the lowest or the highest possible one. For a value of 0 or 1 of a metric from
    0 to 1 this is Wilson's interval for 0 or q of q.
    """
    square = NORMAL_QUANTILE**2
    others = square / (queries + square)
    low, high = bounds
    return value - others * max(value - low, 0.0), value + others * max(high - value, 0.0)
