"""Codings of the queries as a dimension of a sweep, and re-ranking, from the command line."""

import json
from pathlib import Path

from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality

OPTIONS = ("--k", 10, "--train-size", 2000, "--num-pairs", 500, "--threads", 1)
SWEEP = (
    "--method",
    "rabitq,none",
    "--bits",
    "2",
    "--budget",
    "nominal",
    "--query-bits",
    "float,4,symmetric",
    *OPTIONS,
)


def rows(path: Path) -> dict[tuple[str, str], dict]:
    return {(run.method, run.query_bits): quality(run.metrics) for run in Database(path).runs("status = 'done'")}


def test_codings_are_rows_of_their_own_that_share_a_model(program, vectors, tmp_path):
    ran = program("sweep", "--dataset", vectors, *SWEEP, "--db-path", "x.db")
    assert ran.code == 0, ran.err
    found = rows(tmp_path / "x.db")
    assert set(found) == {(method, bits) for method in ("rabitq", "none") for bits in ("float", "4", "symmetric")}
    recalls = [found["rabitq", bits]["recall_at_10"] for bits in ("float", "4", "symmetric")]
    assert recalls[2] < min(recalls[:2])
    assert found["none", "float"] == found["none", "symmetric"]
    assert len(list((tmp_path / "codebooks").glob("rabitq-*.npz"))) == 1
    for text in ("queries: 4 bits", "queries: symmetric"):
        assert text in " ".join(ran.out.split())
    assert ran.out.count("none*") == 1  # the control is scored with queries as they are
    again = program("sweep", "--dataset", vectors, *SWEEP, "--db-path", "x.db")
    assert "6 of 6 cells were already done" in again.out
    float_only = program(
        "sweep", "--dataset", vectors, "--method", "rabitq", "--param", "bits=2", *OPTIONS, "--db-path", "x.db"
    )
    assert "1 of 1 cells were already done" in float_only.out


def test_a_study_file_in_parts_fits_each_model_once_and_gives_the_same_numbers(program, vectors, tmp_path):
    assert program("sweep", "--dataset", vectors, *SWEEP, "--rerank", "int8", "--db-path", "x.db").code == 0
    (tmp_path / "study.yaml").write_text(
        f"dataset: {json.dumps(str(vectors))}\nmethods: [rabitq, none]\nbits: 2\nbudget: nominal\n"
        "query_bits: [float, 4, symmetric]\nk: 10\ntrain_size: 2000\nnum_pairs: 500\nchunks: 2\nrerank: int8\n"
    )
    ran = program("sweep", "--config", "study.yaml", "--study-dir", "st", "--db-path", "y.db", "--threads", 1)
    assert ran.code == 0, ran.err
    assert rows(tmp_path / "x.db") == rows(tmp_path / "y.db")
    tasks = program("study", "status", "st", "--json")
    counts = json.loads(tasks.out)["stages"]
    assert (counts["fit"]["tasks"], counts["evaluate"]["tasks"]) == (2, 12)


def test_one_run_takes_one_coding(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "rabitq", "--param", "bits=1", *OPTIONS, "--db-path", "x.db")
    assert program(*run, "--query-bits", "1").code == 0
    ((_, bits),) = rows(tmp_path / "x.db")
    assert bits == "1"
    for wrong in ("3", "4,8"):
        refused = program(*run, "--query-bits", wrong)
        assert refused.code == 2
        assert f"--query-bits is {wrong!r}; it must be one of float, 8, 4, 1, symmetric" in refused.err


def test_search_indexes_are_timed_for_float_queries_only(program, vectors, tmp_path):
    sweep = ("sweep", "--dataset", vectors, "--method", "sq", "--bits", 8, "--query-bits", "float,8", "--with-qps")
    assert program(*sweep, *OPTIONS, "--db-path", "x.db").code == 0
    found = rows(tmp_path / "x.db")
    runs = {run.query_bits: run for run in Database(tmp_path / "x.db").runs()}
    assert "queries_per_second" in runs["float"].metrics
    assert "queries_per_second" not in runs["8"].metrics
    assert len(found) == 2


def test_exact_reranking_is_the_default_and_other_codes_add_numbers(program, vectors, tmp_path):
    run = ("run", "--dataset", vectors, "--method", "rabitq", "--param", "bits=4", *OPTIONS)
    assert program(*run, "--db-path", "a.db").code == 0
    assert program(*run, "--db-path", "b.db", "--rerank", "exact", "--target-recall", 0.95).code == 0
    coded = program(*run, "--db-path", "c.db", "--rerank", "float16", "--target-recall", 1)
    assert coded.code == 0, coded.err
    (a,), (b,), (c,) = (list(Database(tmp_path / f"{name}.db").runs()) for name in "abc")
    assert (a.run_id, quality(a.metrics)) == (b.run_id, quality(b.metrics))
    assert c.run_id != a.run_id
    added = {name for name in c.metrics if "reranked" in name}
    assert {"recall_10_at_20_reranked", "recall_10_at_200_reranked_ci"} <= added
    depths = {"rerank_depth", "rerank_target"}
    assert {name: value for name, value in quality(c.metrics).items() if name not in added | depths} == {
        name: value for name, value in quality(a.metrics).items() if name not in depths
    }
    assert a.metrics["rerank_depth"] <= c.metrics.get("rerank_depth", 201)
    assert "reranked: recall@10 of the first r candidates by their float16 scores" in " ".join(coded.out.split())


def test_impossible_options_of_reranking_are_refused(program, vectors):
    run = ("run", "--dataset", vectors, "--method", "sq", "--bits", 8, *OPTIONS)
    for options, message in (
        (("--target-recall", 0), "--target-recall is 0.0; it must be greater than 0"),
        (("--target-recall", 1.5), "--target-recall is 1.5; it must be at most 1"),
        (("--rerank", "int8", "--no-with-recall"), "--rerank int8 needs recall"),
        (("--rerank", "int4"), "int4"),
    ):
        refused = program(*run, *options)
        assert refused.code == 2
        assert message in " ".join(refused.err.split())
