"""`compare` on stored rows of a real sweep, against a computation by hand from the values that it exports."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats


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
    error = np.sqrt(d.mean(axis=0).var(ddof=1) / 40 + d.mean(axis=1).var(ddof=1) / 2)
    assert found["p"] == pytest.approx(max(2 * stats.norm.sf(abs(d.mean()) / error), 2.0 ** (1 - 40)))
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
    assert {(each["difference"], each["p"], *each["interval"]) for each in found} == {(0, 1, 0, 0)}


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
