"""`methods`, `datasets`, `inspect`, `generate-data` and `plot` from the command line."""

import subprocess
import sys

import numpy as np
import pytest

from vq_benchmark.quantizers.registry import list_quantizers, registered


def test_methods_lists_every_method(program):
    listed = program("methods")
    assert listed.code == 0
    for name in list_quantizers():
        assert f" {name} " in listed.out


@pytest.mark.parametrize("name", list_quantizers())
def test_methods_shows_every_parameter_with_its_meaning(program, name):
    shown = program("methods", name)
    assert shown.code == 0
    for parameter, info in registered()[name].parameters_type.model_fields.items():
        assert parameter in shown.out
        assert info.description, f"{name}.{parameter} has no description"
        assert info.description.split()[0] in shown.out


def test_an_unknown_method_names_the_nearest(program):
    shown = program("methods", "pqq")
    assert shown.code == 2
    assert "did you mean 'pq'" in shown.err


def test_datasets_lists_the_sample(program):
    listed = program("datasets")
    assert listed.code == 0
    assert "sample" in listed.out
    assert "10,000" in listed.out


def test_datasets_marks_those_that_need_no_network(program, tmp_path):
    kept = tmp_path / "cache/datasets/mnist-784-euclidean/mnist-784-euclidean.hdf5"
    kept.parent.mkdir(parents=True)
    kept.touch()
    lines = program("datasets").out.splitlines()
    marked = {line.split()[0] for line in lines if "needs no network" in line}
    assert marked == {"sample", "synthetic", "mnist-784-euclidean"}
    assert "mnist-784-euclidean  (needs no network: it is in the cache)" in lines
    elsewhere = program("datasets", "--cache-dir", tmp_path / "other").out
    assert elsewhere.count("needs no network") == 2


def test_datasets_shows_one_in_detail_whatever_comes_first(program, tmp_path):
    plain = program("datasets", "sift-128-euclidean", "--cache-dir", tmp_path / "c")
    assert plain.code == 0, plain.err
    assert str(tmp_path / "c") in plain.out.replace("\n", "").replace(" ", "")
    for words in (("--cache-dir", tmp_path / "c", "sift-128-euclidean"), ("show", *plain_words(tmp_path))):
        assert program("datasets", *words).out == plain.out
    helped = program("datasets", "--help")
    assert (helped.code, "fetch" in helped.out) == (0, True)
    unknown = program("datasets", "sift-128-euclidian")
    assert (unknown.code, "sift-128-euclidean" in unknown.err) == (2, True)


def plain_words(tmp_path):
    return "sift-128-euclidean", "--cache-dir", tmp_path / "c"


def test_fetching_what_needs_no_network(program):
    sample = program("datasets", "fetch", "sample")
    assert sample.code == 0, sample.err
    assert np.load(sample.out.strip(), mmap_mode="r").shape == (10_000, 384)
    assert "sample needs no network" in sample.err
    synthetic = program("datasets", "fetch", "synthetic")
    assert (synthetic.code, synthetic.out) == (0, "")
    assert "synthetic needs no network" in synthetic.err
    for name, word in (("msmarco", "embed"), ("no-such", "no-such")):
        refused = program("datasets", "fetch", name)
        assert (refused.code, refused.out, word in refused.err) == (2, "", True)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_generated_vectors_can_be_inspected(program, tmp_path, dtype):
    path = tmp_path / 'it\'s "data"; x\n.npy'
    made = program("generate-data", "--num-vectors", 3000, "--dim", 24, "--dtype", dtype, "--output", path)
    assert made.code == 0, made.err
    vectors = np.load(path)
    assert vectors.shape == (3000, 24)
    assert vectors.dtype == dtype
    found = program("inspect", "--dataset", path, "--num-queries", 10)
    assert found.code == 0, found.err
    assert "2,990 × 24" in found.out


def test_a_small_file_can_be_inspected_as_it_is(program, tmp_path):
    np.save(tmp_path / "small.npy", np.random.default_rng(0).standard_normal((600, 4)).astype(np.float32))
    found = program("inspect", "--dataset", "small.npy")
    assert found.code == 0, found.err
    assert "540 × 4" in found.out


def test_inspect_reports_what_run_refuses(program, tmp_path):
    vectors = np.ones((50, 4), dtype=np.float32)
    vectors[7, 1], vectors[9] = np.inf, 0
    np.save(tmp_path / "bad.npy", vectors)
    np.save(tmp_path / "queries.npy", vectors[:1])
    found = program("inspect", "--dataset", "bad.npy", "--queries-path", "queries.npy")
    assert found.code == 0, found.err
    text = " ".join(found.out.split())
    assert "non-finite rows 1, the first is 7" in text
    assert "zero rows 1, the first is 9" in text
    assert "duplicate rows 47" in text
    assert "queries inside the base 1, the first is 0" in text


def test_plot_draws_what_was_run(program, vectors, tmp_path):
    program("sweep", "--dataset", vectors, "--method", "pq,none", "--bits", "2,4", "--k", 10, "--train-size", 1000)
    drawn = program("plot", "--format", "png,svg", "--dpi", 50, "--metrics", "recall_at_10,mse")
    assert drawn.code == 0, drawn.err
    files = sorted(path.name.split("vectors_")[1] for path in (tmp_path / "plots").iterdir())
    assert files == ["mse.png", "mse.svg", "recall_at_10.png", "recall_at_10.svg"]
    assert "recall@10" in drawn.out


@pytest.mark.parametrize(
    ("options", "word"),
    [(("--metrics", "beauty"), "beauty"), (("--sweep-id", "none"), "none"), (("--format", "gif"), "gif")],
)
def test_plot_refuses_what_is_not_there(program, vectors, tmp_path, options, word):
    program("run", "--dataset", vectors, "--method", "sq", "--bits", 8, "--k", 10)
    drawn = program("plot", *options)
    assert drawn.code == 2
    assert word in drawn.err
    assert not (tmp_path / "plots").exists()


def test_plot_without_a_database(program):
    drawn = program("plot", "--db-path", "missing.db")
    assert drawn.code == 2
    assert "missing.db" in drawn.err


def test_the_program_is_also_a_module():
    ran = subprocess.run(
        [sys.executable, "-m", "vq_benchmark", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("vq-benchmark ")


def test_a_part_of_a_name_suggests_the_data_set(program):
    shown = program("datasets", "sift")
    assert shown.code == 2
    assert "did you mean 'sift-128-euclidean'" in shown.err


def test_the_data_set_may_be_an_argument_and_too_many_queries_are_noted(program, vectors):
    found = program("inspect", vectors, "--num-queries", 70, "--max-rows", 100)
    assert found.code == 0, found.err
    assert "using all 40 queries, fewer than --num-queries 70." in " ".join(found.out.split())
    assert "give one of them" in program("inspect", vectors, "--dataset", "sample").err
    assert "--dataset is missing" in program("inspect").err


def test_several_methods_are_for_sweep(program, vectors):
    for methods in ("pq,sq", "all"):
        refused = program("run", vectors, "--method", methods)
        assert refused.code == 2
        assert "this command takes one method, `sweep` takes several" in refused.err


def test_a_sweep_ends_with_the_command_that_decides(program, vectors):
    options = ("--k", 10, "--train-size", 1000, "--threads", 1, "--bits", "4,8", "--method", "sq,int8")
    ran = program("sweep", vectors, *options, "--num-queries", 30, "--metric", "EUCLIDEAN")
    assert ran.code == 0, ran.err
    sentence, _, command = ran.out.splitlines()[-3:]
    assert sentence.startswith("Take ")
    words = "--num-queries 30 --metric l2 --train-size 1000 --target recall_at_10=0.95"
    assert command == f"  vq-benchmark recommend --dataset '{vectors}' {words}"
    drawn = program("plot", "--metrics", "mse", "--format", "svg")
    assert drawn.out.splitlines()[-1].startswith("  vq-benchmark recommend --db-path ")
