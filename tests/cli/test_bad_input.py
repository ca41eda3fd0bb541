"""Every refusal: exit code 2, one sentence that says what is wrong, no traceback, nothing written."""

import struct
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.results.database import Database

DEFAULTS = {"--method": "sq", "--bits": "8", "--db-path": "x.db"}


def arguments(vectors: Path, **changes: object) -> list[object]:
    options = {
        "--dataset": vectors,
        **DEFAULTS,
        **{f"--{name.replace('_', '-')}": value for name, value in changes.items()},
    }
    return ["run", *(part for name, value in options.items() if value is not None for part in (name, value))]


def assert_refused(ran, tmp_path: Path, *words: str) -> None:
    assert ran.code == 2, (ran.out, ran.err)
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err.replace("\n", " "), ran.err
    for left in ("x.db", "logs", "codebooks"):
        assert not (tmp_path / left).exists(), f"{left} was written"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "no-such-thing"}, ["no-such-thing", "sample"]),
        ({"method": "pqq"}, ["pqq", "pq"]),
        ({"bits": "1"}, ["sq", "4"]),
        ({"bits": None, "param": "bits=9"}, ["9", "must be 4, 6, 8"]),
        ({"bits": None, "param": "colour=red"}, ["colour", "bits"]),
        ({"bits": None, "param": "bits"}, ["NAME=VALUE"]),
        ({"bits": "8", "param": "bits=8"}, ["either --bits or --param"]),
        ({"method": "pq", "bits": None, "param": "m=5"}, ["m", "5", "16"]),
        ({"k": 0}, ["--k", "0"]),
        ({"k": 500}, ["--k", "500", "200"]),
        ({"num_queries": 0}, ["--num-queries"]),
        ({"threads": 0}, ["--threads", "0"]),
        ({"train_size": 0}, ["--train-size", "0"]),
        ({"batch_size": 0}, ["batch"]),
        ({"checkpoint_every": "5 days"}, ["--checkpoint-every", "5 days", "300s"]),
        ({"checkpoint_dir": "%j"}, ["SLURM_JOB_ID"]),
        ({"data_chunk_start": 10, "data_chunk_end": 10}, ["10", "5000"]),
        ({"data_chunk_start": 5000, "data_chunk_end": 6000}, ["5000", "has 5000 rows"]),
        ({"data_chunk_start": -1}, ["-1", "0 <= start"]),
        ({"num_samples": 10}, ["--dataset-limit"]),
        ({"dataset_limit": 0}, ["0"]),
        ({"ground_truth_path": "missing.npz"}, ["missing.npz"]),
        ({"queries_path": "missing.npy"}, ["missing.npy"]),
        ({"db_path": "%j.db"}, ["SLURM_JOB_ID"]),
        ({"num_pairs": -1}, ["--num-pairs", "-1"]),
        ({"seed": -1}, ["seed", "-1"]),
        ({"seed": 2**31}, ["seed", "2147483648", "2147483647"]),
        ({"bits": "nan"}, ["--bits", "nan", "above 0"]),
        ({"bits": "inf"}, ["--bits", "inf"]),
        ({"bits": "-1", "method": "none"}, ["--bits", "-1", "above 0"]),
    ],
)
def test_impossible_options(program, vectors, tmp_path, changes, words):
    assert_refused(program(*arguments(vectors, **changes)), tmp_path, *words)


def test_a_missing_data_set_option(program, tmp_path):
    assert_refused(program("run", "--method", "sq", "--bits", 8), tmp_path, "--dataset")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "'rnu'"),
        (["run", "--colour", "red"], "--colour"),
        (["run", "--dataset", "sample", "--method", "sq", "--metric", "taxicab"], "'l2', 'ip' or 'cosine'"),
        (["sweep", "--dataset", "sample", "--method", "sq", "--num-queries", "many"], "--num-queries"),
        (["merge"], "OUTPUT"),
    ],
)
def test_bad_usage_is_one_line(program, tmp_path, words, said):
    ran = program(*words)
    assert_refused(ran, tmp_path, said)
    assert ran.err.count("\n") == 1


def bad_npy(path: Path) -> None:
    np.save(path, np.zeros((10, 4), dtype=np.complex64))


def bad_fbin(path: Path) -> None:
    path.write_bytes(struct.pack("<II", 100, 4) + b"\0" * 10)


def truncated_npy(path: Path) -> None:
    np.save(path, np.ones((100, 4), dtype=np.float32))
    path.write_bytes(path.read_bytes()[:-40])


def nan_npy(path: Path) -> None:
    vectors = np.ones((100, 4), dtype=np.float32)
    vectors[17, 2] = np.nan
    np.save(path, vectors)


def huge_npy(path: Path) -> None:
    vectors = np.ones((100, 4), dtype=np.float32)
    vectors[17, 2] = 3e18
    np.save(path, vectors)


def empty_npy(path: Path) -> None:
    np.save(path, np.ones((0, 4), dtype=np.float32))


def three_axes_npy(path: Path) -> None:
    np.save(path, np.ones((3, 4, 5), dtype=np.float32))


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.npy", bad_npy, ["complex64"]),
        ("a.fbin", bad_fbin, ["a.fbin"]),
        ("a.npy", truncated_npy, ["a.npy"]),
        ("a.npy", nan_npy, ["1 of", "17"]),
        ("a.npy", huge_npy, ["1e+17", "17"]),
        ("a.npy", empty_npy, ["empty"]),
        ("a.npy", three_axes_npy, ["a.npy"]),
        ("a.txt", truncated_npy, [".txt"]),
    ],
)
def test_bad_files(program, tmp_path, name, make, words):
    make(tmp_path / name.replace(".txt", ".npy"))
    (tmp_path / name.replace(".txt", ".npy")).rename(tmp_path / name)
    assert_refused(program(*arguments(tmp_path / name, num_queries=5)), tmp_path, *words)


def test_bad_rows_that_no_sample_shows_stop_every_cell(program, vectors, tmp_path):
    base = np.random.default_rng(0).standard_normal((20_000, 4)).astype(np.float32)
    base[12_345, 0] = np.nan
    np.save(vectors / "base.npy", base)
    np.save(vectors / "queries.npy", base[:5])
    ran = program(*arguments(vectors, train_size=100), "--skip-ground-truth", "--bad-rows", "refuse")
    assert ran.code == 2
    assert "1 of the base rows" in ran.err
    assert "12345" in ran.err


@pytest.mark.parametrize("scale", [1e-30, 1e-38])
@pytest.mark.parametrize("metric", ["l2", "ip"])
@pytest.mark.parametrize("method", ["sq", "rabitq"])
def test_values_that_vanish_when_squared(program, vectors, tmp_path, scale, metric, method):
    for name in ("base.npy", "queries.npy"):
        np.save(vectors / name, np.load(vectors / name) * np.float32(scale))
    ran = program(*arguments(vectors, metric=metric, method=method))
    assert_refused(ran, tmp_path, "only values below 1e-17", "row 0", "scale the vectors up")


def test_one_row_of_another_scale_is_named_and_zero_rows_are_not(program, vectors, tmp_path):
    base = np.load(vectors / "base.npy")
    base[7] = 0
    base[9] *= np.float32(1e-30)
    np.save(vectors / "base.npy", base)
    ran = program(*arguments(vectors, metric="l2"))
    assert_refused(ran, tmp_path, "1 of the base rows", "first is row 9", "scale the vectors up")


def test_lengths_do_not_matter_under_cosine(program, vectors, tmp_path):
    said = []
    for scale in (1, 1e-38):
        for name in ("base.npy", "queries.npy"):
            np.save(vectors / name, np.load(vectors / name) * np.float32(scale))
        ran = program(*arguments(vectors, metric="cosine", method="rabitq"), "--force")
        assert ran.code == 0
        assert "Warning" not in ran.err
        (row,) = (row for row in Database(tmp_path / "x.db").runs() if row.run_id not in dict(said))
        said.append((row.run_id, row.metrics["recall_at_10"]))
    assert said[0][1] == pytest.approx(said[1][1], abs=0.02)
    assert said[0][1] > 0.5


@pytest.mark.parametrize("method", ["eden-faiss", "rabitq-faiss"])
def test_vectors_that_faiss_takes_for_their_mean(program, vectors, tmp_path, method):
    for name in ("base.npy", "queries.npy"):
        np.save(vectors / name, np.load(vectors / name) * np.float32(1e-6))
    ran = program(*arguments(vectors, method=method))
    assert ran.code == 1
    assert "faiss gives wrong codes below" in (next(Database(tmp_path / "x.db").runs()).error or "")


def test_zero_vectors_under_cosine(program, vectors, tmp_path):
    base = np.load(vectors / "base.npy")
    base[3] = 0
    np.save(vectors / "base.npy", base)
    ran = program(*arguments(vectors, metric="cosine", bad_rows="refuse"))
    assert_refused(ran, tmp_path, "zero", "the first is row 3;")
    base[:100] = 0
    np.save(vectors / "base.npy", base)
    assert_refused(program(*arguments(vectors, metric="cosine")), tmp_path, "the first is row 0;", "at most 1 %")


def test_chunks_that_left_out_rows_merge_to_the_row_of_the_whole(program, vectors, tmp_path):
    base = np.load(vectors / "base.npy")
    base[[3, 4999]] = 0
    np.save(vectors / "base.npy", base)
    for start, stop in ((0, 3), (3, 2000), (2000, 5000)):
        rows = ("--data-chunk-start", start, "--data-chunk-end", stop)
        assert program(*arguments(vectors, metric="cosine"), *rows).code == 0
    assert program("merge", "merged.db", "x.db").code == 0
    assert program(*arguments(vectors, metric="cosine", db_path="whole.db")).code == 0
    (merged,), (whole,) = (
        list(Database(tmp_path / name).runs("status = 'done'")) for name in ("merged.db", "whole.db")
    )
    for row in (merged, whole):
        assert row.environment["left_out_rows"] == {
            "count": 2, "share": 0.0004, "first": 3, "non_finite": 0, "zero": 2
        }  # fmt: skip
    assert merged.run_id == whole.run_id and merged.per_query == whole.per_query
    assert all(merged.metrics[name] == whole.metrics[name] for name in ("mse", "recall_at_10", "score_mse"))


def test_queries_of_another_dimension(program, vectors, tmp_path):
    np.save(vectors / "queries.npy", np.ones((4, 8), dtype=np.float32))
    assert_refused(program(*arguments(vectors)), tmp_path, "8", "16")


def ground_truth(vectors: Path, path: Path, change) -> Path:
    base, queries = np.load(vectors / "base.npy"), np.load(vectors / "queries.npy")
    distances = (queries**2).sum(1)[:, None] + (base**2).sum(1) - 2 * queries @ base.T
    np.save(path, change(np.argsort(distances, axis=1)[:, :100]))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ids: ids[:-1], ["39", "40", "--num-queries 39"]),
        (lambda ids: ids[:, :50], ["50", "100", "--k 50"]),
        (lambda ids: ids + 4990, ["4999"]),
        (lambda ids: ids - 10, ["-"]),
        (lambda ids: np.roll(ids, 1, axis=0), ["not the ground truth"]),
        (lambda ids: np.repeat(ids[:, :1], 100, axis=1), ["twice"]),
        (lambda ids: ids.astype(np.float32) + 0.5, ["float32"]),
    ],
    ids=["queries", "k", "range", "negative", "other", "repeated", "dtype"],
)
def test_ground_truth_of_other_data(program, vectors, tmp_path, change, words):
    path = ground_truth(vectors, tmp_path / "gt.npy", change)
    assert_refused(program(*arguments(vectors, ground_truth_path=path, metric="l2")), tmp_path, *words)


def test_ground_truth_file_of_other_vectors(program, vectors, tmp_path):
    program("precompute-gt", "--dataset", vectors, "--output-path", "gt.npz")
    base = np.load(vectors / "base.npy")
    np.save(vectors / "base.npy", base[::-1])
    ran = program(*arguments(vectors, ground_truth_path="gt.npz"))
    assert_refused(ran, tmp_path, "ground truth of different data", "base fingerprint")


def test_gpu_where_there_is_none(program, vectors, tmp_path):
    ran = program("precompute-gt", "--dataset", vectors, "--output-path", "gt.npz", "--use-gpu")
    assert_refused(ran, tmp_path, "--use-gpu", "GPU")
    assert not (tmp_path / "gt.npz").exists()


def test_databases_of_something_else(program, vectors, tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE addresses (name TEXT)")
    before = (tmp_path / "other.db").read_bytes()
    ran = program(*arguments(vectors, db_path="other.db"))
    assert_refused(ran, tmp_path, "other.db", "another application")
    assert (tmp_path / "other.db").read_bytes() == before


def test_debug_shows_the_traceback(program, vectors):
    with pytest.raises(Exception, match="there is no method"):
        program(*arguments(vectors, method="nonsense"), "--debug")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--method", "pq", "--param", "m=4", "--param", "m=8"), "m is given twice"),
        (("sweep", "--method", "pq", "--pq-subquantizers", "4", "--param", "pq.m=8"), "pq.m is given twice"),
    ],
)
def test_a_parameter_given_twice(program, vectors, tmp_path, words, said):
    assert_refused(program(*words, "--dataset", vectors, "--db-path", "x.db"), tmp_path, said)


def test_a_negative_seed_of_the_split(program, vectors, tmp_path):
    base = vectors / "base.npy"
    assert_refused(program(*arguments(base, split_seed=-1)), tmp_path, "--split-seed is -1; it must be at least 0.")


def test_a_negative_seed_of_generated_data(program, tmp_path):
    ran = program("generate-data", "--num-vectors", 10, "--dim", 4, "--output", "x.npy", "--seed", -1)
    assert_refused(ran, tmp_path, "invalid seed -1: it must be at least 0.")
    assert not (tmp_path / "x.npy").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("generate-data", "--num-vectors", 10, "--dim", 4, "--output", "file/x.npy"),
        ("precompute-gt", "--dataset", "sample", "--dataset-limit", 500, "--output-path", "file/gt.npz"),
        ("run", "--dataset", "sample", "--method", "sq", "--bits", 8, "--db-path", "file/x.db"),
    ],
)
def test_an_output_that_cannot_be_written(program, tmp_path, words):
    (tmp_path / "file").write_bytes(b"mine")
    assert_refused(program(*words), tmp_path, "file/", "cannot ")
    assert (tmp_path / "file").read_bytes() == b"mine"
    assert not (tmp_path / "cache").exists(), "work was done before the refusal"


def test_a_bad_row_that_is_found_on_the_way_has_its_number_in_the_file(program, tmp_path):
    base = np.random.default_rng(0).standard_normal((9000, 4)).astype(np.float32)
    base[4303] = np.nan  # between the runs of rows that are looked at when the data set is loaded
    np.save(tmp_path / "base.npy", base)
    ran = program(
        "precompute-gt", "--dataset", tmp_path / "base.npy", "--num-queries", 1000, "--output-path", "x.npz"
    )
    assert ran.code == 0
    assert "1 of 8,000 base rows (0.01 %) cannot be measured" in ran.err and "the first is row 4303;" in ran.err


def test_names_do_not_command_the_terminal(program, vectors, tmp_path):
    hostile = "x\x1b[2J\x1b]0;owned\x07\u202e"
    for arguments_ in (
        arguments(hostile),
        arguments(vectors, method=hostile),
        arguments(vectors, param=f"bits={hostile}", bits=None),
        ("merge", "out.db", hostile),
        ("inspect", "--dataset", vectors, "--vector-column", hostile),
        (hostile,),
        ("run", f"--{hostile}"),
    ):
        ran = program(*arguments_)
        assert ran.code == 2
        assert not any(character in ran.out + ran.err for character in "\x1b\x07\u202e")
        assert r"x\x1b[2J" in (ran.out + ran.err).replace("\\\\", "\\")


def test_a_data_set_whose_name_is_a_command(program, vectors, tmp_path):
    hostile = vectors.with_name("v\x1b[2J\x07$a$b_{")
    vectors.rename(hostile)
    for arguments_ in (
        arguments(hostile, threads=1),
        ("inspect", "--dataset", hostile),
        ("plot", "--db-path", "x.db"),
    ):
        ran = program(*arguments_)
        assert ran.code == 0, ran.err
        assert "\x1b" not in ran.out + ran.err
    assert list((tmp_path / "plots").iterdir())


@pytest.mark.parametrize("option", ["--study-dir", "--db-path", "--codebooks-dir"])
def test_an_empty_path_is_not_the_current_folder(program, vectors, tmp_path, option):
    before = sorted(tmp_path.rglob("*"))
    ran = program("sweep", *arguments(vectors, chunks=2)[1:], option, "")
    if option == "--study-dir":
        assert ran.code == 2
        assert "a path is empty" in ran.err
        assert sorted(tmp_path.rglob("*")) == before
    else:  # as if it were not given
        assert ran.code == 0


def test_names_of_array_tasks_expand_everywhere(program, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert program("generate-data", "--num-vectors", 5, "--dim", 2, "--output", "x%a.npy").code == 0
    assert (tmp_path / "x3.npy").exists()
    ran = program("merge", "out%a.db", "in%a.db")
    assert ran.code == 2
    assert "in3.db" in ran.err
