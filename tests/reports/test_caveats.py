"""Notes on seeds, few queries, and vectors that were trained on, in tables and figures."""

import pytest

from vq_benchmark.reports.caveats import caveats, few_queries_text, interval_text, trained_rows_text
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.tables import results_text


def compared(runs):
    (comparison,) = comparisons(runs)
    return comparison


def flat(text):
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([1, 1], ", without the randomness of training (3 or more --seeds include it)"),
        ([2, 1], " over all seeds: the range of their intervals (3 seeds show the randomness of training)"),
        ([3, 4], " over all seeds, with the randomness of training"),
        ([1, 3], " over all seeds, with the randomness of training in rows of 3 or more seeds"),
    ],
)
def test_the_note_on_intervals_depends_on_the_seeds_of_the_methods(make_run, counts, text):
    runs = [
        make_run("pq", bits, seed=seed)
        for bits, count in zip((2.0, 4.0), counts, strict=True)
        for seed in range(count)
    ]
    control = make_run("none", 32.0)
    assert interval_text(compared([*runs, control])) == text
    assert f"±: half-width of the 95 % interval{text};" in flat(results_text([*runs, control]))


def test_the_control_alone(make_run):
    assert "without the randomness of training" in interval_text(compared([make_run("none", 32.0)]))


def with_recalls(make_run, recalls, half, queries, **changes):
    return [
        make_run(
            "pq",
            bits,
            extra={"recall_at_10": recall, "recall_at_10_ci": [recall - half, recall + half], "queries": queries},
            **changes,
        )
        for bits, recall in zip((1.0, 2.0, 4.0, 8.0), recalls, strict=False)
    ]


def test_few_queries_that_hide_the_differences_are_named(make_run):
    close, apart = [0.80, 0.81, 0.82, 0.95], [0.3, 0.5, 0.7, 0.9]
    text = "too few queries: the intervals of 99 are wider than most differences between rows; use more"
    assert few_queries_text(compared(with_recalls(make_run, close, 0.03, 99)), "queries") == text
    assert text in flat(results_text(with_recalls(make_run, close, 0.03, 99)))
    assert few_queries_text(compared(with_recalls(make_run, close, 0.03, 100)), "queries") == ""
    assert few_queries_text(compared(with_recalls(make_run, apart, 0.03, 99)), "queries") == ""
    assert few_queries_text(compared(with_recalls(make_run, close[:1], 0.03, 99)), "queries") == ""


def test_a_single_query_has_no_interval(make_run):
    run = make_run("pq", 1.0, extra={"queries": 1, "recall_at_10": 0.7})
    del run.metrics["recall_at_10_ci"]
    text = flat(results_text([run]))
    assert "too few queries: 1 has no interval" in text
    assert "0.700 " in text


def test_judged_queries_have_their_own_note(make_run):
    judged = [{"mrr_at_10": value, "mrr_at_10_ci": [value - 0.1, value + 0.1]} for value in (0.5, 0.52)]
    runs = [make_run("pq", bits, extra=each | {"judged_queries": 20}) for bits, each in enumerate(judged, 1)]
    assert caveats(compared(runs), ["mrr_at_10"]) == [
        "too few judged queries: the intervals of 20 are wider than most differences between rows; use more"
    ]


def trained(make_run, share, vectors, method="pq"):
    return make_run(method, 2.0, extra={"trained_share": share, "error_vectors": vectors})


def test_errors_of_vectors_that_were_trained_on_are_named(make_run):
    text = "errors include the vectors that were trained on, which makes them too small; lower --train-size"
    everything = trained(make_run, 1.0, 100_000)
    assert trained_rows_text(compared([everything])) == text
    assert text in flat(results_text([everything]))
    assert trained_rows_text(compared([trained(make_run, 0.2, 80_000)])) == ""
    assert trained_rows_text(compared([trained(make_run, 0.0, 100_000)])) == "", "a learn set"
    assert trained_rows_text(compared([make_run("pq", 2.0)])) == "", "unknown"
    assert trained_rows_text(compared([trained(make_run, 1.0, 100_000, "none")])) == "", "it learns nothing"
    assert caveats(compared([everything]), ["recall_at_10"]) == [], "recall is not an error"


def test_a_recall_of_one_has_a_bound_on_one_side(make_run):
    extra = {"recall_at_10": 1.0, "recall_at_10_ci": [0.996, 1.0], "recall_at_1": 0.0, "recall_at_1_ci": [0.0, 0.004]}
    text = results_text([make_run("pq", 2.0, extra=extra)])
    assert "1.000−.004" in text and "0.000+.004" in text
    assert "−, +: width of an interval on one side, where all queries have the same value" in flat(text)
    assert "on one side" not in flat(results_text([make_run("pq", 2.0)]))
