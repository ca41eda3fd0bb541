"""The command that a report prints for a row, run as it stands, makes a row with the same id."""

import shlex

import pytest

from vq_benchmark.reports.commands import rerun_command
from vq_benchmark.results.database import Database

SMALL = ("--train-size", 600, "--k", 20, "--num-pairs", 50, "--max-candidates", 50)


def only_row(path):
    (run,) = Database(path).runs("status = 'done'")
    return run


@pytest.mark.parametrize(
    "options",
    [
        (
            "--dataset",
            "my vectors",
            "--metric",
            "COSINE",
            "--num-queries",
            15,
            "--no-with-pairwise",
            "--rerank",
            "int8",
        ),
        ("--dataset", "my vectors/base.npy", "--dataset-limit", 900, "--split-seed", 3, "--query-bits", "4"),
        ("--dataset", "my vectors", "--skip-ground-truth", "--learn-path", "my vectors/base.npy"),
        ("--dataset", "synthetic", "--num-samples", 900, "--dim", 8, "--num-queries", 20, "--target-recall", 0.9),
    ],
)
def test_the_same_id_from_any_folder(program, vectors, tmp_path, monkeypatch, options):
    ran = program("run", *options, "--method", "sq", "--bits", 4, "--seed", 2, *SMALL, "--db-path", "first.db")
    assert ran.code == 0, ran.err
    first = only_row(tmp_path / "first.db")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    again = program(*shlex.split(rerun_command(first))[1:], "--db-path", "again.db")
    assert again.code == 0, again.err
    assert only_row(elsewhere / "again.db").run_id == first.run_id


def test_rows_of_a_sweep_and_of_merged_chunks(program, vectors, tmp_path):
    sweep = ("sweep", "--dataset", vectors, "--method", "pq,rabitq", "--bits", 4, "--num-queries", 10, *SMALL)
    assert program(*sweep, "--chunks", 2, "--db-path", "r.db").code == 0
    for run in Database(tmp_path / "r.db").runs("status = 'done'"):
        ran = program(*shlex.split(rerun_command(run))[1:], "--db-path", "r.db")
        assert ran.code == 0 and "1 of 1 cells were already done" in ran.out, ran.err
