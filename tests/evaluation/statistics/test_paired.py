"""Paired tests: known answers, the same answer from both sides, and intervals that cover as often as they say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vq_benchmark.evaluation.statistics.paired import difference_interval, holm, paired_difference


def test_one_seed_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.02, 0.1, 500), rng.normal(0, 0.1, 500)
    found = paired_difference((a - b)[None])
    error = (a - b).std(ddof=1) / np.sqrt(500)
    assert found.mean == pytest.approx(a.mean() - b.mean())
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-3)
    assert (found.queries, found.differing, found.seeds) == (500, 500, 1)
    low, high = difference_interval((a - b)[None], 1)
    assert (low, high) == pytest.approx((found.mean - 1.96 * error, found.mean + 1.96 * error), abs=error / 5)


@pytest.mark.parametrize(("changed", "least"), [(0, 1.0), (1, 1.0), (4, 0.125), (5, 0.0625)])
def test_few_queries_that_differ_are_not_significant(changed, least):
    differences = np.zeros((1, 1000))
    differences[0, :changed] = 0.1
    assert paired_difference(differences).p >= least


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(2, 40), st.integers(0, 99))
def test_both_sides_give_the_same_answer(seeds, queries, seed):
    differences = np.random.default_rng(seed).integers(-3, 4, (seeds, queries)) / 10
    one, other = paired_difference(differences), paired_difference(-differences)
    assert (one.mean, one.p) == pytest.approx((-other.mean, other.p))
    low, high = difference_interval(differences, 1)
    assert difference_interval(-differences, 1) == pytest.approx((-high, -low), abs=1e-12)


@given(st.integers(1, 4), st.integers(2, 40))
def test_rows_that_agree_on_every_query_do_not_differ_but_may_on_others(seeds, queries):
    nothing = np.zeros((seeds, queries))
    assert (paired_difference(nothing).mean, paired_difference(nothing).p) == (0, 1)
    share = 1.96**2 / (queries + 1.96**2)
    assert difference_interval(nothing, 1) == pytest.approx((-share, share), rel=1e-4)
    assert difference_interval(nothing, math.inf) is None


def test_a_single_query_has_no_interval():
    assert paired_difference(np.full((1, 1), 0.3)).p == 1
    assert difference_interval(np.full((3, 1), 0.3), 1) is None


def test_rounding_is_no_difference():
    """Values of one row may be kept as float32 and those of the other not; means over seeds round too."""
    value = 1 / 3
    kept = np.full((1, 1000), float(np.float32(value)) - value)
    kept[0, :3] = 0.5
    found = paired_difference(kept)
    assert found.differing == 3
    assert found.p >= 0.25
    over_seeds = paired_difference(np.tile([[0.1], [0.2], [-0.3]], 50))
    assert (over_seeds.differing, over_seeds.p) == (0, 1)


def test_two_ways_by_hand():
    """The standard error of a two-way layout, against the components that made it."""
    rng = np.random.default_rng(0)
    seeds, queries, runs = 4, 60, 2000
    means, variances = [], []
    for _ in range(runs):
        d = rng.normal(0, 0.1, queries) + rng.normal(0, 0.02, (seeds, 1)) + rng.normal(0, 0.1, (seeds, queries))
        rest = d - d.mean(axis=0) - d.mean(axis=1)[:, None] + d.mean()
        of_queries, of_seeds = (d.mean(axis=axis).var(ddof=1) / d.shape[1 - axis] for axis in (0, 1))
        of_both = (rest**2).sum() / (59 * 3 * 60 * 4)
        means.append(d.mean())
        variances.append(of_queries + of_seeds - of_both)
    assert np.mean(variances) == pytest.approx(0.01 / 60 + 0.0004 / 4 + 0.01 / 240, rel=0.05)
    assert np.var(means) == pytest.approx(np.mean(variances), rel=0.1)
    parts = (of_queries**2 / 59, of_seeds**2 / 3, of_both**2 / 177)
    degrees = variances[-1] ** 2 / sum(parts)
    expected = 2 * stats.t.sf(abs(means[-1]) / math.sqrt(variances[-1]), degrees)
    assert paired_difference(d).p == pytest.approx(expected, rel=0.01)


def test_the_interval_agrees_with_a_bootstrap_written_out():
    rng = np.random.default_rng(3)
    d = rng.normal(0.03, 0.1, 200) + rng.normal(0, 0.01, (5, 1)) + rng.normal(0, 0.05, (5, 200))
    centre = d.mean(axis=0)
    means = []
    for _ in range(4000):
        columns = rng.integers(200, size=200)
        means.append(
            np.mean([(centre + math.sqrt(5 / 4) * (d[i] - centre))[columns] for i in rng.integers(5, size=5)])
        )
    expected = np.quantile(means, [0.025, 0.975])
    found = np.array(difference_interval(d, 1))
    wider = np.ptp(found) / np.ptp(expected)
    assert 1 < wider < stats.t.ppf(0.975, 4) / 1.96
    assert found == pytest.approx(d.mean() + wider * (expected - d.mean()), abs=np.ptp(expected) / 15)


def test_a_shift_is_found():
    differences = np.random.default_rng(0).normal(0.05, 0.1, (3, 400))
    assert paired_difference(differences).p < 1e-6
    assert difference_interval(differences, 1)[0] > 0


@pytest.mark.parametrize(
    ("seeds", "queries", "of_seeds", "most_wrong"),
    [(1, 100, 0.0, 0.09), (1, 10, 0.0, 0.11), (3, 100, 0.005, 0.09), (4, 400, 0.02, 0.12)],
)
def test_intervals_cover_the_true_difference(seeds, queries, of_seeds, most_wrong):
    rng = np.random.default_rng(1)
    covered = significant = 0
    for _ in range(200):
        noise = rng.normal(0, 0.1, (1, queries)) + rng.normal(0, 0.05, (seeds, queries))
        noise += rng.normal(0, of_seeds, (seeds, 1))
        low, high = difference_interval(noise, math.inf)
        covered += low <= 0 <= high
        significant += paired_difference(noise).p < 0.05
    assert covered >= (1 - most_wrong) * 200
    assert significant <= most_wrong * 200


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_never_lowers_p(p):
    corrected = holm(p)
    assert all(before <= after <= 1 for before, after in zip(p, corrected, strict=True))
    assert [corrected[place] for place in np.argsort(p, kind="stable")] == sorted(corrected)
