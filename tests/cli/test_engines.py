"""Settings of engines on the command line: listed, measured, told apart, refused."""

import json

import numpy as np
import pytest

from vq_benchmark.results.database import Database

SMALL = ("--train-size", 300, "--num-pairs", 100, "--k", 10)
BY_PRODUCT = ("--metric", "ip", *SMALL)


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "base.npy"
    np.save(path, np.random.default_rng(0).standard_normal((700, 64)).astype(np.float32))
    return path


def stored(path):
    return {run.engine or run.method: run for run in Database(path).runs()}


def test_engines_are_listed_and_described(program) -> None:
    listed = program("engines")
    assert listed.code == 0
    assert "qdrant:int8" in listed.out
    assert "Every code is scanned" in " ".join(listed.out.split())
    described = program("engines", "elasticsearch:bbq_hnsw")
    assert "re-ranking: os=3" in described.out
    records = json.loads(program("engines", "qdrant", "--json", "--dim", 768).out)
    assert next(each for each in records if each["setting"] == "int8")["bytes_per_vector"] == 772
    refused = json.loads(program("engines", "elasticsearch:bbq_hnsw", "--dim", 32, "--json").out)
    assert "at least 64" in refused[0]["refused"]


def test_a_sweep_measures_settings_beside_methods(program, vectors, tmp_path) -> None:
    names = "qdrant:binary,pgvector:bit,pgvector:bit-rerank"
    sweep = ("sweep", "--dataset", vectors, *BY_PRODUCT, "--num-queries", 20, "--db-path", tmp_path / "a.db")
    done = program(*sweep, "--engine", names, "--method", "binary")
    assert done.code == 0, done.err
    rows = stored(tmp_path / "a.db")
    assert set(rows) == {*names.split(","), "binary"}
    assert len({run.run_id for run in rows.values()}) == 4
    assert "pgvector:bit-rerank" in done.out
    codes, answer, qdrant = (rows[name].metrics for name in ("binary", "pgvector:bit-rerank", "qdrant:binary"))
    assert codes["recall_at_10"] == answer["recall_at_10"]
    assert answer["recall_at_10_reranked"] > answer["recall_at_10"]
    assert qdrant["recall_at_10_reranked"] == qdrant["recall_at_10"]
    assert "recall_at_10_reranked" not in codes
    assert "1 of 1 cells were already done" in program(*sweep, "--engine", "qdrant:binary").out


def test_codes_of_engines_are_measured_with_float_queries_too(program, vectors, tmp_path) -> None:
    sweep = ("sweep", "--dataset", vectors, *BY_PRODUCT, "--num-queries", 20, "--db-path", tmp_path / "a.db")
    done = program(*sweep, "--engine", "pgvector:bit,lancedb:IVF_HNSW_SQ", "--split-losses")
    assert done.code == 0, done.err
    runs = [run for run in Database(tmp_path / "a.db").runs() if not run.engine]
    assert [(run.method, run.config["queries"]) for run in runs] == [("binary", "float"), ("sq-global", "float")]
    assert "lost by" in done.out and "-" not in done.out.split("pgvector:bit ")[-1].splitlines()[0].split()[1:3]


def test_chunks_of_an_engine_give_the_same_row(program, vectors, tmp_path) -> None:
    run = ("--dataset", vectors, "--num-queries", 20, *SMALL)
    assert program("run", *run, "--engine", "mongodb:binary", "--db-path", tmp_path / "a.db").code == 0
    study = tmp_path / "study.yaml"
    study.write_text(
        f"dataset: {vectors}\nnum_queries: 20\nengines: [mongodb:binary]\ntrain_size: 300\nnum_pairs: 100\nk: 10\n"
        "chunks: 2\n"
    )
    divided = program("sweep", "--config", study, "--db-path", tmp_path / "b.db")
    assert divided.code == 0, divided.err
    a, b = (stored(tmp_path / name)["mongodb:binary"] for name in ("a.db", "b.db"))
    assert a.run_id == b.run_id
    for name in ("recall_at_10", "recall_at_10_reranked", "mse"):
        assert a.metrics[name] == b.metrics[name]


def test_engines_that_refuse_the_data_are_named(program, vectors, tmp_path) -> None:
    sweep = ("sweep", "--dataset", vectors, *BY_PRODUCT, "--num-queries", 5, "--db-path", tmp_path / "a.db")
    done = program(*sweep, "--engine", "sqlite-vec:int8,pgvector:bit")
    assert done.code == 0
    assert "not run: sqlite-vec:int8 has no distance ip" in " ".join(done.out.split())
    for options, said in (
        (("--engine", "qdrnt"), "did you mean 'qdrant'"),
        (("--engine", "qdrant"), "means 11 settings"),
        (("--engine", "qdrant:int8", "--method", "pq"), "either --engine or --method"),
        ((), "--method is missing"),
    ):
        refused = program("run", "--dataset", vectors, *options)
        assert (refused.code, said in refused.err) == (2, True), refused.err
