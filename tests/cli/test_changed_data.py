"""Vectors that change between two commands, or during one: no number of before is shown for what is there now."""

import os
import shutil

import numpy as np
import pytest

from vq_benchmark.datasets.checks.unusable_rows import probe_rows
from vq_benchmark.evaluation import tiling
from vq_benchmark.results.database import Database

OPTIONS = ("--k", 10, "--max-candidates", 50, "--train-size", 500, "--num-pairs", 500, "--threads", 1)
N = 30_000


@pytest.fixture
def large(tmp_path):
    """A folder of 30,000 base vectors, of which a fingerprint looks at 1,024."""
    folder = tmp_path / "large"
    folder.mkdir()
    rng = np.random.default_rng(3)
    np.save(folder / "base.npy", rng.standard_normal((N, 8)).astype(np.float32))
    np.save(folder / "queries.npy", rng.standard_normal((30, 8)).astype(np.float32))
    return folder


def rewrite(folder, rows=slice(None)):
    """Other values in all rows, or in some, but for those that the fingerprint looks at."""
    base = np.load(folder / "base.npy")
    looked_at = base[probe_rows(N)]
    base[rows] = -base[rows][::-1] * 1.5
    base[probe_rows(N)] = looked_at
    np.save(folder / "base.npy", base)


def row(path, method):
    (found,) = Database(path).runs("status = 'done' AND method = ?", (method,))
    return found


def test_rows_that_changed_are_measured_again(program, large, tmp_path):
    commands = [
        ("run", "--dataset", large, "--method", method, *bits, "--db-path", "x.db", *OPTIONS)
        for method, bits in (("none", ()), ("pq", ("--bits", 4)))
    ]
    for command in commands:
        assert program(*command).code == 0
    before = row(tmp_path / "x.db", "pq")
    rewrite(large)
    for command in commands:
        ran = program(*command)
        assert ran.code == 0
        assert "the vectors have changed since it was measured; measuring it again" in ran.err
        assert "already done" not in ran.out
    assert row(tmp_path / "x.db", "none").metrics["recall_at_10"] == 1
    after = row(tmp_path / "x.db", "pq")
    assert (
        program(*commands[1], "--db-path", "fresh.db", "--codebooks-dir", "fresh", "--cache-dir", "fresh").code == 0
    )
    fresh = row(tmp_path / "fresh.db", "pq")
    assert after.run_id == before.run_id
    assert after.metrics["mse"] == fresh.metrics["mse"] != before.metrics["mse"]
    assert after.metrics["recall_at_10"] == fresh.metrics["recall_at_10"]
    for command in commands:
        assert "1 of 1 cells were already done" in program(*command).out


def test_files_that_only_look_new_are_read_once(program, large, tmp_path):
    command = ("run", "--dataset", large, "--method", "sq", "--bits", 8, "--db-path", "x.db", *OPTIONS)
    program(*command)
    os.utime(large / "base.npy", ns=(0, 5_000_000_000))
    again = program(*command)
    assert "comparing the vectors" in again.err
    assert "1 of 1 cells were already done" in again.out
    third = program(*command)
    assert "comparing" not in third.err
    moved = tmp_path / "moved"
    shutil.copytree(large, moved)
    assert "1 of 1 cells were already done" in program(*command[:2], moved, *command[3:]).out


def test_a_truth_whose_file_times_lie_fails_the_measurement(program, large, tmp_path):
    command = ("run", "--dataset", large, "--method", "none", "--db-path", "x.db", *OPTIONS)
    program(*command)
    stat = (large / "base.npy").stat()
    rewrite(large)
    os.utime(large / "base.npy", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ran = program("run", "--dataset", large, "--method", "sq", "--bits", 8, "--db-path", "x.db", *OPTIONS)
    assert ran.code == 1
    (failed,) = Database(tmp_path / "x.db").runs("status = 'failed'")
    assert "rows 0 to 4096 differ from those that the ground truth was computed from" in failed.error
    assert "`touch` the data files and rerun the commands" in failed.error
    os.utime(large / "base.npy", ns=(0, 5_000_000_000))
    assert program("run", "--dataset", large, "--method", "sq", "--bits", 8, "--db-path", "x.db", *OPTIONS).code == 0
    assert "measuring it again" in program(*command).err


def test_learn_vectors_that_changed_are_trained_on_again(program, large, tmp_path):
    learn = np.random.default_rng(4).standard_normal((2000, 8)).astype(np.float32)
    np.save(large / "learn.npy", learn)
    command = ("run", "--dataset", large, "--method", "pq", "--bits", 4, "--db-path", "x.db", *OPTIONS)
    program(*command)
    before = row(tmp_path / "x.db", "pq")
    learn[~np.isin(np.arange(2000), probe_rows(2000))] *= 2
    np.save(large / "learn.npy", learn)
    ran = program(*command)
    assert "measuring it again" in ran.err
    assert "the training vectors have changed since its model was fitted; fitting it again" in ran.err
    after = row(tmp_path / "x.db", "pq")
    assert after.environment["model_hash"] != before.environment["model_hash"]


@pytest.mark.parametrize("skip", [(), ("--skip-ground-truth",)])
def test_chunks_of_different_versions_do_not_merge(skip, program, large, tmp_path):
    np.save(large / "learn.npy", np.random.default_rng(4).standard_normal((2000, 8)).astype(np.float32))
    run = ("run", "--dataset", large, "--method", "sq", "--bits", 8, *OPTIONS, *skip)

    def chunk(start, stop):
        return program(*run, "--data-chunk-start", start, "--data-chunk-end", stop, "--db-path", f"parts/{start}.db")

    assert chunk(0, 8192).code == 0
    rewrite(large, slice(100, 4000))
    assert chunk(8192, N).code == 0
    merged = program("merge", "merged.db", "parts")
    assert merged.code == 1
    assert "its chunks were read from different versions of" in merged.err
    assert not list(Database(tmp_path / "merged.db").runs("status = 'done'"))
    assert "measuring it again" in chunk(0, 8192).err
    assert "1 of 1 cells were already done" in chunk(8192, N).out
    again = program("merge", "again.db", "parts")
    assert again.code == 0, again.err


def test_a_chunk_is_measured_again_where_vectors_that_its_truth_searched_changed(program, large, tmp_path):
    run = ("run", "--dataset", large, "--method", "sq", "--bits", 8, *OPTIONS, "--ground-truth-path", "gt.npz")
    search = ("precompute-gt", "--dataset", large, "--output-path", "gt.npz", "--k", 10)
    np.save(large / "learn.npy", np.random.default_rng(4).standard_normal((2000, 8)).astype(np.float32))

    def chunk(start, stop):
        return program(*run, "--data-chunk-start", start, "--data-chunk-end", stop, "--db-path", f"parts/{start}.db")

    program(*search)
    assert chunk(0, 8192).code == 0
    rewrite(large, slice(20_000, N))
    outdated = chunk(8192, N)
    assert (
        outdated.code,
        "the vectors have changed since the ground truth 'gt.npz' was computed" in outdated.err,
    ) == (2, True)
    program(*search)
    assert chunk(8192, N).code == 0
    assert "cannot be merged" in program("merge", "merged.db", "parts").err
    assert "measuring it again" in chunk(0, 8192).err
    merged = program("merge", "again.db", "parts")
    assert merged.code == 0, merged.err


def test_chunks_of_copies_that_differ_do_not_merge(program, large, tmp_path):
    np.save(large / "learn.npy", np.random.default_rng(4).standard_normal((2000, 8)).astype(np.float32))
    other = shutil.copytree(large, tmp_path / "a" / "large")
    rewrite(other)
    for data, start, stop in ((large, 0, 8192), (other, 8192, N)):
        ran = program(
            *("run", "--dataset", data, "--method", "sq", "--bits", 8, *OPTIONS, "--db-path", f"parts/{start}.db"),
            *("--data-chunk-start", start, "--data-chunk-end", stop),
        )
        assert ran.code == 0
    merged = program("merge", "merged.db", "parts")
    assert (merged.code, "different versions of the files" in merged.err) == (1, True)


def test_rows_of_different_versions_are_one_disagreement(program, large):
    run = ("run", "--dataset", large, "--method", "sq", "--bits", 8, *OPTIONS)
    program(*run, "--db-path", "parts/old.db")
    rewrite(large)
    program(*run, "--db-path", "parts/new.db")
    merged = program("merge", "merged.db", "parts")
    assert merged.code == 1
    assert "the digest of its vectors, which changed in between, is" in merged.err
    assert merged.err.count("sq {") == 1


def test_chunks_of_a_file_that_was_touched_merge_after_a_look(program, large):
    run = ("run", "--dataset", large, "--method", "none", *OPTIONS)
    chunks = [
        ("--data-chunk-start", a, "--data-chunk-end", b, "--db-path", f"parts/{a}.db")
        for a, b in ((0, 8192), (8192, N))
    ]
    program(*run, *chunks[0])
    os.utime(large / "base.npy", ns=(0, 5_000_000_000))
    program(*run, *chunks[1])
    assert "different versions" in program("merge", "merged.db", "parts").err
    assert "1 of 1 cells were already done" in program(*run, *chunks[0]).out
    merged = program("merge", "merged.db", "parts")
    assert merged.code == 0, merged.err


def test_a_file_that_changes_during_the_pass_fails_the_cell(program, large, tmp_path, monkeypatch):
    read = tiling.row_facts

    def writing(vectors, first_row):
        os.utime(large / "base.npy")
        return read(vectors, first_row)

    command = ("run", "--dataset", large, "--method", "sq", "--bits", 8, "--db-path", "x.db", *OPTIONS)
    program(*command, "--skip-ground-truth", "--num-pairs", 0)  # fits the model
    monkeypatch.setattr(tiling, "row_facts", writing)
    ran = program(*command)
    assert (ran.code, "changed while it was in use" in ran.err) == (2, True)
    without = program(*command, "--skip-ground-truth")
    assert without.code == 1
    (failed,) = Database(tmp_path / "x.db").runs("status = 'failed'")
    assert "base.npy' changed while it was in use" in failed.error


@pytest.mark.parametrize("lost", ["nothing", "results.db", "results/evaluate-00001.db"])
def test_a_study_folder_with_results_of_other_vectors_is_brought_up_to_date(lost, program, large, tmp_path):
    command = ("sweep", "--dataset", large, "--method", "sq", "--bits", 8, "--chunks", 2, *OPTIONS)
    folder = tmp_path / "study"
    assert program(*command, "--study-dir", folder, "--db-path", "x.db").code == 0
    if lost != "nothing":
        (folder / "results.db").unlink()
        (folder / lost).unlink(missing_ok=True)
        (tmp_path / "x.db").unlink()
    rewrite(large)
    ran = program(*command, "--study-dir", folder, "--db-path", "x.db")
    assert ran.code == 0, ran.err
    assert "more results belong to vectors that have changed since; renamed" in ran.err
    assert program(*command, "--db-path", "fresh.db", "--codebooks-dir", "fresh", "--cache-dir", "fresh").code == 0
    ours, fresh = row(tmp_path / "x.db", "sq"), row(tmp_path / "fresh.db", "sq")
    assert [ours.metrics[name] for name in ("mse", "recall_at_10")] == [
        fresh.metrics[name] for name in ("mse", "recall_at_10")
    ]


def test_a_study_whose_files_were_touched_between_its_tasks_goes_on(program, large, tmp_path):
    command = (
        *("sweep", "--dataset", large, "--method", "sq", "--bits", 8, "--chunks", 2, "--skip-ground-truth"),
        *("--study-dir", "study", *OPTIONS),
    )
    assert program(*command, "--db-path", "x.db").code == 0
    (tmp_path / "study" / "results.db").unlink()
    (tmp_path / "study" / "results" / "evaluate-00001.db").unlink()
    os.utime(large / "base.npy", ns=(0, 5_000_000_000))
    ran = program(*command, "--db-path", "y.db")
    assert ran.code == 0, ran.out
    assert "renamed" not in ran.err
    assert row(tmp_path / "x.db", "sq").metrics["mse"] == row(tmp_path / "y.db", "sq").metrics["mse"]


def test_a_given_truth_is_looked_at_though_all_is_done(program, large, tmp_path):
    command = ("run", "--dataset", large, "--method", "none", "--db-path", "x.db", *OPTIONS)
    assert program(*command).code == 0
    missing = program(*command, "--ground-truth-path", "nowhere.npz")
    assert missing.code == 2
    assert "the ground truth file 'nowhere.npz' does not exist" in missing.err
    np.save(tmp_path / "wrong.npy", np.tile(np.arange(10), (30, 1)))
    wrong = program(*command, "--ground-truth-path", "wrong.npy")
    assert wrong.code == 2
    assert "is not the ground truth of this data set" in wrong.err
    assert program("precompute-gt", "--dataset", large, "--output-path", "gt.npz", "--k", 10).code == 0
    right = program(*command, "--ground-truth-path", "gt.npz")
    assert right.code == 0
    assert "1 of 1 cells were already done" in right.out
    rewrite(large)
    assert program(*command).code == 0
    outdated = program(*command, "--ground-truth-path", "gt.npz")
    assert outdated.code == 2
    assert "the vectors have changed since the ground truth 'gt.npz' was computed" in outdated.err


def test_no_export_is_of_a_run_or_a_folder_of_other_vectors(program, large, tmp_path):
    np.save(large / "learn.npy", np.random.default_rng(4).standard_normal((2000, 8)).astype(np.float32))
    program("run", "--dataset", large, "--method", "sq", "--bits", 8, "--db-path", "x.db", *OPTIONS)
    stored = ("--run-id", row(tmp_path / "x.db", "sq").run_id, "--db-path", "x.db")
    fitted = ("--method", "sq", "--bits", 8, "--train-size", 500)

    def export(model, output):
        return program("export", "--dataset", large, *model, "--output", output)

    assert export(stored, "folder").code == 0
    assert "already holds this export" in export(fitted, "folder").err
    os.utime(large / "base.npy", ns=(0, 5_000_000_000))
    assert export(stored, "touched").code == 0
    rewrite(large)
    outdated = export(stored, "new")
    assert (outdated.code, "changed since run" in outdated.err) == (2, True)
    assert not (tmp_path / "new").exists()
    other = export(fitted, "folder")
    assert (other.code, "holds a different export: its content of the data is" in other.err) == (2, True)
