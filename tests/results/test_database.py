"""The results database: rows come back as they went in, and files that are not ours stay as they are."""

import dataclasses
import json
import sqlite3
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.results.database import ADDED_COLUMNS, SCHEMA_VERSION, Database, Run, write_database
from vq_benchmark.results.merging import unite


def a_run(run_id: str = "r1", **changes: Any) -> Run:
    values: dict[str, Any] = {
        "run_id": run_id, "whole_run_id": "w1", "sweep_id": "s1", "status": "done", "dataset": "sample",
        "dataset_fingerprint": "f" * 32, "n": 8_841_823, "d": 384, "metric": "cosine", "method": "pq",
        "config": {"m": 96, "nbits": 8}, "seed": 0, "chunk_start": 0, "chunk_stop": 8_841_823,
        "metrics": {"mse": 0.1 + 0.2, "mse_ci": [0.25, 1e-300], "recall_at_10": 1 / 3, "note": "é'\"\n"},
        "environment": {"host": "node3", "threads": 2, "git_commit": None},
        "created_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return Run(**{**values, **changes})


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "new folder" / "runs.db")


def test_rows_come_back_as_they_went_in(database: Database) -> None:
    runs = [
        a_run("done"),
        a_run("failed", status="failed", error='ValueError: it\'s "bad"', metrics={}),
        a_run("partial", status="partial", accumulators=bytes(range(256)) * 10, metrics={}),
    ]
    for run in runs:
        database.put(run)
    assert sorted(database.runs(), key=lambda run: run.run_id) == runs
    assert database.get("failed") == runs[1]
    assert database.get("'; DROP TABLE runs; --") is None
    assert [run.run_id for run in database.runs("status = ? AND n > ?", ("partial", 5))] == ["partial"]
    assert Database(database.path).get("partial") == runs[2]


def test_rows_are_listed_oldest_first(database: Database) -> None:
    times = {"b": "2026-01-02T00:00:00+00:00", "a": "2026-01-03T00:00:00+00:00", "c": "2026-01-01T00:00:00+00:00"}
    database.put_all(a_run(name, created_at=time) for name, time in times.items())
    assert [run.run_id for run in database.runs()] == ["c", "b", "a"]


def test_the_same_id_is_one_row(database: Database) -> None:
    database.put(a_run(status="failed", error="killed", metrics={}))
    database.put(a_run())
    database.put(a_run())
    assert list(database.runs()) == [a_run()]


def test_spent_rows_lose_their_accumulators_in_the_same_transaction(database: Database) -> None:
    chunks = [a_run(f"c{i}", status="partial", accumulators=b"x") for i in range(3)]
    database.put_all(chunks)
    database.put_all([a_run("whole")], spent=["c0", "c2", "no such row"])
    kept = {run.run_id: run.accumulators for run in database.runs("status = 'partial'")}
    assert kept == {"c0": None, "c1": b"x", "c2": None}

    def failing():
        yield a_run("new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.put_all(failing(), spent=["c1"])
    assert database.get("new") is None
    assert database.get("c1").accumulators == b"x"


def test_numbers_that_are_none_are_not_stored(database: Database) -> None:
    """SQLite cannot read them back from JSON, so that one would hide every row of the view."""
    database.put(a_run("good"))
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            database.put(a_run("bad", metrics={"mse": bad}))
    assert [run.run_id for run in database.runs()] == ["good"]


STATED = ["run_id", "timestamp", "sweep_id", "dataset", "method", "config", "seed"]
METRICS = [
    "bits_per_dim",
    "compression_ratio",
    "mse",
    "relative_error",
    "recall_at_1",
    "recall_at_10",
    "recall_at_100",
    "rank_distortion",
    "pairwise_distortion",
    "encode_vectors_per_second",
    "fit_seconds",
    "queries_per_second",
    "peak_memory_bytes",
    "total_bits_per_dim",
    "code_bytes",
    "model_bytes",
    "model_bits_per_dim",
    "total_compression_ratio",
    "recall_10_at_20",
    "recall_10_at_50",
    "recall_10_at_100",
    "rerank_depth",
]
OF_ROW = ["n", "d", "distance", "budget", "query_bits", "total_bytes_per_vector"]
WITH_INTERVAL = [name for name in METRICS if record_of(name).interval]
VIEW = [*STATED, *METRICS, *OF_ROW, *(f"{name}_{end}" for name in WITH_INTERVAL for end in ("low", "high"))]


def test_the_view_has_the_columns_of_the_design_and_finished_rows_only(database: Database) -> None:
    metrics = {name: number + 0.5 for number, name in enumerate(METRICS)}
    ends = {f"{name}_ci": [-number, number] for number, name in enumerate(WITH_INTERVAL)}
    database.put(a_run("done", metrics=metrics | ends, budget=2.0, query_bits="4"))
    database.put(a_run("bare", metrics={}, created_at="2027-01-01T00:00:00+00:00"))
    database.put(a_run("failed", status="failed"))
    database.put(a_run("partial", status="partial"))
    with sqlite3.connect(database.path) as connection:
        cursor = connection.execute("SELECT * FROM benchmark_runs ORDER BY timestamp")
        assert [column[0] for column in cursor.description] == VIEW
        done, bare = (dict(zip(VIEW, row, strict=True)) for row in cursor.fetchall())
    connection.close()
    assert [done[name] for name in STATED] == [
        "done", "2026-01-01T00:00:00+00:00", "s1", "sample", "pq", '{"m": 96, "nbits": 8}', 0,
    ]  # fmt: skip
    assert {name: done[name] for name in metrics} == metrics
    assert {f"{name}_ci": [done[f"{name}_low"], done[f"{name}_high"]] for name in WITH_INTERVAL} == ends
    of_row = [8_841_823, 384, "cosine", 2.0, "4", metrics["total_bits_per_dim"] * 48]
    assert [done[name] for name in OF_ROW] == of_row
    assert {name for name in VIEW if bare[name] is not None} == {*STATED, "n", "d", "distance", "query_bits"}


def test_a_view_of_an_earlier_release_is_made_again_when_a_row_is_stored(database: Database) -> None:
    database.put(a_run())
    with sqlite3.connect(database.path) as connection:
        connection.execute("DROP VIEW benchmark_runs")
        connection.execute("CREATE VIEW benchmark_runs AS SELECT run_id FROM runs")
    connection.close()
    before = database.path.read_bytes()
    assert list(database.runs()) == [a_run()]
    assert database.path.read_bytes() == before
    database.put(a_run("r2"))
    with sqlite3.connect(database.path) as connection:
        assert [row[1] for row in connection.execute("PRAGMA table_info(benchmark_runs)")] == VIEW
    connection.close()


def test_the_table_has_the_columns_of_the_design(database: Database) -> None:
    database.put(a_run())
    with sqlite3.connect(database.path) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(runs)")}
        journal = connection.execute("PRAGMA journal_mode").fetchone()
    wanted = """run_id sweep_id created_at status error dataset dataset_fingerprint n d metric method config seed
        chunk_start chunk_stop metrics environment accumulators"""
    assert set(wanted.split()) <= columns
    assert columns == {field.name for field in dataclasses.fields(Run)}
    assert journal == ("delete",)
    assert list(database.path.parent.iterdir()) == [database.path]


def test_reading_makes_no_file(tmp_path: Path) -> None:
    database = Database(tmp_path / "absent" / "runs.db")
    assert database.get("r1") is None
    assert list(database.runs()) == []
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    database = Database(tmp_path / "empty.db")
    database.path.touch()
    assert list(database.runs()) == []
    database.put(a_run())
    assert database.get("r1") == a_run()


def as_schema_1(path: Path) -> None:
    """Take away what files of schema 1 did not have."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP VIEW benchmark_runs")
        for name in ADDED_COLUMNS:
            connection.execute(f"ALTER TABLE runs DROP COLUMN {name}")
        connection.execute("CREATE VIEW benchmark_runs AS SELECT run_id FROM runs")
        connection.execute("PRAGMA user_version = 1")
    connection.close()


def test_a_file_of_schema_1_is_read_as_it_is_and_upgraded_on_writing(tmp_path: Path) -> None:
    database, other = Database(tmp_path / "old.db"), Database(tmp_path / "new.db")
    database.put(a_run())
    as_schema_1(database.path)
    before = database.path.read_bytes()
    assert database.get("r1") == a_run()
    assert database.path.read_bytes() == before
    assert unite(other, [database.path], lambda mine, theirs: []).added == 1
    assert other.get("r1") == a_run()
    later = dataclasses.replace(a_run(), run_id="r2", query_bits="4", budget=1.5, per_query=b"values")
    database.put(later)
    assert [database.get("r1"), database.get("r2")] == [a_run(), later]
    with sqlite3.connect(database.path) as connection:
        cursor = connection.execute("SELECT * FROM benchmark_runs")
        assert [column[0] for column in cursor.description] == VIEW
    connection.close()


def foreign(path: Path, journal: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("CREATE TABLE runs (something TEXT)")
        connection.execute("INSERT INTO runs VALUES ('precious')")
    connection.close()


def newer(path: Path) -> None:
    Database(path).put(a_run())
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()


UNUSABLE = {
    "foreign": lambda path: foreign(path, "DELETE"),
    "foreign with a write-ahead log": lambda path: foreign(path, "WAL"),
    "newer": newer,
    "text": lambda path: path.write_text("run_id,mse\n" * 500),
    "short": lambda path: path.write_bytes(b"x" * 50),
    "cut": lambda path: (Database(path).put(a_run()), path.write_bytes(path.read_bytes()[:5000])),
    "header only": lambda path: (Database(path).put(a_run()), path.write_bytes(path.read_bytes()[:100])),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_files_that_cannot_be_used_are_refused_and_untouched(what: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    UNUSABLE[what](path)
    before = path.read_bytes()
    for use in (lambda: Database(path).put(a_run()), lambda: Database(path).get("r1")):
        with pytest.raises(InputError, match=r"runs\.db") as refusal:
            use()
        assert str(refusal.value).endswith(".")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_places_where_no_file_can_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "runs.db", tmp_path / "file" / "below" / "runs.db"):
        with pytest.raises(InputError, match=tmp_path.name):
            Database(path).put(a_run())


WRITER = """
import json, sys
from pathlib import Path
from vq_benchmark.results.database import Database, Run
name, path, row = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
for number in range(20):
    Database(path).put(Run(**{**row, "run_id": f"{name}{number}"}))
"""


def test_two_processes_write_in_turn(database: Database) -> None:
    row = json.dumps({name: value for name, value in vars(a_run()).items() if value is not None})
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name, str(database.path), row], stderr=subprocess.PIPE)
        for name in "ab"
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=100)
        assert writer.returncode == 0, errors
    assert {run.run_id for run in database.runs()} == {f"{name}{number}" for name in "ab" for number in range(20)}


def test_a_file_that_cannot_be_written_is_found_out_before_the_work(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    with pytest.raises(InputError, match=r"cannot create .*file' is not a folder"):
        Database(taken / "runs.db").check_writable()
    new = Database(tmp_path / "on the way" / "runs.db")
    new.check_writable()
    assert not new.path.parent.exists()
    new.put(a_run())
    before = new.path.read_bytes()
    new.check_writable()
    assert new.path.read_bytes() == before


def test_rows_may_be_stored_while_others_are_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vq_benchmark.results.database.BUSY_SECONDS", 0)
    monkeypatch.setattr("vq_benchmark.results.database.PAGE_ROWS", 2)
    database.put_all(a_run(f"r{i}", accumulators=bytes(i)) for i in range(5))
    seen = []
    for run in database.runs("status = 'done'"):
        database.put(a_run(f"new after {run.run_id}"))
        seen.append((run.run_id, len(run.accumulators)))
    assert seen == [(f"r{i}", i) for i in range(5)]
    assert database.counts() == {"done": 10}


def test_few_accumulators_are_in_memory_at_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vq_benchmark.results.database.PAGE_BYTES", 3_000_000)
    for i in range(20):
        database.put(a_run(f"r{i:02}", accumulators=bytes(1_000_000)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in database.runs()) == 20
        with_them = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert [run.accumulators for run in database.runs(with_accumulators=False)] == [None] * 20
        without = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert with_them < 8_000_000
    assert without < 1_000_000


def test_a_new_database_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "made" / "task 7.db"
    write_database(path, [a_run("a"), a_run("b")])
    assert [run.run_id for run in Database(path).runs()] == ["a", "b"]
    write_database(path, [a_run("c", accumulators=b"x")])
    assert list(Database(path).runs()) == [a_run("c", accumulators=b"x")]
    before = path.read_bytes()

    def failing():
        yield a_run("d")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_database(path, failing())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    Database(path).put(a_run("e"))
    assert Database(path).counts() == {"done": 2}


def test_a_locked_database_is_one_sentence_with_the_way_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vq_benchmark.results.database.BUSY_SECONDS", 0.1)
    database.put(a_run())
    with sqlite3.connect(database.path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match=r"is still locked after .* `cp` it to a new name and `mv`"):
            database.put(a_run("r2"))
        other.execute("COMMIT")
    other.close()
    database.put(a_run("r2"))


def test_a_write_that_was_cut_off_is_undone(database: Database) -> None:
    database.put(a_run(metrics={"text": "x" * 100_000}))
    script = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 5")
connection.execute("UPDATE runs SET metrics = replace(metrics, 'x', 'yy')")
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script, database.path], check=False)
    assert len(list(database.path.parent.iterdir())) == 2
    assert database.get("r1") == a_run(metrics={"text": "x" * 100_000})
    assert list(database.path.parent.iterdir()) == [database.path]


def test_a_full_disk_harms_no_row(small_disk) -> None:
    """At every amount of space that is left: the row is stored whole, or refused and the earlier rows are there."""
    database = Database(small_disk.path / "runs.db")
    refused = 0
    large = {"status": "partial", "accumulators": bytes(120_000)}
    database.put(a_run("first"))
    for leaving in range(0, 300_000, 20_000):
        small_disk.fill(leaving)
        before = list(database.runs())
        new = a_run(f"with {leaving}", **large)
        try:
            database.put(new)
        except InputError as error:
            assert "runs.db' cannot be written: no space left on the disk; the rows already in it are" in str(error)
            assert list(database.runs()) == before
            refused += 1
        small_disk.free()
        database.put(new)
        assert database.get(new.run_id) == new
        database.put_all([], spent=[new.run_id])
        small_disk.fill()
        database.shrink()
        small_disk.free()
        database.shrink()
        assert database.path.stat().st_size < 100_000
    assert 2 <= refused <= 13
    assert database.counts() == {"done": 1, "partial": 15}


@pytest.mark.parametrize("leaving", [0, 4096, 100_000])
def test_a_new_database_on_a_full_disk(small_disk, leaving: int) -> None:
    path = small_disk.path / "task.db"
    run = a_run(accumulators=bytes(200_000))
    write_database(path, [a_run("earlier")])
    small_disk.fill(leaving)
    with pytest.raises(InputError, match=r"task\.db' cannot be written: [Nn]o space left on"):
        write_database(path, [run])
    assert list(Database(path).runs()) == [a_run("earlier")]
    small_disk.free()
    write_database(path, [run])
    assert list(Database(path).runs()) == [run]
    assert list(small_disk.path.iterdir()) == [path]
