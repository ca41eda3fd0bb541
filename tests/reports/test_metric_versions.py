"""Rows of another metric set are named wherever they are shown, with what they lack and what to do."""

import pytest

from vq_benchmark.evaluation.metric_set import CHANGES, ENVIRONMENT_KEY, VERSION
from vq_benchmark.reports.metric_versions import REMEDY, other_versions, other_versions_text
from vq_benchmark.reports.tables import results_text
from vq_benchmark.results.database import Run


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def old(make_run) -> Run:
    """A row from before there were versions, without one of the metrics."""
    run = make_run("pq", 2.0, config={"m": 96}, environment={"package_version": "0.1.0"})
    del run.metrics["recall_at_100"]
    return run


def test_rows_of_this_version_are_not_named(make_sweep) -> None:
    assert other_versions(make_sweep()) == {}
    assert other_versions_text(make_sweep(), ["recall_at_10", "ndcg_at_10"]) == ""


def test_an_old_row_is_named_with_what_changed_and_what_it_lacks(make_run, old) -> None:
    text = other_versions_text([make_run("sq", 4.0), old], ["recall_at_10", "recall_at_100"])
    changes = ", ".join(CHANGES[version] for version in range(2, VERSION + 1))
    assert text == (
        f"1 row from the older metric set 1 (pq m=96), changed since: {changes}, "
        f"recall_at_100 is missing for pq m=96, {REMEDY}"
    )


def test_a_table_names_old_rows(make_run, old) -> None:
    text = flat(results_text([make_run("sq", 4.0), old]))
    assert "1 row from the older metric set 1 (pq m=96)" in text
    assert "recall_at_100 is missing for pq m=96" in text
    assert REMEDY in text
    assert "metric set" not in flat(results_text([make_run("sq", 4.0)]))


def test_an_old_row_that_was_measured_again_is_left_out(make_run, old) -> None:
    again = make_run("pq", 2.0, config={"m": 96}, created_at="2026-01-01T00:00:00+00:00")
    text = flat(results_text([old, again]))
    assert "older rows omitted: 1" in text
    assert "metric set" not in text


def test_many_old_rows_stay_readable_and_newer_ones_are_told_apart(make_run) -> None:
    rows = [make_run("pq", 2.0, config={"m": m}, environment={}) for m in range(1, 9)]
    newer = make_run("sq", 4.0, environment={ENVIRONMENT_KEY: VERSION + 1})
    older_text, newer_text = other_versions_text([*rows, newer], []).split("; ")
    assert "8 rows from the older metric set 1 (pq m=1, pq m=2, pq m=3, pq m=4, pq m=5 and 3 more)" in older_text
    assert newer_text == (
        f"1 row from the newer metric set {VERSION + 1}, but this version supports {VERSION}: sq bits=4.0"
    )


def test_failed_rows_have_no_metrics_to_be_old(make_run) -> None:
    assert other_versions([make_run("pq", 2.0, status="failed", environment={})]) == {}
