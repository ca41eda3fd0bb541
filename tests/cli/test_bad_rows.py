"""Rows that cannot be measured, from the command line: limits, chunks, studies, exports and published neighbours."""

from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality

METHOD = ("--method", "sq", "--bits", 4, "--k", 10, "--num-pairs", 200, "--train-size", 1000, "--threads", 1)


@pytest.fixture
def with_bad_rows(vectors):
    """The rows of `vectors` with a function that makes some of them bad."""

    def changed(*rows, value=np.nan):
        base = np.load(vectors / "base.npy")
        base[list(rows)] = value
        np.save(vectors / "base.npy", base)
        return base

    return changed


def run(program, vectors, *options):
    ran = program("run", "--dataset", vectors, *METHOD, *options)
    assert ran.code == 0, ran.err
    return ran


def finished(path):
    (row,) = Database(Path(path)).runs("status = 'done'")
    return row


def test_a_limit_leaves_out_those_among_its_rows(program, vectors, with_bad_rows, tmp_path):
    base = with_bad_rows(10, 2999, 3001)
    ran = run(program, vectors, "--dataset-limit", 3000, "--db-path", "limited.db")
    assert "2 of 3,000 base rows (0.07 %) cannot be measured" in ran.err and "the first is row 10;" in ran.err
    np.save(vectors / "base.npy", base[:3000])
    run(program, vectors, "--db-path", "cut.db")
    limited, cut = finished("limited.db"), finished("cut.db")
    assert quality(limited.metrics) == quality(cut.metrics) and limited.per_query == cut.per_query
    assert limited.environment["left_out_rows"]["count"] == 2


def test_a_chunk_of_nothing_else_and_exactly_one_percent(program, vectors, with_bad_rows):
    with_bad_rows(*range(1000, 1050))
    run(program, vectors, "--db-path", "whole.db")
    for start, stop in ((0, 1000), (1000, 1050), (1050, 5000)):
        chunk = ("--data-chunk-start", start, "--data-chunk-end", stop, "--db-path", f"parts/{start}.db")
        run(program, vectors, *chunk)
    assert program("merge", "merged.db", "parts").code == 0
    merged, whole = finished("merged.db"), finished("whole.db")
    assert quality(merged.metrics) == quality(whole.metrics) and merged.per_query == whole.per_query
    assert merged.environment["left_out_rows"] == whole.environment["left_out_rows"]
    assert whole.environment["left_out_rows"] == {
        "count": 50, "share": 0.01, "first": 1000, "non_finite": 50, "zero": 0,
    }  # fmt: skip
    with_bad_rows(4999)
    refused = program("run", "--dataset", vectors, *METHOD, "--db-path", "more.db")
    assert refused.code == 2 and "51 of 5,000" in refused.err


def test_tasks_of_a_study_merge_to_the_rows_of_a_sweep(program, vectors, with_bad_rows, tmp_path):
    with_bad_rows(0, 4095, 4096, 4999, value=0)
    options = ("--metric", "cosine", *METHOD[:-2])
    planned = program("study", "plan", "--dataset", vectors, *options, "--chunks", 2, "--study-dir", "study")
    assert planned.code == 0, planned.err
    counts = [("truth", 2), ("reduce", 1), ("fit", 1), ("evaluate", 2), ("merge", 1)]
    said = ""
    for stage, number in ((stage, number) for stage, count in counts for number in range(count)):
        task = program("study", "task", "study", stage, number, "--threads", 1)
        assert task.code == 0, task.err
        said += task.err
    assert "4 of 5,000 base rows (0.08 %) cannot be measured: 4 zero vectors under cosine, the first is row 0" in said
    assert program("sweep", "--dataset", vectors, *options, "--threads", 1, "--db-path", "sweep.db").code == 0
    study, sweep = finished(tmp_path / "study" / "results.db"), finished("sweep.db")
    assert quality(study.metrics) == quality(sweep.metrics) and study.run_id == sweep.run_id
    assert study.environment["left_out_rows"] == sweep.environment["left_out_rows"]


def test_a_study_of_too_many_is_refused_where_its_chunks_meet(program, vectors, with_bad_rows, tmp_path):
    with_bad_rows(*range(200, 226), *range(4500, 4526))
    plan = ("study", "plan", "--dataset", vectors, *METHOD[:-2], "--chunks", 2, "--study-dir", "study")
    assert program(*plan).code == 0
    for task in (("truth", 0), ("truth", 1)):
        assert program("study", "task", "study", *task).code == 0
    refused = program("study", "task", "study", "reduce", 0)
    assert refused.code != 0 and "52 of 5,000 base rows (1.04 %)" in " ".join(refused.err.split())


def test_an_export_lists_rows_without_a_code(program, vectors, with_bad_rows, tmp_path):
    clean = np.load(vectors / "base.npy")
    method = ("--method", "none", "--threads", 1)
    assert program("export", "--dataset", vectors, *method, "--output", "clean").code == 0
    assert not (tmp_path / "clean" / "left_out.npy").exists()
    with_bad_rows(0, 4096, 4999)
    ran = program("export", "--dataset", vectors, *method, "--output", "made")
    assert ran.code == 0, ran.err
    assert "3 of 5,000 rows cannot be measured" in ran.err and "left_out.npy lists them" in ran.err
    left_out = np.load(tmp_path / "made" / "left_out.npy")
    assert (left_out.tolist(), left_out.dtype) == ([0, 4096, 4999], np.int64)
    codes = np.load(tmp_path / "made" / "codes.npy")
    assert codes.shape == (5000, 64) and not codes[left_out].any()
    np.testing.assert_array_equal(np.delete(codes.view(np.float32), left_out, 0), np.delete(clean, left_out, 0))
    assert "already holds this export" in program("export", "--dataset", vectors, *method, "--output", "made").err
    refused = program("export", "--dataset", vectors, *method, "--bad-rows", "refuse", "--output", "other")
    assert refused.code == 2 and "the first is row 0;" in refused.err and not (tmp_path / "other").exists()


@pytest.mark.parametrize("rows", [400, 500])
def test_published_neighbours_of_all_queries_where_one_is_left_out(program, vectors, with_bad_rows, tmp_path, rows):
    base = with_bad_rows(7, 300, value=0)
    queries = np.random.default_rng(3).standard_normal((500, 16)).astype(np.float32)
    queries[250] = 0
    np.save(vectors / "queries.npy", queries)
    good = np.where(base.any(axis=1), np.linalg.norm(base, axis=1), np.inf)
    nearest = np.argsort(-(queries @ base.T) / good, axis=1)[:rows, :30]
    nearest[100, 1:] = np.array([*nearest[100, 1:12], 300, *nearest[100, 12:29]])  # a zero row on the way
    np.save(tmp_path / "gt.npy", nearest)
    options = ("--metric", "cosine", "--num-queries", 400, "--ground-truth-path", "gt.npy", "--db-path", "x.db")
    ran = run(program, vectors, *options)
    assert "1 of 400 queries (0.25 %) cannot be measured" in " ".join(ran.err.split())
    row = finished("x.db")
    assert row.environment["left_out_queries"] == [250]
    run(program, vectors, *options[:4], "--db-path", "own.db", "--cache-dir", "other")
    assert row.metrics["recall_at_10"] == finished("own.db").metrics["recall_at_10"]
