import math

import pytest
import scipy.stats

from vq_benchmark.reports.comparison import comparisons, metric_names


def test_data_sets_metrics_and_fingerprints_are_never_joined(make_run):
    runs = [
        make_run("pq", 2.0),
        make_run("pq", 2.0, dataset="other"),
        make_run("pq", 2.0, dataset_fingerprint="0"),
        make_run("pq", 2.0, metric="l2"),
    ]
    found = comparisons(runs)
    assert [(each.dataset, each.fingerprint, each.metric) for each in found] == sorted(
        (run.dataset, run.dataset_fingerprint, run.metric) for run in runs
    )
    assert all(len(each.runs) == 1 for each in found)


def runs_of(make_run, values, name="recall_at_10"):
    extra = [{name: value, f"{name}_ci": [value - 0.01, value + 0.02]} for value in values]
    return [make_run("pq", 2.0, seed=seed, extra=each) for seed, each in enumerate(extra)]


def test_two_seeds_become_one_mean_with_the_envelope_of_their_intervals(make_run):
    (summary,) = comparisons(runs_of(make_run, [0.5, 0.7]))[0].summaries
    assert summary.value("recall_at_10") == pytest.approx(0.6)
    assert summary.interval("recall_at_10") == pytest.approx((0.49, 0.72))


def test_three_seeds_become_one_mean_with_an_interval_that_includes_training(make_run):
    runs = runs_of(make_run, [0.5, 0.6, 0.7])
    (summary,) = comparisons(runs)[0].summaries
    assert summary.value("recall_at_10") == pytest.approx(0.6)
    training = scipy.stats.t.ppf(0.975, 2) * 0.1 / 3**0.5
    expected = 0.6 - math.hypot(0.01, training), 0.6 + math.hypot(0.02, training)
    assert summary.interval("recall_at_10") == pytest.approx(expected)
    rates = [run.metrics["encode_vectors_per_second"] for run in runs]
    assert summary.interval("encode_vectors_per_second") == (min(rates), max(rates))


def test_a_share_of_three_seeds_stays_a_share(make_run):
    (summary,) = comparisons(runs_of(make_run, [0.9, 0.95, 0.98]))[0].summaries
    assert summary.interval("recall_at_10")[1] == 1


def test_three_seeds_of_which_one_has_no_interval_have_an_envelope(make_run):
    runs = runs_of(make_run, [0.5, 0.6, 0.7])
    del runs[1].metrics["recall_at_10_ci"]
    (summary,) = comparisons(runs)[0].summaries
    assert summary.interval("recall_at_10") == pytest.approx((0.49, 0.72))


def test_a_loss_of_one_query_is_not_significant(make_run):
    (summary,) = comparisons([make_run("pq", 2.0, extra={"mrr_at_10_loss": 0.5})])[0].summaries
    assert summary.interval("mrr_at_10_loss") == (0.5, 0.5)
    assert not summary.differs_from_zero("mrr_at_10_loss")


def test_configurations_are_apart_and_the_newest_row_of_a_seed_counts(make_run):
    old = make_run("pq", 2.0, created_at="2025-01-01", extra={"recall_at_10": 0.1})
    new = make_run("pq", 2.0, created_at="2025-02-01", extra={"recall_at_10": 0.2})
    other = make_run("pq", 2.0, config={"bits": 2.0, "m": 3}, created_at="2025-01-01")
    (found,) = comparisons([new, old, other])
    assert found.superseded == 1
    assert sorted(len(summary.runs) for summary in found.summaries) == [1, 1]
    assert 0.2 in [summary.value("recall_at_10") for summary in found.summaries]
    assert 0.1 not in [summary.value("recall_at_10") for summary in found.summaries]


def test_only_finished_rows_and_finite_numbers_count(make_run):
    runs = [
        make_run("pq", 2.0, extra={"mse": math.nan, "snr_db": None, "flag": True}),
        make_run("sq", 4.0, status="failed", extra={"only_failed": 1.0}),
        make_run("sq", 8.0, status="partial"),
    ]
    (found,) = comparisons(runs)
    assert [summary.method for summary in found.summaries] == ["pq"]
    assert found.summaries[0].value("mse") is None
    assert found.summaries[0].interval("mse") is None
    names = metric_names(runs)
    assert "recall_at_10" in names
    assert not {"mse", "snr_db", "flag", "only_failed", "recall_at_10_ci"} & set(names)


def test_order_is_bits_then_recall(make_sweep):
    summaries = comparisons(make_sweep())[0].summaries
    places = [(summary.bits, -summary.value("recall_at_10")) for summary in summaries]
    assert places == sorted(places)
    assert summaries[-1].is_control


def test_a_row_above_its_budget_says_so_but_the_control_does_not(make_run):
    rows = [
        make_run("rabitq", 1.125, budget=1.0),
        make_run("rabitq", 2.125, budget=2.2),
        make_run("eden", 8 * 50 / 384, budget=1.0416666666),
        make_run("sq", 4.0),
        make_run("none", 32, budget=1.0),
    ]
    (comparison,) = comparisons(rows)
    over = {(each.method, each.bits): each.is_over_budget for each in comparison.summaries}
    assert [key for key, value in over.items() if value] == [("rabitq", 1.125)]
    assert comparison.has_over_budget
    assert comparison.budgets == [1, 1.0416666666, 2.2]


def test_of_several_seeds_the_smallest_budget_counts(make_run):
    rows = [make_run("rabitq", 1.125, seed=seed, budget=budget) for seed, budget in ((0, 1.2), (1, 1.0), (2, None))]
    (summary,) = comparisons(rows)[0].summaries
    assert (summary.budget, summary.is_over_budget) == (1, True)
    assert summary.exceeds(1.124)
    assert not summary.exceeds(1.125)
