"""`run`, `sweep` and `merge` from the command line."""

import itertools
import json
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality

OPTIONS = ("--k", 10, "--train-size", 2000, "--num-pairs", 500, "--threads", 1)


def rows(path: Path) -> dict[tuple[str, str, int], dict]:
    return {
        (run.method, json.dumps(run.config), run.seed): quality(run.metrics)
        for run in Database(path).runs("status = 'done'")
    }


def test_a_sweep_fills_the_database_and_again_does_nothing(program, vectors, tmp_path):
    sweep = ("sweep", "--dataset", vectors, "--method", "pq,sq,none", "--bits", "4,8", "--db-path", "x.db", *OPTIONS)
    first = program(*sweep)
    assert first.code == 0, first.err
    stored = rows(tmp_path / "x.db")
    assert [key[0] for key in stored].count("none") == 1
    assert len(stored) == 5
    assert stored[next(key for key in stored if key[0] == "none")]["recall_at_10"] == 1
    before = (tmp_path / "x.db").read_bytes()
    again = program(*sweep)
    assert again.code == 0
    assert "5 of 5 cells were already done; nothing left to do." in again.out
    assert (tmp_path / "x.db").read_bytes() == before


def test_a_stored_row_learns_the_smallest_budget_that_it_was_chosen_for(program, vectors, tmp_path):
    words = ("--dataset", vectors, "--method", "sq", "--train-size", 300, "--threads", 1, "--db-path", "x.db")
    for chosen, stored in (
        (("run", "--param", "bits=4"), None), (("sweep", "--bits", 4.9), 4.9), (("sweep", "--bits", 4), 4.0),
        (("sweep", "--bits", 4.5), 4.0), (("run", "--param", "bits=4"), 4.0),
    ):  # fmt: skip
        ran = program(*chosen, *words)
        assert ran.code == 0, ran.err
        (run,) = Database(tmp_path / "x.db").runs("method = 'sq'")
        assert run.budget == stored


def test_the_view_has_plain_columns(program, vectors, tmp_path):
    program("run", "--dataset", vectors, "--method", "sq", "--bits", 8, "--db-path", "x.db", *OPTIONS)
    with sqlite3.connect(tmp_path / "x.db") as connection:
        (row,) = connection.execute("SELECT method, bits_per_dim, recall_at_10, fit_seconds FROM benchmark_runs")
    assert row[:2] == ("sq", 8.0)
    assert 0.9 < row[2] <= 1
    assert row[3] > 0


def test_sizes_are_shown_for_the_vectors_that_the_user_has(program, vectors, tmp_path):
    """16 dimensions, 8 bytes a code; a model of 16 codebooks of 16 numbers is 1,024 bytes, shared by 5,000 or 1M."""
    run = ("run", "--dataset", vectors, "--method", "pq", "--param", "m=16", "--param", "nbits=4", *OPTIONS)
    own = program(*run, "--db-path", "x.db")
    before = (tmp_path / "x.db").read_bytes()
    larger = program(*run, "--db-path", "x.db", "--vectors", "1M", "--ratio-to", "file")
    for ran, cells, said in (
        (own, ["4.1", "8.2", "7.8x"], "shared by 5,000 vectors; ratio to float32"),
        (larger, ["4", "8", "8x"], "shared by 1,000,000 vectors; ratio to the dtype of the file (float32)"),
    ):
        assert ran.code == 0, ran.err
        row = next(line.split() for line in ran.out.splitlines() if line.startswith("pq"))
        assert row[3:6] == cells
        assert said in " ".join(ran.out.split())
    assert (tmp_path / "x.db").read_bytes() == before
    (stored,) = Database(tmp_path / "x.db").runs()
    assert stored.environment["base_dtype"] == "float32"
    assert stored.metrics["bound_mse"] < stored.metrics["mse"]
    for command in (run, ("plot", "--db-path", "x.db"), ("sweep", *run[1:])):
        for option, value in (("--vectors", "some"), ("--ratio-to", "int4")):
            refused = program(*command, option, value)
            assert (refused.code, refused.err.count(option)) == (2, 1), refused.err


def test_chunks_merge_to_the_undivided_run(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "pq", "--param", "m=8", "--param", "nbits=6", *OPTIONS)
    edges = [0, 1234, 4096, 5000]
    for start, stop in itertools.pairwise(edges):
        chunk = program(*run, "--data-chunk-start", start, "--data-chunk-end", stop, "--db-path", f"parts/{start}.db")
        assert chunk.code == 0, chunk.err
        assert "partial row" in chunk.out
    merged = program("merge", "merged.db", "parts/0.db", "parts/4096.db")
    assert merged.code == 1
    assert "rows 1234 to 4096 of 5000 are missing" in merged.err
    assert program("merge", "merged.db", "parts").code == 0
    assert program(*run, "--db-path", "whole.db").code == 0
    assert rows(tmp_path / "merged.db") == rows(tmp_path / "whole.db")
    before = (tmp_path / "merged.db").read_bytes()
    assert program("merge", "merged.db", "parts").code == 0
    assert (tmp_path / "merged.db").read_bytes() == before


def test_ten_chunks_of_the_file_merge_although_queries_are_held_out(program, tmp_path):
    """Bit for bit, from the arithmetic of somebody who knows only how many rows the file has."""
    rng = np.random.default_rng(2)
    np.save(tmp_path / "file.npy", rng.standard_normal((2000, 16)).astype(np.float32))
    run = ("run", "--dataset", "file.npy", "--num-queries", 50, "--method", "sq", "--bits", 4, *OPTIONS)
    for start in range(0, 2000, 200):
        db = f"parts/{start}.db"
        chunk = program(*run, "--data-chunk-start", start, "--data-chunk-end", start + 200, "--db-path", db)
        assert chunk.code == 0, chunk.err
    last = " ".join(chunk.err.split())
    assert "the chunk ends at row 1950, not 2000: the base has 1950 rows (50 of 2000 rows held out by seed 0)" in last
    assert program("merge", "merged.db", "parts").code == 0
    assert program(*run, "--data-chunk-end", 2000, "--db-path", "whole.db").code == 0
    merged, whole = rows(tmp_path / "merged.db"), rows(tmp_path / "whole.db")
    assert merged == whole
    assert len(whole) == 1
    (one,), (other,) = (Database(tmp_path / name).runs("status = 'done'") for name in ("merged.db", "whole.db"))
    assert (one.run_id, one.per_query) == (other.run_id, other.per_query)
    beyond = program(*run, "--data-chunk-start", 1950, "--data-chunk-end", 2000, "--db-path", "none.db")
    assert beyond.code == 2
    assert "starts at row 1950, but the base has 1950 rows (50 of 2000 rows held out" in " ".join(beyond.err.split())
    assert not (tmp_path / "none.db").exists()


def test_overlapping_chunks_are_not_merged(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "none", *OPTIONS)
    for start, stop in ((0, 3000), (2000, 5000)):
        program(*run, "--data-chunk-start", start, "--data-chunk-end", stop, "--db-path", f"parts/{start}.db")
    merged = program("merge", "merged.db", "parts")
    assert merged.code == 1
    assert "rows 2000 to 3000 occur twice" in merged.err
    assert not rows(tmp_path / "merged.db")


def test_merge_names_a_corrupt_input_and_merges_the_rest(program, vectors, tmp_path):
    program("run", "--dataset", vectors, "--method", "none", "--db-path", "parts/good.db", *OPTIONS)
    (tmp_path / "parts/bad.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    merged = program("merge", "merged.db", "parts")
    assert merged.code == 1
    assert "bad.db" in merged.err
    assert len(rows(tmp_path / "merged.db")) == 1


def test_merge_reports_rows_that_disagree(program, vectors, tmp_path):
    program("run", "--dataset", vectors, "--method", "none", "--db-path", "a.db", *OPTIONS)
    (tmp_path / "b.db").write_bytes((tmp_path / "a.db").read_bytes())
    with sqlite3.connect(tmp_path / "b.db") as connection:
        connection.execute("UPDATE runs SET metrics = json_set(metrics, '$.recall_at_10', 0.5)")
    merged = program("merge", "merged.db", "a.db", "b.db")
    assert merged.code == 1
    assert "recall_at_10 is 1.0 but 0.5" in merged.err
    assert next(iter(rows(tmp_path / "merged.db").values()))["recall_at_10"] == 1


def test_a_failing_cell_is_a_row_and_the_others_run(program, vectors, tmp_path):
    few = ("--train-size", 100, "--k", 10, "--threads", 1, "--db-path", "x.db")
    grid = ("--method", "pq,none", "--param", "pq.m=8", "--param", "pq.nbits=4,8")
    done = program("sweep", "--dataset", vectors, *grid, *few)
    assert done.code == 1
    (failed,) = Database(tmp_path / "x.db").runs("status = 'failed'")
    assert failed.method == "pq"
    assert failed.config["nbits"] == 8
    assert "256" in (failed.error or "")
    assert len(rows(tmp_path / "x.db")) == 2


def test_a_killed_sweep_goes_on_to_the_same_numbers(program, vectors, tmp_path):
    arguments = ["sweep", "--dataset", str(vectors), "--method", "pq,sq,none", "--bits", "4,8", *map(str, OPTIONS)]
    assert program(*arguments, "--db-path", "calm.db", "--codebooks-dir", "calm").code == 0
    command = [sys.executable, "-c", "from vq_benchmark.cli.main import main; main()", *arguments]
    command += ["--db-path", "killed.db", "--codebooks-dir", "killed"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not rows_or_none(tmp_path / "killed.db") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert rows_or_none(tmp_path / "killed.db"), "the sweep stored nothing before it was killed"
    assert program(*arguments, "--db-path", "killed.db", "--codebooks-dir", "killed").code == 0
    assert rows(tmp_path / "killed.db") == rows(tmp_path / "calm.db")


def rows_or_none(path: Path) -> dict | None:
    return rows(path) if path.exists() and path.stat().st_size else None


def test_batch_size_changes_no_result(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "pq", "--bits", 4, *OPTIONS)
    program(*run, "--db-path", "small.db", "--batch-size", 1)
    program(*run, "--db-path", "large.db", "--batch-size", 100_000)
    assert rows(tmp_path / "small.db") == rows(tmp_path / "large.db")


def test_judged_queries_give_retrieval_quality(program, tmp_path):
    run = program(
        "run", "--dataset", "sample", "--dataset-limit", 3000, "--method", "none", "--db-path", "x.db", *OPTIONS
    )
    assert run.code == 0, run.err
    (metrics,) = rows(tmp_path / "x.db").values()
    assert metrics["mrr_at_10"] == metrics["mrr_at_10_exact"]
    assert 0.3 < metrics["mrr_at_10"] < 1


def test_the_table_shows_the_loss_of_retrieval_quality(program, tmp_path):
    sweep = program(
        "sweep", "--dataset", "sample", "--dataset-limit", 3000, "--method", "pq,sq", "--bits", "0.5,8", "--db-path",
        "x.db", *OPTIONS,
    )  # fmt: skip
    assert sweep.code == 0, sweep.err
    assert re.search(r"pq[✓◆]* +m=24 .* 0\.\d+±\.\d+ +\S+s ", sweep.out)
    assert re.search(r"sq[✓◆]* +bits=8 .*ⁿˢ +\S+s ", sweep.out)
    found = rows(tmp_path / "x.db").values()
    coarse, fine = sorted(found, key=lambda metrics: metrics["bits_per_dim"])[:: len(found) - 1]
    assert coarse["mrr_at_10_loss_ci"][0] > 0
    assert fine["mrr_at_10_loss_ci"][0] <= 0 <= fine["mrr_at_10_loss_ci"][1]
    for metrics in found:
        assert metrics["mrr_at_10_exact"] - metrics["mrr_at_10"] == pytest.approx(metrics["mrr_at_10_loss"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--num-pairs", 0], "without pairs (--num-pairs 0) there will be no score_mse"),
        (["--k", 5], "there will be no mrr_at_10_exact, ndcg_at_10_exact, recall_at_100_qrels_exact, and no loss of"),
        (["--skip-ground-truth"], "nor mrr_at_10, ndcg_at_10, recall_at_100_qrels."),
    ],
)
def test_what_will_be_absent_is_said(program, options, said):
    run = program("run", "--dataset", "sample", "--dataset-limit", 2000, "--method", "int8", *OPTIONS, *options)
    assert run.code == 0, run.err
    assert said in " ".join(run.err.split())


@pytest.mark.parametrize("extension", [".npz", ".ibin", ".ivecs"])
def test_precomputed_ground_truth_gives_the_same_row(program, vectors, tmp_path, extension):
    path = tmp_path / f"gt{extension}"
    assert program("precompute-gt", "--vectors-path", vectors, "--k", 20, "--output-path", path).code == 0
    run = ("run", "--dataset", vectors, "--method", "pq", "--bits", 4, *OPTIONS)
    given = program(*run, "--db-path", "given.db", "--ground-truth-path", path)
    assert given.code == 0, given.err
    program(*run, "--db-path", "own.db")
    assert rows(tmp_path / "given.db") == rows(tmp_path / "own.db")


def test_precompute_matches_brute_force(program, vectors, tmp_path):
    program("precompute-gt", "--dataset", vectors, "--k", 20, "--output-path", "gt.npz", "--metric", "ip")
    base, queries = np.load(vectors / "base.npy"), np.load(vectors / "queries.npy")
    order = np.argsort(-(queries.astype(np.float64) @ base.T.astype(np.float64)), axis=1, kind="stable")
    with np.load(tmp_path / "gt.npz") as found:
        np.testing.assert_array_equal(found["indices"], order[:, :20])


def test_a_damaged_cache_is_computed_again(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "sq", "--bits", 8, "--db-path", "x.db", *OPTIONS)
    assert program(*run).code == 0
    before = rows(tmp_path / "x.db")
    (cached,) = (tmp_path / "cache" / "ground-truth").rglob("*.npz")
    whole = cached.read_bytes()
    cached.write_bytes(whole[:100])
    again = program(*run, "--force")
    assert again.code == 0, again.err
    assert "Recomputing the exact neighbours" in again.err
    assert rows(tmp_path / "x.db") == before
    assert cached.stat().st_size == len(whole)


def test_a_cache_that_cannot_be_written_stops_nothing(program, vectors, tmp_path):
    (tmp_path / "file").touch()
    run = ("run", "--dataset", vectors, "--method", "sq", "--bits", 8, "--db-path", "x.db", *OPTIONS)
    ran = program(*run, "--cache-dir", "file/cache")
    assert ran.code == 0, ran.err
    assert "could not cache the exact neighbours" in ran.err
    assert len(rows(tmp_path / "x.db")) == 1


def test_a_forced_run_that_fails_leaves_the_earlier_row(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "sq", "--bits", 8, "--db-path", "x.db", *OPTIONS)
    assert program(*run).code == 0
    before = rows(tmp_path / "x.db")
    (model,) = (tmp_path / "codebooks").iterdir()
    model.unlink()
    (model / "in the way").mkdir(parents=True)
    again = program(*run, "--force")
    assert again.code == 1
    assert "delete it to fit it again" in again.err
    assert "keeping the row of the earlier, successful run" in again.err
    assert rows(tmp_path / "x.db") == before


def test_other_learn_vectors_are_another_run_with_another_model(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "pq", "--bits", 4, "--db-path", "x.db", *OPTIONS)
    learn = np.random.default_rng(2).standard_normal((2000, 16)).astype(np.float32)
    for scale in (1, 9):
        np.save(vectors / "learn.npy", learn * np.float32(scale))
        assert program(*run).code == 0
    assert len(list((tmp_path / "codebooks").iterdir())) == 2
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert connection.execute("SELECT count(DISTINCT mse) FROM benchmark_runs").fetchone() == (2,)


def test_the_help_says_the_defaults(program):
    shown = program("run", "--help").out
    assert "$DB_PATH" in shown
    assert "$CODEBOOKS_DIR" in shown
    assert "$VQ_CACHE_DIR" in shown


def test_a_damaged_model_is_fitted_again(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "pq", "--bits", 4, *OPTIONS)
    program(*run, "--db-path", "calm.db")
    (model,) = (tmp_path / "codebooks").iterdir()
    model.write_bytes(model.read_bytes()[:-50])
    again = program(*run, "--db-path", "again.db")
    assert again.code == 0, again.err
    assert "Fitting it again" in again.err
    assert rows(tmp_path / "again.db") == rows(tmp_path / "calm.db")
