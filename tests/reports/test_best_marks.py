"""The best at each budget and what does not differ from it are marked, and nothing over the budget."""

import time

import numpy as np

from vq_benchmark.evaluation.per_query import PerQuery
from vq_benchmark.reports.best_marks import BEST_MARK, best_rows
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.tables import results_text


def row(make_run, method, bits, mean, budget=1.0, queries=1000, digest="same", **changes):
    rng = np.random.default_rng(len(method))
    found = np.clip(rng.binomial(10, mean, queries) / 10, 0, 1)
    kept = PerQuery(digest, 100, {"recall_at_10": found}).to_bytes()
    extra = {"recall_at_10": float(found.mean())}
    return make_run(method, bits, extra=extra, per_query=kept, budget=budget, **changes)


def marked(runs):
    (comparison,) = comparisons(runs)
    best = best_rows(comparison)
    return {each.method for each in comparison.summaries if each.runs[0].run_id in best}


def test_the_best_and_its_equals_are_marked_and_nothing_over_the_budget(make_run):
    runs = [
        row(make_run, "pq", 1.0, 0.8), row(make_run, "opq", 1.0, 0.801), row(make_run, "sq16", 0.9, 0.5),
        row(make_run, "rabitq", 1.125, 0.95), row(make_run, "none", 0.5, 1.0),
    ]  # fmt: skip
    assert marked(runs) == {"pq", "opq"}
    text = results_text(runs)
    assert f"pq{BEST_MARK}" in text
    assert f"{BEST_MARK}: best Recall@10 within a budget" in " ".join(text.split())


def test_without_budgets_or_values_there_are_no_marks(make_run, make_sweep):
    assert marked([row(make_run, "pq", 1.0, 0.8, budget=None)]) == set()
    assert marked([make_run("pq", 1.0, budget=1.0)]) == set()
    assert marked([row(make_run, "pq", 1.0, 0.8), make_run("opq", 1.0, budget=1.0)]) == set()
    assert BEST_MARK not in results_text(make_sweep())


def test_rows_of_other_queries_are_not_compared_even_where_they_are_as_many(make_run):
    runs = [row(make_run, "pq", 1.0, 0.8), row(make_run, "opq", 1.0, 0.801, digest="other")]
    assert marked(runs) == set()


def seconds_of(work):
    started = time.perf_counter()
    assert work()
    return time.perf_counter() - started


def test_marking_many_rows_takes_little_more_than_reading_their_values(make_run):
    runs = [row(make_run, f"m{place}", 1.0, 0.8, queries=10_000) for place in range(100)]
    (comparison,) = comparisons(runs)
    archives = [run.per_query for run in runs]  # decoded here each time; `stored` keeps what it decoded
    reading = min(seconds_of(lambda: [PerQuery.from_bytes(archive) for archive in archives]) for _ in range(3))
    assert (
        min(seconds_of(lambda: best_rows(comparison)) for _ in range(3)) < 10 * reading
    )  # a bootstrap takes hundreds
