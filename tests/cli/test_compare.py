"""`compare` on stored rows of a real sweep, against a computation by hand from the values that it exports."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from vq_benchmark.datasets.checks.unusable_rows import probe_rows


@pytest.fixture
def swept(program, vectors):
    words = ("--dataset", vectors, "--method", "sq,eden", "--train-size", 500, "--threads", 1, "--metric", "cosine")
    ran = program("sweep", *words, "--bits", "4", "--seeds", "0,1", "--db-path", "a.db")
    assert ran.code == 0, ran.err
    return ran


def test_the_result_agrees_with_the_exported_values(program, swept):
    ran = program("compare", "eden", "sq", "--db-path", "a.db", "--export", "values.csv", "--json")
    assert ran.code == 0, ran.err
    (found,) = json.loads(ran.out)
    with Path("values.csv").open(newline="") as file:
        _, *rows = csv.reader(file)
    a, b = np.split(np.array(rows, dtype=float)[:, 1:].T, 2)
    d = a - b
    assert found["queries"] == d.shape[1] == 40
    assert found["mean_a"] == pytest.approx(a.mean())
    assert found["difference"] == pytest.approx(d.mean())
    of_queries, of_seeds = (d.mean(axis=axis).var(ddof=1) / d.shape[1 - axis] for axis in (0, 1))
    rest = d - d.mean(axis=0) - d.mean(axis=1)[:, None] + d.mean()
    of_both = (rest**2).sum() / (39 * 40 * 2)
    variance = max(of_queries + of_seeds - of_both, of_queries)
    degrees = variance**2 / (of_queries**2 / 39 + of_seeds**2 + of_both**2 / 39)
    expected = max(2 * stats.t.sf(abs(d.mean()) / np.sqrt(variance), degrees), 2.0 ** (1 - 40))
    assert found["p"] == pytest.approx(expected, rel=0.05)
    assert found["p_holm"] == found["p"]
    low, high = found["interval"]
    assert low < found["difference"] < high
    text = program("compare", "eden", "sq", "--db-path", "a.db").out
    assert f"{d.mean():+.4f}" in text
    assert "Recall@10 of 40 queries" in text


def test_two_databases_and_equal_rows(program, swept):
    shutil.copy("a.db", "b.db")
    found = json.loads(program("compare", "a.db", "b.db", "--json").out)
    assert len(found) == 2
    for each in found:
        assert (each["difference"], each["p"], each["queries_that_differ"]) == (0, 1, 0)
        assert (each["same_result"], each["interval"]) == (True, None)
    text = program("compare", "a.db", "b.db").out
    assert text.count("same result") == 2
    assert "queries that were not asked" not in text


def test_a_file_named_like_a_method_is_no_database(program, swept):
    Path("sq").write_text("notes")
    Path("eden").mkdir()
    assert program("compare", "eden", "sq", "--db-path", "a.db").code == 0
    shutil.copy("a.db", "results")
    assert program("compare", "results", "a.db").code == 0


def test_rows_of_chunks_point_to_merge(program, swept, vectors):
    words = ("--dataset", vectors, "--metric", "cosine", "--train-size", 500, "--threads", 1, "--bits", 4)
    ran = program("run", *words, "--method", "caq", "--data-chunk-end", 600, "--db-path", "a.db")
    assert ran.code == 0, ran.err
    assert (
        "caq has only rows of chunks; combine them with `vq-benchmark merge`."
        in program("compare", "caq", "sq", "--db-path", "a.db").err
    )


def test_rows_that_two_databases_do_not_share_are_named(program, swept, vectors):
    words = ("--dataset", vectors, "--metric", "cosine", "--train-size", 500, "--threads", 1, "--bits", 4)
    for method, depth in (("sq", 100), ("eden", 10)):
        assert program("run", *words, "--method", method, "--k", depth, "--db-path", "b.db").code == 0
    ran = program("compare", "a.db", "b.db")
    assert ran.code == 0
    assert "A: a.db, B: b.db" in ran.out
    assert "sq bits=4" in ran.out
    assert "not compared: eden bits=3" in ran.err
    assert "different depths of the ground truth, 100 and 10" in ran.err


def test_two_data_sets_in_one_database(program, swept, vectors):
    shutil.copytree(vectors, "other vectors")
    words = ("--dataset", "other vectors", "--dataset-limit", 3000, "--metric", "cosine", "--train-size", 500)
    assert program("sweep", *words, "--method", "sq,eden", "--bits", 4, "--threads", 1, "--db-path", "a.db").code == 0
    ran = program("compare", "sq", "eden", "--db-path", "a.db")
    assert ran.code == 2
    assert "give --dataset" in ran.err
    for name, seeds in (("my vectors", 2), ("other vectors", 1)):
        (found,) = json.loads(program("compare", "sq", "eden", "--dataset", name, "--db-path", "a.db", "--json").out)
        assert (found["dataset"], len(found["seeds"])) == (name, seeds)
    assert (
        "available: my vectors, other vectors"
        in program("compare", "sq", "eden", "--dataset", "x", "--db-path", "a.db").err
    )
    shutil.copy("a.db", "b.db")
    text = program("compare", "a.db", "b.db").out
    assert text.count("A: a.db, B: b.db") == 2
    assert text.index("my vectors, cosine") < text.index("other vectors, cosine")


def test_a_configuration_is_selected_by_budget_and_by_numbers_in_any_writing(program, swept):
    for selector in ("sq:bits=4.0", "sq:budget=4", "sq:query_bits=float"):
        assert program("compare", "eden", selector, "--db-path", "a.db").code == 0


def test_a_table_of_80_columns_keeps_every_number_in_one_line(program, swept, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = program("compare", "sq", "eden", "--db-path", "a.db").out.splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = (line for line in lines if " to " in line)
    assert re.fullmatch(r"eden.* 0\.\d{3} +0\.\d{3} +[+-]0\.\d{4} [+-]0\.\d{4} to [+-]0\.\d{4} .* 2", row.strip())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("eden", "nonsense"), "'nonsense' is neither a method nor the start of a run_id"),
        (("eden", "sq:bits=7"), "sq has no finished row with 'bits=7'"),
        (("eden", "sq", "--metric", "mse"), "has no values of 'mse' for each query; it has: recall_at_1"),
        (("eden", "a.db"), "'a.db' is a file; give two results databases"),
    ],
)
def test_what_cannot_be_compared_is_refused(program, swept, words, said):
    ran = program("compare", *words, "--db-path", "a.db")
    assert ran.code == 2
    assert said in ran.err


def test_rows_of_other_queries_and_several_configurations_are_refused(program, swept, vectors):
    words = ("--dataset", vectors, "--method", "sq", "--metric", "cosine", "--train-size", 500, "--threads", 1)
    assert program("run", *words, "--bits", 8, "--k", 10, "--db-path", "a.db").code == 0
    assert "means 2 configurations" in program("compare", "eden", "sq", "--db-path", "a.db").err
    ran = program("compare", "eden", "sq:bits=8", "--db-path", "a.db")
    assert "different depths of the ground truth, 100 and 10" in ran.err


def test_rows_that_were_measured_in_several_ways_are_compared_in_one_and_it_is_said(program, swept, vectors):
    words = ("--dataset", vectors, "--metric", "cosine", "--threads", 1, "--bits", 4, "--db-path", "a.db")
    ran = program("run", *words, "--method", "sq", "--train-size", 260)
    assert ran.code == 0, ran.err
    ran = program("compare", "eden", "sq", "--db-path", "a.db", "--json")
    (found,) = json.loads(ran.out)
    assert (found["seeds"], found["measured_differently"]) == ([[0, 0], [1, 1]], None)
    assert found["b"].endswith("train_size=500")
    ran = program("compare", "eden", "sq:train_size=260", "--db-path", "a.db")
    assert "were measured differently: train_size=500 and 260." in " ".join(ran.out.split())
    table = program("results", "--db-path", "a.db").out
    assert "train_size=260" in table and "train_size=500" in table
    shutil.copy("a.db", "b.db")
    names = [each["a"] for each in json.loads(program("compare", "a.db", "b.db", "--json").out)]
    assert len(names) == 3 and sum("train_size=260" in name for name in names) == 1


def test_two_databases_of_changed_vectors_are_refused(program, tmp_path):
    """The sampled rows, and so the fingerprint, and the best score of each query stay the same."""
    rng = np.random.default_rng(0)
    base, queries = (rng.standard_normal((n, 8)).astype(np.float32) for n in (3000, 30))
    folder = tmp_path / "changing"
    folder.mkdir()
    np.save(folder / "queries.npy", queries)
    exact = 2 * queries.astype(float) @ base.T.astype(float) - (base.astype(float) ** 2).sum(1)
    kept = np.union1d(exact.argmax(1), probe_rows(len(base)))
    words = (
        "--dataset",
        folder,
        "--metric",
        "l2",
        "--method",
        "sq",
        "--bits",
        4,
        "--train-size",
        500,
        "--threads",
        1,
    )
    for name in ("a.db", "b.db"):
        np.save(folder / "base.npy", base)
        ran = program("run", *words, "--db-path", name)
        assert ran.code == 0, ran.err
        base[np.setdiff1d(np.arange(len(base)), kept)] += 40
    ran = program("compare", "a.db", "b.db")
    assert ran.code != 0
    assert "cannot be compared: they have different contents" in ran.err
