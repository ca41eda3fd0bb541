"""Intervals over seeds: exact quantiles, known answers, and the coverage that they state."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.evaluation.statistics.bootstrap import NORMAL_QUANTILE
from vq_benchmark.reports.seed_intervals import interval_over_seeds, student_quantile


@pytest.mark.parametrize("degrees", [*range(2, 40), 100, 10_000])
def test_the_quantiles_are_those_of_scipy(degrees):
    assert student_quantile(degrees) == pytest.approx(scipy.stats.t.ppf(0.975, degrees), rel=2e-4)


def test_a_known_answer():
    low, high = interval_over_seeds([0.70, 0.72, 0.74], [(0.69, 0.71), (0.71, 0.74), (0.73, 0.76)])
    training = 4.302652729749462**2 * 0.02**2 / 3
    assert low == pytest.approx(0.72 - math.sqrt(0.01**2 + training))
    assert high == pytest.approx(0.72 + math.sqrt((0.01**2 + 2 * 0.02**2) / 3 + training))


def test_without_randomness_the_interval_of_the_queries_remains():
    assert interval_over_seeds([0.5] * 4, [(0.4, 0.55)] * 4) == pytest.approx((0.4, 0.55))
    assert interval_over_seeds([1.0] * 3, [(1.0, 1.0)] * 3) == (1.0, 1.0)


halves = st.floats(0, 0.1)


@given(st.lists(st.tuples(st.floats(0, 1), halves, halves), min_size=3, max_size=8))
def test_it_contains_the_mean_and_is_wider_than_either_source(seeds):
    values = [value for value, _, _ in seeds]
    low, high = interval_over_seeds(values, [(value - below, value + above) for value, below, above in seeds])
    mean = math.fsum(values) / len(values)
    assert low <= mean <= high
    spread = np.std(values, ddof=1) / math.sqrt(len(values)) * student_quantile(len(values) - 1)
    assert min(mean - low, high - mean) >= spread - 1e-9
    assert mean - low >= np.mean([below for _, below, _ in seeds]) - 1e-9
    same = interval_over_seeds(values[::-1], [(value - below, value + above) for value, below, above in seeds[::-1]])
    assert same == pytest.approx((low, high))


@pytest.mark.parametrize("count", [3, 6])
@pytest.mark.parametrize(("of_training", "of_queries"), [(1.0, 0.1), (0.1, 1.0), (1.0, 1.0), (0.0, 1.0)])
def test_it_covers_the_truth_as_often_as_it_says(count, of_training, of_queries):
    """Seeds share their queries; the normal half-width of each seed knows the queries only."""
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(2_000):
        values = rng.normal(0, of_queries) + rng.normal(0, of_training, count)
        half = NORMAL_QUANTILE * of_queries
        low, high = interval_over_seeds(values.tolist(), [(value - half, value + half) for value in values.tolist()])
        covered.append(low <= 0 <= high)
    assert 0.935 <= np.mean(covered) <= 0.995
