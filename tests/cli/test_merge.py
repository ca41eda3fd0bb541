"""`merge` from the command line: exit codes, and what it says."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.results.database import Database, Run, write_database


@pytest.fixture(scope="module")
def study(make_study):
    return make_study("sq")


@pytest.fixture
def tasks(study, tmp_path: Path) -> list[Run]:
    """The databases tasks/0.db to tasks/2.db of three chunks."""
    for number, run in enumerate(study.parts):
        write_database(tmp_path / "tasks" / f"{number}.db", [run])
    return study.parts


def statuses(path: Path) -> list[str]:
    return sorted(run.status for run in Database(path).runs())


@pytest.mark.parametrize(
    "inputs",
    [["tasks"], ["tasks/*.db"], ["**/*.db"], ["tasks/[0-2].db"], ["tasks/0.db", "tasks/1.db", "tasks/2.db", "tasks"]],
)
def test_files_folders_and_patterns(program, tasks, tmp_path, inputs):
    merged = program("merge", "out.db", *inputs)
    assert (merged.code, merged.err) == (0, "")
    assert merged.out.startswith("out.db: 3 rows added, 0 were there; 1 sets of chunks finished, 0 incomplete")
    assert statuses(tmp_path / "out.db") == ["done", "partial", "partial", "partial"]
    before = (tmp_path / "out.db").read_bytes()
    again = program("merge", "out.db", *inputs, "out.db")
    assert (again.code, again.err) == (0, "")
    assert again.out.startswith("out.db: 0 rows added, 3 were there; 0 sets of chunks finished")
    assert (tmp_path / "out.db").read_bytes() == before


def test_the_output_is_named_as_that_of_other_commands(program, tasks, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "77")
    monkeypatch.setenv("KIND", "nightly")
    assert program("merge", "new/%A-$KIND.db", "tasks").code == 0
    assert statuses(tmp_path / "new" / "77-nightly.db").count("done") == 1
    refused = program("merge", "%a.db", "tasks")
    assert refused.code == 2
    assert "SLURM_ARRAY_TASK_ID is not set" in refused.err


def test_what_cannot_be_read_is_named_and_the_rest_merges(program, tasks, tmp_path):
    (tmp_path / "tasks" / "3.db").touch()
    (tmp_path / "tasks" / ".4.db.0123abcd-7-7.abcdefgh.tmp").touch()
    (tmp_path / "nothing").mkdir()
    merged = program("merge", "out.db", "tasks", "nothing", "gone.db", "gone/*.db")
    assert merged.code == 1
    for words in (
        "3.db' is empty",
        ".4.db.0123abcd-7-7.abcdefgh.tmp' is a file",
        "in the folder 'nothing'",
        "'gone.db'",
        "'gone/*",
    ):
        assert words in merged.err
    assert merged.err.count("\n") == 5
    assert "1 sets of chunks finished" in merged.out
    assert statuses(tmp_path / "out.db").count("done") == 1


@pytest.mark.parametrize("inputs", [["gone.db"], ["*.none"], ["empty"]])
def test_nothing_to_read_at_all_is_refused(program, tmp_path, inputs):
    (tmp_path / "empty").mkdir()
    refused = program("merge", "out.db", *inputs)
    assert refused.code == 2
    assert "there is nothing to merge" in refused.err
    assert inputs[0] in refused.err
    assert not (tmp_path / "out.db").exists()


def test_an_output_that_is_something_else_is_left_alone(program, tasks, tmp_path):
    with sqlite3.connect(tmp_path / "out.db") as connection:
        connection.execute("CREATE TABLE addresses (name)")
    connection.close()
    before = (tmp_path / "out.db").read_bytes()
    refused = program("merge", "out.db", "tasks")
    assert refused.code == 2
    assert "out.db' is a database of something else" in refused.err
    assert (tmp_path / "out.db").read_bytes() == before


def test_only_failures_are_said_to_be_so(program, tasks, tmp_path):
    for number, run in enumerate(tasks):
        failed = replace(run, status="failed", error="ValueError: no luck", accumulators=None)
        write_database(tmp_path / "failed" / f"{number}.db", [failed])
    merged = program("merge", "out.db", "failed")
    assert merged.code == 1
    assert "all 3 rows are of cells that failed; their column `error` says why." in merged.err
    assert statuses(tmp_path / "out.db") == ["failed"] * 3
    assert program("merge", "out.db", "tasks").code == 0
    assert statuses(tmp_path / "out.db") == ["done", "partial", "partial", "partial"]
    assert program("merge", "out.db", "failed").code == 0
    assert statuses(tmp_path / "out.db") == ["done", "partial", "partial", "partial"]


def damaged(measurement: Measurement) -> None:
    measurement.accumulators.sums["vector:y:1"].units += 1 << 1127


def of_another_model(measurement: Measurement) -> None:
    measurement.key = replace(measurement.key, model_hash="beef")


@pytest.mark.parametrize(
    ("change", "words"), [(damaged, "the sum vector:y:1 is "), (of_another_model, "model_hash is ")]
)
def test_two_results_of_one_chunk(
    program, tasks, tmp_path, change: Callable[[Measurement], None], words: str
) -> None:
    measurement = Measurement.from_bytes(tasks[1].accumulators or b"")
    change(measurement)
    write_database(tmp_path / "again.db", [replace(tasks[1], accumulators=measurement.to_bytes())])
    merged = program("merge", "out.db", "tasks", "again.db")
    assert merged.code == 1
    assert f"rows 300 to 600 (run {tasks[1].run_id}): {words}" in merged.err
    assert "(in 'tasks/1.db' and in 'again.db')." in merged.err
    assert "it is not merged, because the inputs disagree about its chunks" in merged.err
    assert statuses(tmp_path / "out.db") == ["partial"] * 3


def test_a_full_disk_is_one_sentence_and_the_same_call_works_later(program, tasks, tmp_path, small_disk):
    small_disk.fill()
    refused = program("merge", small_disk.path / "out.db", "tasks")
    assert refused.code == 2
    assert "no space left" in refused.err
    assert refused.err.count("\n") == 1
    small_disk.free()
    assert program("merge", small_disk.path / "out.db", "tasks").code == 0
    assert [path.name for path in small_disk.path.iterdir()] == ["out.db"]


def test_the_output_under_another_name_is_no_input(program, tasks, tmp_path):
    assert program("merge", "out.db", "tasks").code == 0
    (tmp_path / "other.db").hardlink_to(tmp_path / "out.db")
    before = (tmp_path / "out.db").read_bytes()
    assert program("merge", "out.db", "other.db").code == 0
    assert (tmp_path / "out.db").read_bytes() == before
