"""Intervals over queries where all have the same value: Wilson's, and none for a single query."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.evaluation.evaluate import evaluate
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.statistics.bootstrap import bootstrap_interval
from vq_benchmark.evaluation.statistics.query_intervals import bound_of_equal, query_interval
from vq_benchmark.quantizers.registry import get_quantizer


@pytest.mark.parametrize("queries", [2, 7, 99, 1_000])
@pytest.mark.parametrize("value", [0, 1])
def test_all_right_or_all_wrong_is_wilsons_interval(value, queries):
    wilson = scipy.stats.binomtest(value * queries, queries).proportion_ci(method="wilson")
    found = query_interval(np.full(queries, float(value)), 0, (0.0, 1.0))
    assert found == pytest.approx((wilson.low, wilson.high), abs=1e-12)


@given(
    value=st.floats(-1, 1), queries=st.integers(2, 10**6), low=st.floats(-3, -1), high=st.floats(1, 3),
)  # fmt: skip
def test_the_bound_contains_the_value_stays_within_the_range_and_narrows(value, queries, low, high):
    below, above = bound_of_equal(value, queries, (low, high))
    assert low - 1e-12 <= below <= value <= above <= high + 1e-12
    assert above > below
    fewer = bound_of_equal(value, queries - 1, (low, high))
    assert above - below < fewer[1] - fewer[0]


def test_a_loss_of_zero_in_every_query_may_go_both_ways():
    share = 1.959963984540054**2 / (50 + 1.959963984540054**2)
    assert query_interval(np.zeros(50), 0, (-1.0, 1.0)) == pytest.approx((-share, share))


def test_values_that_differ_are_resampled():
    values = np.random.default_rng(0).random(50)
    assert query_interval(values, 3, (0.0, 1.0)) == bootstrap_interval(values, 3)


def test_values_that_differ_by_rounding_are_equal():
    values = np.array([0.1 + 0.2, 0.3] * 30)
    assert query_interval(values, 0, (0.0, 1.0)) == pytest.approx(bound_of_equal(0.3, 60, (0.0, 1.0)))


def test_one_query_has_no_interval_nor_have_equal_values_without_bounds():
    assert query_interval(np.array([0.7]), 0, (0.0, 1.0)) is None
    assert query_interval(np.ones(9), 0, None) is None


def test_it_covers_a_recall_near_one():
    """Most samples of 60 queries have recall 1 in all; a width of 0 would cover the true .995 in none of them."""
    rng = np.random.default_rng(1)
    found = [query_interval((rng.random(60) < 0.995).astype(float), seed, (0.0, 1.0)) for seed in range(200)]
    assert np.mean([low <= 0.995 <= high for low, high in found]) >= 0.95


def test_perfect_recall_of_a_code_with_errors_has_a_bound(make_dataset):
    dataset = make_dataset("l2", n=500, queries=9)
    rows = dataset.base.read(0, 500)
    quantizers = {"sq": get_quantizer("sq", bits="fp16").fit(rows), "none": get_quantizer("none").fit(rows)}
    exact = {name: finished_metrics(evaluate(quantizer, dataset)) for name, quantizer in quantizers.items()}
    assert exact["sq"]["mse"] > 0 and exact["sq"]["recall_at_10"] == 1
    assert exact["sq"]["recall_at_10_ci"] == pytest.approx([9 / (9 + 1.959963984540054**2), 1])
    assert exact["none"]["recall_at_10_ci"] == [1, 1], "uncompressed vectors have recall 1 for any query"


def test_a_single_query_has_values_without_intervals(make_dataset, rounding):
    dataset = make_dataset("l2", n=500, queries=3)
    one = dataclasses.replace(dataset, queries=dataset.queries[:1])
    metrics = finished_metrics(evaluate(rounding, one))
    assert 0 < metrics["recall_at_10"] <= 1
    assert not [name for name in metrics if name.startswith(("recall", "rank", "sum")) and name.endswith("_ci")]
    assert "mse_ci" in metrics
