"""`export` and `--with-qps` from the command line."""

import re

import faiss
import numpy as np
import pytest

from vq_benchmark.evaluation import search_speed
from vq_benchmark.results.database import Database

OPTIONS = ("--k", 10, "--train-size", 2000, "--num-pairs", 500, "--threads", 1, "--db-path", "x.db")


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Time searches for milliseconds: what is tested is not how long they take."""
    monkeypatch.setattr(search_speed, "SAMPLE_SECONDS", 1e-4)
    monkeypatch.setattr(search_speed, "LEAST_SECONDS", 1e-3)


def stored(tmp_path):
    return list(Database(tmp_path / "x.db").runs())


def test_a_run_with_qps_has_rate_and_recall_of_one_index(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "pq", "--param", "m=8", *OPTIONS)
    assert program(*run).code == 0
    assert "queries_per_second" not in stored(tmp_path)[0].metrics
    ran = program(*run, "--with-qps")
    assert ran.code == 0, ran.err
    assert "IndexPQ" in ran.out
    assert "its search index takes 0.0 MB of memory" in ran.err
    (timed,) = [row for row in stored(tmp_path) if "queries_per_second" in row.metrics]
    assert timed.metrics["queries_per_second"] > 0
    assert timed.metrics["latency_p50_ms"] <= timed.metrics["latency_p99_ms"]
    assert timed.metrics["search_threads"] == 1
    assert abs(timed.metrics["search_recall_at_10"] - timed.metrics["recall_at_10"]) < 0.01
    assert timed.environment["model_reused"]
    again = program(*run, "--with-qps")
    assert "nothing left to do" in again.out
    assert "IndexPQ" in again.out
    assert len(stored(tmp_path)) == 2


def test_a_method_without_an_index_has_no_rate_and_says_so(program, vectors, tmp_path):
    ran = program("sweep", "--dataset", vectors, "--method", "eden", "--bits", "5,8", *OPTIONS, "--with-qps")
    assert ran.code == 0, ran.err
    assert "has no index or scan, so it has no queries_per_second" in " ".join(ran.out.split())
    rows = {row.config["bits"]: row for row in stored(tmp_path)}
    assert "queries_per_second" not in rows[7].metrics
    timed = rows[4]
    assert timed.environment["search_index"] == "scan (4-bit codes, 8-bit queries, levels rounded to 7 bits)"
    assert timed.environment["search_index"] in " ".join(ran.out.split())
    assert abs(timed.metrics["search_recall_at_10"] - timed.metrics["recall_at_10"]) < 0.01


def test_an_index_behind_a_rotation_is_named(program, vectors):
    ran = program("run", "--dataset", vectors, "--method", "opq", "--param", "m=8", *OPTIONS, "--with-qps")
    assert "IndexPreTransform(IndexPQ)" in ran.out


def test_an_unstable_rate_is_called_so(program, vectors, monkeypatch, tmp_path):
    monkeypatch.setattr(search_speed, "batch_rates", lambda *_: np.array([100.0, 200, 300, 400, 500]))
    ran = program("run", "--dataset", vectors, "--method", "sq", "--bits", 8, *OPTIONS, "--with-qps")
    assert "Unstable: the quartiles differ by 67% of the rate" in " ".join(ran.out.split())
    assert stored(tmp_path)[0].metrics["queries_per_second_spread"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data-chunk-end", 4096], "not rows 0 to 4096 of 5000"),
        (["--skip-ground-truth"], "--with-qps needs recall"),
        (["--no-with-recall"], "--with-qps needs recall"),
    ],
)
def test_qps_of_what_has_none_is_refused(program, vectors, tmp_path, options, words):
    ran = program("run", "--dataset", vectors, "--method", "sq", "--bits", 8, *OPTIONS, "--with-qps", *options)
    assert ran.code == 2
    assert words in ran.err
    assert not (tmp_path / "x.db").exists()


def test_a_stored_run_and_its_method_export_the_same_index(program, vectors, tmp_path):
    method = ("--method", "pq", "--param", "m=8")
    program("run", "--dataset", vectors, *method, *OPTIONS)
    (row,) = stored(tmp_path)
    ran = program(
        "export", "--dataset", vectors, "--run-id", row.run_id, "--db-path", "x.db", "--output", "of run.faiss"
    )
    assert ran.code == 0, ran.err
    program("export", "--dataset", vectors, *method, "--train-size", 2000, "--output", "deep/of method.faiss")
    index = faiss.read_index(str(tmp_path / "of run.faiss"))
    assert index.ntotal == 5000
    assert (tmp_path / "of run.faiss").read_bytes() == (tmp_path / "deep" / "of method.faiss").read_bytes()


def test_held_out_rows_are_exported_under_their_own_numbers(program, vectors, tmp_path):
    base = np.load(vectors / "base.npy")
    ran = program("export", "--dataset", vectors / "base.npy", "--method", "none", "--output", "i.faiss")
    assert ran.code == 0, ran.err
    assert "500 vectors held out as queries" in ran.out
    np.testing.assert_array_equal(faiss.read_index("i.faiss").reconstruct_n(0, 5000), base)


def test_cosine_is_said(program, vectors):
    ran = program(
        "export", "--dataset", vectors, "--metric", "cosine", "--method", "sq", "--bits", 8, "--output", "i.faiss"
    )
    assert "normalise your queries too" in ran.out
    index = faiss.read_index("i.faiss")
    assert index.metric_type == faiss.METRIC_INNER_PRODUCT
    np.testing.assert_allclose(np.linalg.norm(index.reconstruct_n(0, 100), axis=1), 1, atol=0.02)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--output", "i.faiss"], "either --method or --run-id"),
        (["--method", "sq", "--run-id", "0" * 24, "--output", "i.faiss"], "either --method or --run-id"),
        (["--run-id", "0" * 24, "--bits", 8, "--output", "i.faiss"], "omit --bits"),
        (["--run-id", "0" * 24, "--output", "i.faiss"], "there is no run"),
        (["--method", "eden", "--bits", 2, "--output", "i.faiss"], "give a folder as --output"),
        (["--method", "sq", "--bits", 1, "--output", "i.faiss"], "at least 4 bits"),
        (["--method", "pq", "--param", "m=2,4", "--output", "i.faiss"], "takes one configuration"),
    ],
)
def test_impossible_exports_are_refused(program, vectors, tmp_path, options, words):
    ran = program("export", "--dataset", vectors, *options)
    assert ran.code == 2
    assert words in ran.err
    assert not (tmp_path / "i.faiss").exists()
    assert not (tmp_path / "codebooks").exists()


def test_a_run_is_not_exported_with_other_data_or_another_model(program, vectors, tmp_path):
    program("run", "--dataset", vectors, "--method", "sq", "--bits", 8, *OPTIONS)
    (row,) = stored(tmp_path)
    export = ("export", "--dataset", vectors, "--run-id", row.run_id, "--db-path", "x.db", "--output", "i.faiss")
    assert "used other data" in program(*export, "--dataset-limit", 4000).err
    assert "--codebooks-dir" in program(*export, "--codebooks-dir", "elsewhere").err
    (model,) = (tmp_path / "codebooks").iterdir()
    program("run", "--dataset", vectors, "--method", "sq", "--bits", 4, *OPTIONS)
    (other,) = set((tmp_path / "codebooks").iterdir()) - {model}
    other.replace(model)
    assert "it is a different model" in program(*export).err
    model.write_bytes(b"damaged")
    assert "not a readable model" in program(*export).err
    assert not (tmp_path / "i.faiss").exists()


def test_a_failed_run_has_no_model_to_export(program, vectors, tmp_path):
    program("run", "--dataset", vectors, "--method", "pq", "--param", "m=8", *OPTIONS, "--train-size", 10)
    (row,) = stored(tmp_path)
    assert row.status == "failed"
    ran = program("export", "--dataset", vectors, "--run-id", row.run_id, "--db-path", "x.db", "--output", "i.faiss")
    assert ran.code == 2
    assert "has no fitted model" in ran.err


@pytest.mark.parametrize("output", ["folder", "index.faiss"])
def test_a_full_disk_is_one_sentence_and_nothing_half_written(program, vectors, small_disk, output):
    small_disk.fill(8192)
    arguments = ("--dataset", vectors, "--method", "sq", "--bits", 8)
    refused = program("export", *arguments, "--output", small_disk.path / output)
    assert refused.code == 2
    named = output if output.endswith(".faiss") else f"{output}/codes.npy"
    assert refused.err.splitlines()[-1].endswith(f"/{named}' cannot be written: No space left on device.")
    assert [path.name for path in small_disk.path.iterdir()] == ["filler"]


def test_an_export_that_is_there_is_done_and_another_one_is_not_replaced(program, vectors, tmp_path):
    arguments = ("export", "--dataset", vectors, "--output", "made", "--method", "sq", "--threads", 1)
    assert program(*arguments, "--bits", 8).code == 0
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "made").iterdir()}
    again = program(*arguments, "--bits", 8)
    assert again.code == 0
    assert "'made' already holds this export" in again.err
    assert "5,000 vectors of dimension 16, sq, 8 bits per dimension: made" in again.out
    for change, words in (
        (("--bits", 4), "its model is sq .*, its size is 5000 x 16 bytes, expected 5000 x 8 bytes"),
        (("--bits", 8, "--metric", "ip"), "its data is .*, its metric is l2, expected ip"),
        (("--bits", 8, "--dataset-limit", 100), "its size is 5000 x 16 bytes, expected 100 x 16 bytes"),
    ):
        refused = program(*arguments, *change)
        assert refused.code == 2
        assert re.search(rf"the folder 'made' holds a different export: .*{words}; choose another", refused.err)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "made").iterdir()} == before
