"""Columns of re-ranking and codings of queries in tables."""

import pytest

from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.formatting import query_coding_text
from vq_benchmark.reports.panel import can_be_drawn
from vq_benchmark.reports.reranking import depth_note, depth_text
from vq_benchmark.reports.tables import results_text

SHOWN = {"rerank_target": 0.95, "rerank_limit": 200, "recall_10_at_50": 0.9123, "recall_10_at_50_ci": [0.9, 0.92]}


def summary_of(*runs):
    (comparison,) = comparisons(runs)
    (summary,) = comparison.summaries
    return summary


def test_the_depth_or_that_all_candidates_are_too_few(make_run):
    reached = make_run("pq", 1, extra={**SHOWN, "rerank_depth": 35})
    other_seed = make_run("pq", 1, seed=1, extra={**SHOWN, "rerank_depth": 36})
    missed = make_run("pq", 1, seed=2, extra=SHOWN)
    assert depth_text(summary_of(reached)) == "35"
    assert depth_text(summary_of(reached, other_seed)) == "36"
    assert depth_text(summary_of(reached, other_seed, missed)) == ">200"
    assert depth_text(summary_of(make_run("pq", 1))) is None


def test_a_figure_omits_and_counts_what_needs_more_candidates_than_are_kept(make_run):
    reached = make_run("pq", 1, extra={**SHOWN, "rerank_depth": 35})
    partly = [make_run("sq", 2, extra={**SHOWN, "rerank_depth": 40}), make_run("sq", 2, seed=1, extra=SHOWN)]
    (comparison,) = comparisons([reached])
    assert depth_note(comparison) == ""
    assert can_be_drawn(comparison, "bits_per_dim", "rerank_depth")
    (comparison,) = comparisons(partly)
    assert depth_note(comparison).endswith("than are kept: 1")
    assert not can_be_drawn(comparison, "bits_per_dim", "rerank_depth")


def test_a_table_shows_and_explains_reranking_only_where_it_was_measured(make_run):
    text = results_text([make_run("pq", 1, extra=SHOWN), make_run("sq", 4)], width=200)
    (row,) = (line for line in text.splitlines() if line.startswith("pq"))
    assert "0.912±.010 >200" in " ".join(row.split())
    said = " ".join(text.split())
    assert "10@r: share of the true top 10 among the first r candidates" in said
    assert "depth: the smallest r with 10@r of at least 0.95" in said
    assert "reranked" not in said
    assert "depth" not in results_text([make_run("pq", 1)], width=200)


def test_the_code_of_the_second_stage_is_named(make_run):
    run = make_run(
        "pq", 1, extra={**SHOWN, "recall_10_at_50_reranked": 0.9, "recall_10_at_50_reranked_ci": [0.89, 0.91]},
        environment={"rerank": "int8"},
    )  # fmt: skip
    text = " ".join(results_text([run], width=200).split())
    assert "reranked: recall@10 of the first r candidates by their int8 scores" in text
    assert "0.900±.010" in text


def test_codings_of_queries_are_rows_of_their_own(make_run):
    runs = [make_run("pq", 1, query_bits=bits) for bits in ("float", "4", "symmetric")]
    (comparison,) = comparisons([*runs, make_run("pq", 1, query_bits="4", created_at="2026-01-01T00:00:00+00:00")])
    assert sorted(summary.query_bits for summary in comparison.summaries) == ["4", "float", "symmetric"]
    assert comparison.superseded == 1
    text = results_text(runs, width=200)
    assert "bits=1 queries: 4 bits" in text
    assert "bits=1 queries: symmetric" in text


def test_the_control_has_float_queries(make_run):
    runs = [make_run("none", 32.0, query_bits=bits) for bits in ("4", "float")]
    (comparison,) = comparisons(runs)
    assert comparison.control is not None
    assert comparison.control.query_bits == "float"
    assert [summary.is_control for summary in comparison.summaries].count(True) == 1


@pytest.mark.parametrize(
    ("bits", "text"),
    [("float", ""), ("8", "queries: 8 bits"), ("1", "queries: 1 bit"), ("symmetric", "queries: symmetric")],
)
def test_how_a_coding_is_written(bits, text):
    assert query_coding_text(bits) == text
