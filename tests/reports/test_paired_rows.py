"""Which stored configuration a selector means."""

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.reports.paired_rows import chosen


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
