"""Hosted data sets by name through the command line: run, sweep, inspect, and what every row says of its data."""

import json
import sqlite3
from types import SimpleNamespace

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


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("fashion-mnist-784-euclidean", "datasets/fashion-mnist-784-euclidean/fashion-mnist-784-euclidean.hdf5"),
        ("yi-128-ip", "huggingface/vector-index-bench--vibe/yi-128-ip.hdf5"),
        ("dbpedia-100k", "huggingface/Qdrant--dbpedia-entities-openai3-text-embedding-3-large-1536-100K/data"),
        ("bigann", "datasets/bigann/base.u8bin"),
    ],
)
def test_fetch_downloads_ahead_and_prints_the_path(program, host, tmp_path, monkeypatch, name, path):
    monkeypatch.setattr("vq_benchmark.datasets.fetching.require_space", lambda folder, size: None)
    host_dataset(host, MANIFEST[name], N)
    got = program("datasets", "fetch", name)
    assert (got.code, got.out.strip()) == (0, str(tmp_path / "cache" / path)), got.err
    assert "to download to" in got.err
    assert f"{name}  (needs no network: it is in the cache)" in program("datasets").out.splitlines()
    asked = len(host.requests)
    again = program("datasets", "fetch", name)
    assert (again.code, again.out, f"{name} is in the cache already" in again.err) == (0, got.out, True)
    ran = program("run", "--dataset", name, "--method", "sq", "--bits", 8, *SMALL)
    assert ran.code == 0, ran.err
    assert len(host.requests) == asked


def test_fetch_refuses_what_does_not_fit_before_anything_is_downloaded(program, host, tmp_path, monkeypatch):
    free = SimpleNamespace(free=10**9)
    monkeypatch.setattr("vq_benchmark.datasets.hosted.downloads.shutil.disk_usage", lambda folder: free)
    host_dataset(host, MANIFEST["deep"], N)
    refused = program("datasets", "fetch", "deep")
    assert (refused.code, refused.out, host.requests) == (2, "", [])
    assert "deep does not fit: 357.6 GiB are needed" in " ".join(refused.err.split())
    part = program("datasets", "fetch", "deep", "--dataset-limit", 100)
    assert part.out.strip() == str(tmp_path / "cache/datasets/deep/base.first-100.fbin"), part.err


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
    assert "3 of 8 queries also occur in the base, which inflates recall" in ran.err
    assert rows_of()[0][1]["queries_in_base"] == 3


def test_a_missing_file_is_one_line_and_exit_code_2(program, host):
    ran = program("run", "--dataset", "sift-128-euclidean", "--method", "sq", "--bits", 8)
    assert ran.code == 2 and "answers 404" in ran.err and "yourself" in ran.err


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
    assert unknown.code == 2 and "did you mean 'sift-128-euclidean'" in unknown.err
