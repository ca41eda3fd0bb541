"""`--memory-limit` and `--stage-to-tmp` from the command line."""

import numpy as np
import pytest

from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality
from vq_benchmark.studies.costs import memory_estimate

OPTIONS = ("--k", 10, "--train-size", 2000, "--num-pairs", 500, "--threads", 1, "--db-path")


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch):
    """These tests run in a process that holds more than the program alone would."""
    monkeypatch.setattr(memory_estimate, "resident_bytes", lambda: 0)


def stored(path):
    return {(run.method, run.status): run for run in Database(path).runs()}


def test_a_cell_that_does_not_fit_is_a_failed_row_and_the_others_run(program, vectors, tmp_path):
    ran = program(
        "sweep", "--dataset", vectors, "--method", "rq,sq", "--param", "rq.m=64", "--param", "sq.bits=8", "--slow",
        "--memory-limit", "500M", *OPTIONS, "x.db",
    )  # fmt: skip
    assert ran.code == 1
    runs = stored(tmp_path / "x.db")
    assert set(runs) == {("rq", "failed"), ("sq", "done")}
    error = runs["rq", "failed"].error
    assert "rq m=64 nbits=8 needs about" in error and "--memory-limit allows 500.0 MiB" in error
    assert "--train-size" in error


def test_fewer_rows_at_a_time_where_memory_is_short(program, tmp_path, monkeypatch):
    monkeypatch.setattr(memory_estimate, "BASELINE_BYTES", 0)
    np.save(tmp_path / "base.npy", np.random.default_rng(2).standard_normal((30_000, 16), dtype=np.float32))
    run = ("run", "--dataset", tmp_path / "base.npy", "--num-queries", 20, "--method", "sq", "--batch-size", 20_480)
    for name, limit in (("little.db", "2M"), ("much.db", "100M")):
        ran = program(*run, "--memory-limit", limit, *OPTIONS, name)
        assert ran.code == 0, ran.err
    little, much = (stored(tmp_path / name)["sq", "done"] for name in ("little.db", "much.db"))
    assert quality(little.metrics) == quality(much.metrics)
    rows = [run.metrics["data_block_bytes"] // (4 * 16) for run in (little, much)]
    assert 4096 <= rows[0] < rows[1] == 20_480


def test_memory_that_no_pass_can_do_with_is_one_sentence(program, vectors):
    ran = program("run", "--dataset", vectors, "--method", "sq", "--memory-limit", "10M", *OPTIONS, "x.db")
    assert ran.code == 2
    assert "finding the exact neighbours needs about" in ran.err and "--memory-limit allows 10.0 MiB" in ran.err


@pytest.mark.parametrize("size", ["two", "0", "2GB"])
def test_a_limit_that_is_no_size_is_refused(program, vectors, size):
    ran = program("run", "--dataset", vectors, "--method", "sq", "--memory-limit", size, *OPTIONS, "x.db")
    assert ran.code == 2
    assert f"invalid size {size!r}" in ran.err


@pytest.mark.parametrize("rows", [(), ("--data-chunk-start", 100, "--data-chunk-end", 4500)])
def test_staged_rows_give_the_same_numbers(program, vectors, tmp_path, monkeypatch, rows):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("SLURM_TMPDIR", str(scratch))
    run = ("run", "--dataset", vectors, "--method", "pq", "--metric", "cosine", "--force", *rows)
    for name, options in (("plain.db", ()), ("staged.db", ("--stage-to-tmp",))):
        assert program(*run, *options, *OPTIONS, name).code == 0
        assert list(scratch.iterdir()) == []
    ((plain,), (staged,)) = (list(stored(tmp_path / name).values()) for name in ("plain.db", "staged.db"))
    assert quality(plain.metrics) == quality(staged.metrics)
    assert plain.run_id == staged.run_id
    assert (plain.accumulators is None) == (not rows)


def test_no_scratch_space_is_said(program, vectors, monkeypatch):
    for variable in ("SLURM_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(variable, raising=False)
    ran = program("run", "--dataset", vectors, "--method", "sq", "--stage-to-tmp", *OPTIONS, "x.db")
    assert ran.code == 0
    assert "nothing is staged" in ran.err
