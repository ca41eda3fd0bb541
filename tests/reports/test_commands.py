"""The printed command of a row must make the same row, whatever options it was measured with."""

import shlex
from dataclasses import fields, replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vq_benchmark.cli.measuring import single_grid
from vq_benchmark.cli.options import grouped
from vq_benchmark.cli.recommend import SearchMeasure
from vq_benchmark.datasets.data_spec import DataSpec, asked_for
from vq_benchmark.quantizers.registry import registered
from vq_benchmark.reports.commands import (
    OF_ARRAYS,
    OF_EARLIER_RELEASES,
    OF_SEARCH,
    again,
    data_words,
    rerun_caveat,
    rerun_command,
    search_words,
)
from vq_benchmark.studies.measure_spec import MeasureSpec

DATA = {
    "dataset_limit": 9, "num_samples": 7, "dim": 5, "base_path": Path("a b.npy"), "queries_path": Path("q.npy"),
    "learn_path": Path("l.npy"), "num_queries": 3, "split_seed": 2, "metric": "cosine", "identical_ids": "keep",
    "bad_rows": "refuse", "vector_column": "v", "train_queries": "7",
}  # fmt: skip
MEASURE = {
    "train_size": 5, "k": 7, "max_candidates": 99, "num_pairs": 3, "rerank": "int8", "target_recall": 0.8,
    "ground_truth_path": Path("gt.npz"), "slow": True, "with_pairwise": False, "with_rank": False, "with_qps": True,
}  # fmt: skip


def parsed_again(words):
    """The specifications that the command line makes of these words."""
    found, app = [], typer.Typer()

    @app.command()
    @grouped
    def probe(data: DataSpec, measure: MeasureSpec) -> None:
        found.extend([data, measure])

    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0, ran.output
    return found


def test_every_option_of_data_and_measurement_is_repeated(make_run):
    assert {"dataset", *DATA} == set(DataSpec.model_fields)
    data, measure = DataSpec(dataset="my vectors", **DATA), MeasureSpec(**MEASURE)
    options = {"data": asked_for(data, on_disk=True), "measure": measure.given()}
    run = make_run("pq", 2.0, environment={"options": options})
    words = shlex.split(rerun_command(run))
    at = words.index("--method")
    of_row = ["--method", "pq", "--param", "bits=2.0", "--seed", "0"]
    assert words[:2] == ["vq-benchmark", "run"] and words[at : at + len(of_row)] == of_row
    again_data, again_measure = parsed_again(words[2:at] + words[at + len(of_row) :])
    paths = {name: Path(value).absolute() for name, value in DATA.items() if isinstance(value, Path)}
    assert again_data == DataSpec(dataset=str(Path("my vectors").absolute()), **DATA | paths)
    assert again_measure == measure.model_copy(update={"ground_truth_path": Path("gt.npz").absolute()})
    assert rerun_caveat(run) == ""


@pytest.mark.parametrize("changes", [{"skip_ground_truth": True}, {"with_recall": False}])
def test_a_measurement_without_recall_is_repeated(make_run, changes):
    measure = MeasureSpec(**changes)
    run = make_run("pq", 2.0, environment={"options": {"data": {"dataset": "x"}, "measure": measure.given()}})
    words = shlex.split(rerun_command(run))
    assert parsed_again(["--dataset", "x", *words[words.index("--seed") + 2 :]])[1] == measure


@pytest.mark.parametrize("name", sorted(registered()))
def test_the_parameters_of_every_method_are_repeated(make_run, name):
    parameters = registered()[name].parameters_type()
    run = replace(make_run(name, 2.0), config=parameters.model_dump(mode="json"))
    words = shlex.split(rerun_command(run))
    given = [words[place + 1] for place, word in enumerate(words) if word == "--param"]
    assert single_grid(name, None, given, 0).methods[name] == ([parameters] if given else [])


def test_rows_of_earlier_releases_name_their_file_and_say_what_they_lack(make_run):
    files = {"content": {"files": [{"path": "/data/my vectors.npy"}]}}
    run = make_run("pq", 2.0, dataset="my vectors", environment=files)
    assert rerun_command(run).startswith("vq-benchmark run --dataset '/data/my vectors.npy' --metric cosine --method")
    assert rerun_caveat(run) == OF_EARLIER_RELEASES


def test_a_search_gets_the_options_that_it_takes():
    assert [each.name for each in fields(SearchMeasure)] == list(OF_SEARCH)
    assert search_words(MeasureSpec(**MEASURE).model_dump()) == [
        "--train-size", "5", "--ground-truth-path", "gt.npz", "--slow",
    ]  # fmt: skip


def test_arrays_have_no_command(make_run):
    run = make_run("pq", 2.0, environment={"options": {"data": None, "measure": {}}})
    assert (rerun_command(run), rerun_caveat(run)) == ("", OF_ARRAYS)
    assert again(run) == "measure it again with force=True"


def test_paths_below_the_folder_of_a_command_are_short_unless_they_read_like_a_name(make_run):
    def words(dataset, folder):
        options = {"data": {"dataset": dataset, "queries_path": "/other/q.npy"}, "measure": {}}
        return data_words(make_run("pq", 2.0, environment={"options": options}), folder)[1]

    assert words("/here/there/x.npy", Path("/here")) == "there/x.npy"
    assert words("/here/x.npy", None) == words("/here/x.npy", Path("/there")) == "/here/x.npy"
    assert words("/here/sample", Path("/here")) == "/here/sample"
    assert words("/here", Path("/here")) == "/here"
    assert words("sample", Path("/here")) == "sample"
