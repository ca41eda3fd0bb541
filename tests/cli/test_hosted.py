"""Hosted data sets by name through the command line: run, sweep, inspect, and what every row says of its data."""

import json
import sqlite3

import numpy as np
import pytest
from hosted_files import big_ann_bytes, host_dataset
from hosting import COMMIT

from vq_benchmark.datasets.hosted.registry import MANIFEST

CROPS = ("-10M", "-100M")
"""Names of prefixes that the host of the tests is too small for; a limit takes a shorter one."""
N = 120
SMALL = ("--k", 10, "--num-queries", 8, "--threads", 1, "--db-path", "x.db", "--codebooks-dir", "codebooks")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows_of(database="x.db"):
    with sqlite3.connect(database) as connection:
        found = connection.execute("SELECT status, environment, metrics, dataset, dataset_fingerprint FROM runs")
        return [(status, json.loads(facts), json.loads(metrics), *rest) for status, facts, metrics, *rest in found]


@pytest.mark.parametrize("name", MANIFEST)
def test_sweep_by_name(program, host, name):
    host_dataset(host, MANIFEST[name], N)
    limit = ("--dataset-limit", 100) if name.endswith(CROPS) else ()
    command = ("sweep", "--dataset", name, "--method", "sq,none", "--bits", "8", *limit, *SMALL)
    ran = program(*command)
    assert ran.code == 0, ran.err
    rows = rows_of()
    assert [status for status, *_ in rows] == ["done", "done"]
    for _, facts, metrics, dataset, fingerprint in rows:
        assert dataset == name and facts["dataset_fingerprint"] == fingerprint
        assert facts["dataset_revision"].startswith("sha256:") or facts["dataset_revision"].endswith(COMMIT)
        assert metrics["recall_at_10"] > 0.5
    assert "downloading" in ran.err
    asked = len(host.requests)
    assert program(*command).code == 0
    assert len(host.requests) == asked


@pytest.mark.parametrize("name", MANIFEST)
def test_run_by_name(program, host, name):
    host_dataset(host, MANIFEST[name], N)
    ran = program("run", "--dataset", name, "--method", "sq", "--bits", 8, "--dataset-limit", 100, *SMALL)
    assert ran.code == 0, ran.err
    assert rows_of()[0][0] == "done"


def test_any_repository_by_name_and_its_column(program, host):
    host_dataset(host, MANIFEST["dbpedia-100k"], N)
    repository = MANIFEST["dbpedia-100k"].files.repository
    ran = program(
        "run", "--dataset", f"hf:{repository}:train", "--vector-column", "text-embedding-3-large-1536-embedding",
        "--method", "sq", "--bits", 8, *SMALL,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert rows_of()[0][1]["dataset_revision"] == f"{repository}@{COMMIT}"


def test_the_cache_is_where_the_option_says(program, host, tmp_path):
    host_dataset(host, MANIFEST["glove-25-angular"], N)
    for command in (["inspect"], ["precompute-gt", "--output-path", "truth.npz", "--k", 5]):
        ran = program(*command, "--dataset", "glove-25-angular", "--cache-dir", "elsewhere")
        assert ran.code == 0, ran.err
    kept = tmp_path / "elsewhere" / "datasets" / "glove-25-angular"
    assert (kept / "glove-25-angular.hdf5").is_file()
    assert len(host.requests) == 1 and not (tmp_path / "cache").exists()


def test_right_neighbours_of_the_host_are_used(program, host):
    host_dataset(host, MANIFEST["sift-128-euclidean"], N)
    ran = program("run", "--dataset", "sift-128-euclidean", "--method", "sq", "--bits", 8, *SMALL)
    assert "checking the ground truth that came with the data" in ran.err
    assert "exact neighbours of 8 queries" not in ran.err


def test_wrong_neighbours_of_the_host_are_refused_with_the_reason(program, host):
    content = host_dataset(host, MANIFEST["deep"], N)
    files = MANIFEST["deep"].files
    wrong = np.sort(content.neighbors)[:, ::-1].astype("<i4")
    host.put(dict(files.neighbors)[10**9], big_ann_bytes(wrong) + np.zeros(wrong.shape, "<f4").tobytes())
    ran = program("run", "--dataset", "deep", "--method", "none", *SMALL)
    assert ran.code == 0
    assert "not the ground truth of this data set" in ran.err and "computing exact neighbours instead" in ran.err
    assert rows_of()[0][2]["recall_at_10"] == 1


def test_queries_that_are_in_the_base_are_counted(program, host):
    content = host_dataset(host, MANIFEST["deep"], N)
    queries = content.queries.copy()
    queries[:3] = content.base[[5, 50, 100]]
    host.put(MANIFEST["deep"].files.queries, big_ann_bytes(queries))
    ran = program("run", "--dataset", "deep", "--method", "none", *SMALL)
    assert "3 of 8 queries also occur in the base" in ran.err
    assert rows_of()[0][1]["queries_in_base"] == 3


def test_a_missing_file_is_one_line_and_exit_code_2(program, host):
    ran = program("run", "--dataset", "sift-128-euclidean", "--method", "sq", "--bits", 8)
    assert ran.code == 2 and "answers 404" in ran.err and "by hand" in ran.err


def test_the_list_names_them_all(program):
    ran = program("datasets")
    assert ran.code == 0
    assert all(name[:12] in ran.out for name in MANIFEST)


def test_all_about_one(program, host):
    shown = program("datasets", "sift-128-euclidean")
    assert shown.code == 0
    for words in ("1,000,000 of dimension 128", "Aumüller", "https://ann-benchmarks.com/sift-128-euclidean.hdf5"):
        assert words in shown.out.replace("\n", " ")
    assert program("datasets", "sample").code == 0
    assert "query.public.10K.u8bin" in program("datasets", "bigann-10M").out
    unknown = program("datasets", "sift-128")
    assert unknown.code == 2 and "did you mean sift-128-euclidean" in unknown.err
