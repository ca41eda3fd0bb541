"""Sweeps and results from Python, on generated vectors, against the database and the command's own functions."""

import json
from dataclasses import replace

import numpy as np
import pytest

from vq_benchmark import InputError, Results, load_dataset, load_results, sweep

ROWS = np.random.default_rng(0).normal(size=(400, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The results of a sweep and its database; models and checkpoints stay in the same folder."""
    folder = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CODEBOOKS_DIR", str(folder / "codebooks"))
        patched.setenv("CHECKPOINT_DIR", str(folder / "checkpoints"))
        data = load_dataset(ROWS, num_queries=40, distance="l2", name="<b>mine</b>")
        options = {"db_path": folder / "r.db", "cache_dir": folder, "threads": 1, "k": 10, "train_size": 200}
        yield sweep(data, ["sq", "none"], [4, 8], **options), folder / "r.db"


def test_a_sweep_says_what_it_holds_and_can_be_loaded(made):
    results, path = made
    assert repr(results).splitlines() == [
        "<Results: 3 configurations>", "3 of 2 methods on <b>mine</b>: 360 vectors × 16 dimensions, l2",
    ]  # fmt: skip
    assert len(load_results(path)) == len(results) == 3
    assert load_results(path).to_arrow().equals(results.to_arrow())
    assert results.failures == {}


def test_records_have_every_number_and_its_interval(made):
    results, _ = made
    table = results.to_arrow().to_pylist()
    runs = {run.run_id: run for run in results.runs}
    for record in table:
        run = runs[record["run_ids"][0]]
        assert json.loads(record["config"]) == run.config
        assert record["recall_at_10"] == run.metrics["recall_at_10"]
        assert [record["mse_low"], record["mse_high"]] == run.metrics["mse_ci"]
    assert (table[0]["n"], table[0]["status"], table[0]["seeds"]) == (360, "done", [0])


def test_a_notebook_shows_names_as_text(made):
    html = made[0]._repr_html_()
    assert "&lt;b&gt;mine&lt;/b&gt;: 360 vectors" in html
    assert "<b>" not in html
    assert html.count("<tr>") == 4


def test_best_and_compare_answer_in_sentences(made):
    results, _ = made
    best = results.best(target=0.5)
    assert (best.method, best.config) == ("sq", {"bits": 4})
    assert repr(best).startswith("sq bits=4 is the smallest configuration with a recall@10 of at least 0.500")
    found = results.compare("sq:bits=8", "sq:bits=4")
    assert found.difference == pytest.approx(found.mean_a - found.mean_b)
    assert found.difference > 0
    assert "40 queries, 1 seed" in repr(found)
    with pytest.raises(InputError, match="target is 95"):
        results.best(target=95)


def test_a_plot_is_an_image_and_a_file(made, tmp_path):
    plot = made[0].plot("mse", vectors=10**6)
    assert plot._repr_png_().startswith(b"\x89PNG")
    plot.save(tmp_path / "mse.svg")
    assert b"<svg" in (tmp_path / "mse.svg").read_bytes()
    with pytest.raises(InputError, match="no finished row of a quantizer has the metric 'nonsense'"):
        made[0].plot("nonsense")


def test_results_of_two_data_sets_are_never_mixed(made):
    results, _ = made
    other = [replace(run, dataset="other", dataset_fingerprint="f" * 32) for run in results.runs]
    both = Results((*results.runs, *other))
    with pytest.raises(InputError, match=r"of 2 data sets: .*select\(dataset"):
        both.best()
    assert both.select("other").best(0.5).method == both.select("ffff", "sq").best(0.5).method == "sq"
    with pytest.raises(InputError, match="no results for method 'pq'"):
        both.select(methods="pq")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"chunks": 2}, "chunks is 2"),
        ({"nonsense": 2}, "sweep has no key 'nonsense'"),
        ({"num_queries": 2}, "num_queries does not apply to a loaded data set"),
        ({"bits": 0.01}, "no method has a configuration at these budgets"),
    ],
)
def test_what_a_sweep_cannot_do_is_refused(tmp_path, options, said):
    data = load_dataset(ROWS, num_queries=5)
    with pytest.raises(InputError, match=said):
        sweep(data, "sq", cache_dir=tmp_path, **options)
