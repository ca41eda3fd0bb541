"""Uniting databases: every row once, nothing lost, nothing believed that is damaged, and no input changed."""

import os
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.errors import InputError
from vq_benchmark.results.database import Database, Run, write_database
from vq_benchmark.results.merge_inputs import find_databases
from vq_benchmark.results.merging import Union, unite

ODD_NAMES = [
    "it's.db",
    "a;b.db",
    "new\nline.db",
    "what?.db",
    "a#b.db",
    "100%41.db",
    "[x]*.db",
    ":memory:",
    "mode=ro&.db",
]


def a_run(run_id: str = "r1", **changes: Any) -> Run:
    run = Run(
        run_id=run_id, whole_run_id="w1", sweep_id="s1", status="done", dataset="sample", dataset_fingerprint="f",
        n=100, d=8, metric="l2", method="pq", config={"m": 4}, seed=0, chunk_start=0, chunk_stop=100,
        metrics={"mse": 0.25, "fit_seconds": 1.5}, created_at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    return replace(run, **changes)


def no_comparison(mine: bytes, theirs: bytes) -> list[Any]:
    raise AssertionError("equal measurements need no comparison")


def merged(target: Path, *sources: Path, compare: Callable[[bytes, bytes], list[Any]] = no_comparison) -> Union:
    return unite(Database(target), sources, compare)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# What is found


def test_files_folders_and_patterns_are_found_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.db", "logs/1.db", "logs/2.db", "logs/deep/er/3.db", "logs/notes.txt"):
        write_database(tmp_path / name, [a_run()])

    def found(*inputs: str) -> list[str]:
        return [str(path) for path in find_databases(inputs).files]

    assert found("logs") == ["logs/1.db", "logs/2.db", "logs/deep/er/3.db"]
    assert found("logs/*.db") == ["logs/1.db", "logs/2.db"]
    assert found("logs/**/*.db") == ["logs/1.db", "logs/2.db", "logs/deep/er/3.db"]
    assert found("**/[13].db", "a.db", "./logs/1.db", "log?") == [
        "logs/1.db", "logs/deep/er/3.db", "a.db", "logs/2.db",
    ]  # fmt: skip
    assert found(f"{tmp_path}/log*") == [f"{tmp_path}/logs/{name}" for name in ("1.db", "2.db", "deep/er/3.db")]
    assert found("logs/notes.txt") == ["logs/notes.txt"]


def test_what_holds_no_database_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_database(tmp_path / "a.db", [a_run()])
    Path("empty").mkdir()
    found = find_databases(["a.db", "empty", "gone.db", "gone/*.db"])
    assert found.files == [Path("a.db")]
    assert found.skipped == [
        "there is no .db file in the folder 'empty'.",
        "there is no results database or folder 'gone.db'.",
        "no file matches 'gone/*.db'.",
    ]
    with pytest.raises(InputError, match=r"nothing to merge: there is no \.db file in the folder 'empty'\."):
        find_databases(["empty"])


def test_temporaries_in_a_folder_are_named_unless_their_file_is_there(tmp_path: Path) -> None:
    write_database(tmp_path / "a.db", [a_run()])
    (tmp_path / ".a.db.0123abcd-7-7.abcdefgh.tmp").write_bytes(b"half")
    assert find_databases([tmp_path]).skipped == []
    (tmp_path / ".b.db.0123abcd-7-7.abcdefgh.tmp").write_bytes(b"half")
    (tmp_path / ".model.npz.0123abcd-7-7.abcdefgh.tmp").write_bytes(b"no database")
    (sentence,) = find_databases([tmp_path]).skipped
    assert ".b.db.0123abcd-7-7.abcdefgh.tmp' is unfinished: a process is still writing it, or was killed" in sentence


# What is read


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_will_do(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_database(tmp_path / "in" / name, [a_run()])
    inputs = find_databases([f"in/{name}"])
    assert inputs.skipped == []
    for target in (tmp_path / "out" / name, tmp_path / "plain.db"):
        union = merged(target, *inputs.files)
        assert (union.added, union.unreadable) == (1, [])
        assert list(Database(target).runs()) == [a_run()]
        assert [path.name for path in target.parent.iterdir()].count(target.name) == 1
    assert [path.name for path in Path("in").iterdir()] == [name]


def killed_while_writing(path: Path) -> None:
    write_database(path, [a_run(f"r{i}", metrics={"text": "x" * 20_000}) for i in range(5)])
    script = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 5")
connection.execute("UPDATE runs SET metrics = replace(metrics, 'x', 'yy')")
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script, path], check=False)
    assert path.with_name(f"{path.name}-journal").stat().st_size


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE runs (run_id)")
    connection.close()


def edited(path: Path, statement: str) -> None:
    write_database(path, [a_run()])
    with sqlite3.connect(path) as connection:
        connection.executescript(statement)
    connection.close()


def overwritten(path: Path) -> None:
    write_database(path, [a_run(f"r{i}", metrics={"text": "x" * 20_000}) for i in range(20)])
    with path.open("rb+") as file:
        file.seek(8 * 4096)
        file.write(bytes(10 * 4096))


def cut(path: Path, size: int) -> None:
    write_database(path, [a_run()])
    os.truncate(path, size)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "0 bytes": (Path.touch, "is empty: its writer was stopped before it stored a row"),
    "text": (lambda path: path.write_text("run_id,mse\n" * 500), "does not start with the SQLite header"),
    "half a header": (lambda path: cut(path, 60), "does not start with the SQLite header"),
    "a header": (lambda path: cut(path, 100), "not a readable results database"),
    "cut off": (lambda path: cut(path, 5000), "malformed"),
    "zeros inside": (overwritten, "is damaged"),
    "foreign": (foreign, "a database of another application"),
    "newer": (lambda path: edited(path, "PRAGMA user_version = 9"), "its format version is 9"),
    "without a column": (lambda path: edited(path, "DROP VIEW benchmark_runs; ALTER TABLE runs DROP seed"), "seed"),
    "broken JSON": (lambda path: edited(path, "UPDATE runs SET config = '{'"), "its row 'r1' is not readable"),
    "a hot journal": (killed_while_writing, "has an unfinished write"),
    "a pipe": (os.mkfifo, "is not a file"),
    "a dangling link": (lambda path: path.symlink_to("nowhere"), "No such file"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_input_is_named_and_left_as_it_is_and_the_rest_merges(what: str, tmp_path: Path) -> None:
    make, words = BAD[what]
    folder = tmp_path / "in"
    for name in ("1.db", "3.db"):
        write_database(folder / name, [a_run(name)])
    make(folder / "2.db")
    before = contents(folder)
    union = merged(tmp_path / "out.db", *find_databases([folder]).files)
    assert [run.run_id for run in Database(tmp_path / "out.db").runs()] == ["1.db", "3.db"]
    (sentence,) = union.unreadable
    assert "2.db'" in sentence
    assert words in sentence
    assert sentence.endswith(".")
    assert contents(folder) == before


def test_a_temporary_that_is_given_is_named(tmp_path: Path) -> None:
    write_database(tmp_path / ".a.db.0123abcd-7-7.abcdefgh.tmp", [a_run()])
    union = merged(tmp_path / "out.db", tmp_path / ".a.db.0123abcd-7-7.abcdefgh.tmp")
    assert "is unfinished" in union.unreadable[0]
    assert not (tmp_path / "out.db").exists()


def test_a_database_in_write_ahead_mode_is_read_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "in" / "a.db"
    edited(path, "PRAGMA journal_mode = WAL")
    before = contents(path.parent)
    assert merged(tmp_path / "out.db", path).added == 1
    assert contents(path.parent) == before
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET seed = 5")
        connection.commit()
        assert "still has rows in 'a.db-wal'" in merged(tmp_path / "out.db", path).unreadable[0]
    connection.close()


def test_inputs_on_a_read_only_place(small_disk, tmp_path: Path) -> None:
    write_database(small_disk.path / "a.db", [a_run()])
    killed_while_writing(small_disk.path / "hot.db")
    edited(small_disk.path / "wal.db", "PRAGMA journal_mode = WAL")
    small_disk.protect()
    union = merged(tmp_path / "out.db", *find_databases([small_disk.path]).files)
    assert (union.added, union.present) == (1, 1)
    (sentence,) = union.unreadable
    assert "hot.db' has an unfinished write" in sentence
    with pytest.raises(InputError, match=r"cannot create .*new\.db': .* not a folder that you can write to"):
        Database(small_disk.path / "new.db").check_writable()
    with pytest.raises(InputError, match=r"a\.db' is read-only"):
        Database(small_disk.path / "a.db").check_writable()
    assert Database(small_disk.path / "a.db").get("r1") == a_run()


def test_an_input_that_is_being_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vq_benchmark.results.merge_inputs.BUSY_SECONDS", 0.1)
    write_database(tmp_path / "a.db", [a_run()])
    with sqlite3.connect(tmp_path / "a.db", isolation_level=None) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        union = merged(tmp_path / "out.db", tmp_path / "a.db")
        assert "a.db' is still locked after 0.1 s; if no other process uses it" in union.unreadable[0]
        writer.execute("COMMIT")
    writer.close()
    assert merged(tmp_path / "out.db", tmp_path / "a.db").added == 1


def test_measurements_do_not_pass_through_memory(tmp_path: Path) -> None:
    for part in range(5):
        rows = [a_run(f"{part}-{i}", status="partial", accumulators=os.urandom(2_000_000)) for i in range(5)]
        write_database(tmp_path / f"{part}.db", rows)
    tracemalloc.start()
    try:
        assert merged(tmp_path / "out.db", *(tmp_path / f"{part}.db" for part in range(5))).added == 25
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


# What becomes of rows

RANK = {"failed": 0, "partial": 1, "done": 2}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(sorted(RANK))), max_size=4), max_size=5))
def test_a_better_row_replaces_a_worse_one_and_never_the_reverse(
    tmp_path_factory: pytest.TempPathFactory, inputs: list[list[tuple[str, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    best: dict[str, str] = {}
    sources = []
    for number, rows in enumerate(inputs):
        source = folder / f"{number}.db"
        ids = dict(rows)
        write_database(source, [a_run(name, status=status, accumulators=b"x") for name, status in ids.items()])
        sources.append(source)
        for name, status in ids.items():
            best[name] = max(best.get(name, status), status, key=RANK.__getitem__)
    target = folder / "out.db"
    merged(target, *sources)
    assert {run.run_id: run.status for run in Database(target).runs()} == best
    before = target.read_bytes() if inputs else b""
    again = merged(target, *sources, target)
    assert (again.added, again.conflicts) == (0, [])
    assert target.read_bytes() == before if inputs else not target.exists()


def test_of_two_failures_the_later_one_stays(tmp_path: Path) -> None:
    old, new = (
        a_run(status="failed", error=f"error of {year}", created_at=f"{year}-01-01T00:00:00+00:00")
        for year in (2025, 2026)
    )
    for name, run in (("old", old), ("new", new)):
        write_database(tmp_path / f"{name}.db", [run])
    for order in (("old", "new"), ("new", "old")):
        target = tmp_path / f"first-{order[0]}.db"
        merged(target, *(tmp_path / f"{name}.db" for name in order))
        assert list(Database(target).runs()) == [new]


def test_finished_rows_that_disagree_are_named_with_values_and_files(tmp_path: Path) -> None:
    write_database(tmp_path / "a.db", [a_run(), a_run("r2")])
    write_database(tmp_path / "b.db", [a_run(metrics={"mse": 0.5, "recall_at_1": 1.0, "fit_seconds": 9.0})])
    union = merged(tmp_path / "out.db", tmp_path / "a.db", tmp_path / "b.db")
    a, b = (repr(str(tmp_path / name)) for name in ("a.db", "b.db"))
    assert union.conflicts == [
        f"pq {{'m': 4}} seed 0 (run r1): mse is 0.25 but 0.5 (in {a} and in {b}).",
        f"pq {{'m': 4}} seed 0 (run r1): recall_at_1 is None but 1.0 (in {a} and in {b}).",
    ]
    assert Database(tmp_path / "out.db").get("r1") == a_run()
    (sentence, _) = merged(tmp_path / "out.db", tmp_path / "b.db").conflicts
    assert f"(in {str(tmp_path / 'out.db')!r} and in {b})" in sentence


def test_measurements_of_one_chunk_that_disagree(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_database(tmp_path / f"{name}.db", [a_run(status="partial", accumulators=name.encode())])
    sources = (tmp_path / "a.db", tmp_path / "b.db")
    same = merged(tmp_path / "same.db", *sources, compare=lambda mine, theirs: [])
    assert (same.conflicts, same.disputed) == ([], set())
    other = merged(tmp_path / "other.db", *sources, compare=lambda mine, theirs: [("model_hash", mine, theirs)])
    assert "rows 0 to 100 (run r1): model_hash is b'a' but b'b' (in" in other.conflicts[0]
    assert other.disputed == {"w1"}
    assert Database(tmp_path / "other.db").get("r1").accumulators == b"a"


def test_a_full_disk_stops_the_merge_and_harms_nothing(small_disk, tmp_path: Path) -> None:
    large = a_run("large", status="partial", accumulators=os.urandom(300_000))
    write_database(tmp_path / "1.db", [a_run()])
    write_database(tmp_path / "2.db", [large])
    target = small_disk.path / "out.db"
    merged(target, tmp_path / "1.db")
    small_disk.fill(leaving=100_000)
    with pytest.raises(InputError, match=r"out\.db' cannot be written: no space left on the disk"):
        merged(target, tmp_path / "1.db", tmp_path / "2.db")
    assert list(Database(target).runs()) == [a_run()]
    small_disk.free()
    assert merged(target, tmp_path / "1.db", tmp_path / "2.db").added == 1
    assert Database(target).get("large") == large
