from dataclasses import replace

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.reports.selection import select_runs
from vq_benchmark.results.database import Database


@pytest.fixture
def database(tmp_path, make_run):
    database = Database(tmp_path / "results.db")
    database.put_all(
        [
            make_run("pq", 2.0),
            make_run("sq", 4.0, sweep_id="sweep-2"),
            make_run("pq", 2.0, dataset="other", sweep_id="sweep-2"),
            make_run("opq", 2.0, status="failed", error="no"),
            make_run("opq", 4.0, status="partial", accumulators=b"x"),
        ]
    )
    return database


def test_filters(database):
    assert sorted((run.method, run.status) for run in select_runs(database)) == [
        ("opq", "failed"), ("pq", "done"), ("pq", "done"), ("sq", "done"),
    ]  # fmt: skip
    assert [run.method for run in select_runs(database, sweep_id="sweep-2", dataset="other")] == ["pq"]
    assert {run.method for run in select_runs(database, methods=["pq", "sq"])} == {"pq", "sq"}


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ({"sweep_id": "nope"}, ["'nope'", "sweep-1, sweep-2"]),
        ({"dataset": "sampel"}, ["'sampel'", "other, pypi-minilm-384"]),
        ({"methods": ["pq", "rq"]}, ["'rq'", "opq, pq, sq"]),
        ({"sweep_id": "sweep-1", "dataset": "other"}, ["'other'", "pypi-minilm-384"]),
    ],
)
def test_a_filter_without_a_match_is_refused_and_says_what_there_is(database, filters, named):
    with pytest.raises(InputError) as refusal:
        select_runs(database, **filters)
    assert all(each in str(refusal.value) for each in named)


def test_no_database_and_no_finished_row(tmp_path, make_run):
    database = Database(tmp_path / "results.db")
    with pytest.raises(InputError, match="no results database"):
        select_runs(database)
    assert not database.path.exists()
    database.put(make_run("pq", 2.0, status="partial"))
    with pytest.raises(InputError, match="merge"):
        select_runs(database)


def test_contents_are_selected_by_the_start_of_their_digest(tmp_path, make_run):
    database = Database(tmp_path / "r.db")
    rows = [
        replace(make_run("pq", 2.0, seed=seed), environment={"content": {"digest": digest}})
        for seed, digest in enumerate(("1111111111", "2222222222"))
    ]
    database.put_all(rows)
    assert [run.seed for run in select_runs(database, dataset="22222222")] == [1]
    assert len(select_runs(database, dataset=rows[0].dataset)) == 2
    with pytest.raises(InputError, match="no results for data set '3'"):
        select_runs(database, dataset="3")
    with pytest.raises(InputError, match="no results for data set ''"):
        select_runs(database, dataset="")
