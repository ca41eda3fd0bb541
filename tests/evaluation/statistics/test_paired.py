"""Paired tests: known answers, the same answer from both sides, and intervals that cover as often as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vq_benchmark.evaluation.statistics.paired import difference_interval, holm, paired_difference


def test_one_seed_is_the_paired_normal_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.02, 0.1, 500), rng.normal(0, 0.1, 500)
    found = paired_difference((a - b)[None])
    error = (a - b).std(ddof=1) / np.sqrt(500)
    assert found.mean == pytest.approx(a.mean() - b.mean())
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(found.mean) / error))
    assert (found.queries, found.differing, found.seeds) == (500, 500, 1)
    low, high = difference_interval((a - b)[None])
    assert (low, high) == pytest.approx((found.mean - 1.96 * error, found.mean + 1.96 * error), abs=error / 5)


@pytest.mark.parametrize(("changed", "least"), [(0, 1.0), (1, 1.0), (4, 0.125), (5, 0.0625)])
def test_few_queries_that_differ_are_not_significant(changed, least):
    differences = np.zeros((1, 1000))
    differences[0, :changed] = 0.1
    assert paired_difference(differences).p >= least


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 40), st.integers(0, 99))
def test_both_sides_give_the_same_answer(seeds, queries, seed):
    differences = np.random.default_rng(seed).integers(-3, 4, (seeds, queries)) / 10
    one, other = paired_difference(differences), paired_difference(-differences)
    assert (one.mean, one.p) == pytest.approx((-other.mean, other.p))
    low, high = difference_interval(differences)
    assert difference_interval(-differences) == pytest.approx((-high, -low), abs=1e-12)


@given(st.integers(1, 4), st.integers(1, 40))
def test_equal_rows_do_not_differ(seeds, queries):
    nothing = np.zeros((seeds, queries))
    assert (paired_difference(nothing).mean, paired_difference(nothing).p) == (0, 1)
    assert difference_interval(nothing) == (0, 0)


def test_a_shift_is_found():
    differences = np.random.default_rng(0).normal(0.05, 0.1, (3, 400))
    assert paired_difference(differences).p < 1e-6
    assert difference_interval(differences)[0] > 0


@pytest.mark.parametrize(("seeds", "of_seeds"), [(1, 0.0), (3, 0.005)])
def test_intervals_cover_the_true_difference(seeds, of_seeds):
    rng = np.random.default_rng(1)
    covered = significant = 0
    for _ in range(200):
        noise = rng.normal(0, 0.1, (1, 100)) + rng.normal(0, of_seeds, (seeds, 1)) + rng.normal(0, 0.05, (seeds, 100))
        low, high = difference_interval(noise)
        covered += low <= 0 <= high
        significant += paired_difference(noise).p < 0.05
    assert covered >= 0.9 * 200
    assert significant <= 0.1 * 200


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_never_lowers_p(p):
    corrected = holm(p)
    assert all(before <= after <= 1 for before, after in zip(p, corrected, strict=True))
    assert [corrected[place] for place in np.argsort(p, kind="stable")] == sorted(corrected)
