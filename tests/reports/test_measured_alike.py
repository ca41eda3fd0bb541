"""Rows of other vectors, or measured in another way, are not joined, and what tells them apart is said."""

from dataclasses import replace

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.documents.documents import Request
from vq_benchmark.reports.html.page_data import page_data
from vq_benchmark.reports.measured_alike import may_meet
from vq_benchmark.reports.paired_rows import chosen, chosen_alike, compared, label, reason_against
from vq_benchmark.reports.plots import plot_results
from vq_benchmark.reports.series import lines
from vq_benchmark.reports.tables import results_text
from vq_benchmark.studies.cells import OPTIONS_KEY


def measured(run, content=None, **measure):
    """The same row, with options of measurement and the digest of its vectors."""
    facts = {OPTIONS_KEY: {"data": None, "measure": measure}}
    return replace(run, environment=run.environment | facts | ({"content": {"digest": content}} if content else {}))


@pytest.fixture
def mixed(make_run, with_queries):
    """Three seeds trained on 1,000 vectors, and a newer row of one of these seeds, trained on 260."""
    rows = [measured(with_queries(make_run("pq", 2.0, seed=seed)), train_size=1000) for seed in range(3)]
    odd = make_run("pq", 2.0, seed=0, created_at="2026-01-01", extra={"recall_at_10": 0.1})
    return [*rows, measured(with_queries(odd), train_size=260)]


def test_seeds_of_other_settings_are_summaries_of_their_own(mixed):
    (found,) = comparisons(mixed)
    assert [(len(each.runs), each.told_apart) for each in found.summaries] == [
        (3, "train_size=1000"), (1, "train_size=260"),
    ]  # fmt: skip
    assert found.superseded == 0
    text = " ".join(results_text(mixed, width=160).split())
    assert "bits=2.0 train_size=1000" in text
    assert "not all rows were measured alike: train_size=260 or 1000" in text
    assert set(lines(found)) == {"pq train_size=1000", "pq train_size=260"}


def test_switches_of_metrics_and_an_engines_second_stage_are_no_settings(make_run):
    rows = [
        measured(make_run("pq", 2.0), with_rank=False, slow=True, ground_truth_path="/truth"),
        measured(make_run("pq", 2.0, created_at="2026-01-01"), with_qps=True),
        measured(make_run("binary", 1.0, engine="pgvector:bit"), rerank="os=3,from=exact"),
    ]
    (found,) = comparisons(rows)
    assert [each.told_apart for each in found.summaries] == ["", ""]
    assert found.superseded == 1
    assert "alike" not in results_text(rows, width=160)


def test_other_queries_of_the_same_number_are_told_apart_and_unknown_ones_are_not(make_run, with_queries):
    first, second, unknown = (make_run("pq", 2.0, seed=seed) for seed in range(3))
    (found,) = comparisons([with_queries(first, digest="aaaaaaaaaa"), unknown])
    assert len(found.summaries) == 1
    (found,) = comparisons([with_queries(first, digest="aaaaaaaaaa"), with_queries(second, digest="bbbbbbbbbb")])
    assert sorted(each.told_apart for each in found.summaries) == ["query_set=aaaaaaaa", "query_set=bbbbbbbb"]
    damaged = replace(unknown, per_query=b"PK nonsense")
    assert len(comparisons([first, damaged])[0].summaries) == 1


def test_records_state_the_settings(mixed):
    records = Request().records(mixed)
    assert [each["settings"] for each in records] == [
        "queries=1000 query_set=q train_size=1000", "queries=1000 query_set=q train_size=260",
    ]  # fmt: skip


def test_a_configuration_is_compared_as_the_other_one_was_measured(make_run, with_queries, mixed):
    other = measured(with_queries(make_run("sq", 4.0)), train_size=260)
    pair = chosen_alike(["pq", "sq"], [*mixed, other])
    assert [label(each) for each in pair] == ["pq bits=2.0 train_size=260", "sq bits=4.0"]
    (found,) = compared([tuple(chosen_alike(["pq:train_size=1000", "sq"], [*mixed, other]))], "recall_at_10")
    assert found.unlike == "train_size=1000 and 260"
    assert len(chosen("pq", mixed).runs) == 3
    assert chosen("pq:train_size=260", mixed).runs == (mixed[-1],)
    with pytest.raises(InputError, match="no finished row with 'train_size=7'"):
        chosen("pq:train_size=7", mixed)


def test_rows_with_other_queries_do_not_hide_comparable_ones(make_run, with_queries):
    few = measured(with_queries(make_run("pq", 2.0, created_at="2026-01-01"), 40, "few"), train_size=300)
    many = measured(with_queries(make_run("pq", 2.0), 200, "many"), train_size=1000)
    other = measured(with_queries(make_run("sq", 4.0), 200, "many"), train_size=500)
    pair = chosen_alike(["pq", "sq"], [few, many, other])
    assert pair[0].runs == (many,)
    assert reason_against(*pair, "recall_at_10") is None
    (found,) = compared([tuple(pair)], "recall_at_10")
    assert found.unlike == "train_size=1000 and 500"


def test_changed_vectors_never_meet(make_run, with_queries, tmp_path):
    before = measured(with_queries(make_run("pq", 2.0, seed=0)), "1111111111")
    after = measured(with_queries(make_run("pq", 2.0, seed=1)), "2222222222")
    sq = measured(with_queries(make_run("sq", 4.0, seed=1)), "2222222222")
    unstated = with_queries(make_run("eden", 4.0))
    assert may_meet(after, sq)
    assert may_meet(after, unstated)
    assert not may_meet(before, after)
    found = comparisons([before, after, sq])
    assert [each.content for each in found] == ["11111111", "22222222"]
    assert [len(each.summaries) for each in found] == [1, 2]
    assert [each.content for each in comparisons([before, after, unstated])] == ["11111111", "22222222", "unknown"]
    assert comparisons([after, sq, unstated])[0].content == ""
    text = results_text([before, after, sq], width=160)
    assert "cosine, contents 11111111" in text
    assert [each["tab"] for each in page_data([before, after, sq], "x")["datasets"]] == [
        "pypi-minilm-384, cosine, ffffffff, 11111111", "pypi-minilm-384, cosine, ffffffff, 22222222",
    ]  # fmt: skip
    plotted = plot_results([before, after, sq], tmp_path, metrics=["recall_at_10"])
    assert len(set(plotted.paths)) == 2
    with pytest.raises(InputError, match="different contents, 1111111111 and 2222222222"):
        compared([(chosen("pq", [before]), chosen("sq", [sq]))], "recall_at_10")
    assert chosen_alike(["pq", "sq"], [before, after, sq])[0].runs == (after,)
