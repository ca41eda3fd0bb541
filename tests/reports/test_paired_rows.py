"""Which stored configuration a selector means."""

from dataclasses import replace

import numpy as np
import pytest

from vq_benchmark.api.findings import difference_of
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.per_query import PerQuery
from vq_benchmark.reports.formatting import queries_text
from vq_benchmark.reports.paired_rows import chosen, compared


def test_an_empty_selector_means_nothing(make_run) -> None:
    with pytest.raises(InputError, match="'' is neither a method nor the start of a run_id; methods: pq, sq"):
        chosen("", [make_run("pq", 2.0), make_run("sq", 4.0)])


@pytest.fixture
def rows(make_run):
    """A method by itself, and beside it two settings of engines that use it."""
    return [
        make_run("binary", 1.0, config={}, engine=engine, query_bits=query_bits)
        for engine, query_bits in (("", "float"), ("pgvector:bit", "symmetric"), ("qdrant:binary", "symmetric"))
    ]


def test_a_method_means_its_own_rows_and_not_those_of_engines(rows) -> None:
    for selector in ("binary", "binary:query_bits=float"):
        assert chosen(selector, rows).runs == (rows[0],)
    with pytest.raises(InputError, match="no finished row with 'query_bits=symmetric'"):
        chosen("binary:query_bits=symmetric", rows)


def test_a_setting_of_an_engine_is_selected_by_name_or_run_id(rows) -> None:
    for row in rows[1:]:
        assert chosen(row.engine, rows).runs == (row,)
        assert chosen(row.run_id[:12], rows).runs == (row,)
    with pytest.raises(InputError, match=r"'binary' is neither .* methods: pgvector:bit, qdrant:binary"):
        chosen("binary", rows[1:])


def test_a_setting_of_an_engine_that_failed_is_named_as_such(make_run) -> None:
    failed = make_run("binary", 1.0, config={}, engine="pgvector:bit", status="failed", error="out of memory")
    with pytest.raises(InputError, match=r"'pgvector:bit' has no finished row; row .* failed: out of memory"):
        chosen("pgvector:bit", [failed])
    with pytest.raises(InputError, match="'binary' is neither"):
        chosen("binary", [failed])


def with_values(run, **kept):
    return replace(run, per_query=PerQuery("q", 10, {name: np.array(each) for name, each in kept.items()}).to_bytes())


def test_equal_losses_differ_by_at_most_one_because_their_exact_value_is_the_same(make_run):
    exact, found = [1.0] * 20, [0.5] * 20
    rows = [
        with_values(make_run(method, 2.0), mrr_at_10=found, mrr_at_10_exact=exact, recall_at_10=found)
        for method in ("pq", "sq")
    ]
    pair = chosen("pq", rows), chosen("sq", rows)
    (loss,), (recall,) = (compared([pair], metric) for metric in ("mrr_at_10_loss", "recall_at_10"))
    assert loss.interval == recall.interval
    assert loss.interval is not None
    assert loss.interval[1] < 1


def test_one_query_is_one_query(make_run):
    rows = [with_values(make_run(method, 2.0, extra={"queries": 1}), recall_at_10=[0.5]) for method in ("pq", "sq")]
    (found,) = compared([(chosen("pq", rows), chosen("sq", rows))], "recall_at_10")
    assert "1 query, 1 seed" in repr(difference_of(found, "recall_at_10"))
    assert queries_text(rows) == "1 query"
