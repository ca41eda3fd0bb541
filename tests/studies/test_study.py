"""Studies: what YAML may say, and the sentences for what it may not."""

from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.cli.main import app
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.validation import option_name
from vq_benchmark.quantizers.registry import registered
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.measure_spec import MeasureSpec
from vq_benchmark.studies.study import Study, method_names, read_study


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my study.yaml"
    path.write_text(text)
    return path


def test_a_file_says_what_the_options_say(tmp_path):
    path = write(tmp_path, "dataset: sample\nmethods: {pq: {m: [48, 96], nbits: 8}, sq: }\nbits: 4\nk: 10\n")
    study = read_study(path)
    assert study.methods == {"pq": {"m": [48, 96], "nbits": [8]}, "sq": {}}
    assert study.bits == [4]
    assert [parameters.m for parameters in study.grid()["pq"]] == [48, 96]
    assert study == Study.parse({"dataset": "sample", "methods": study.methods, "bits": [4.0], "k": 10})


@pytest.mark.parametrize("methods", ["pq, sq", ["pq", "sq"], {"pq": None, "sq": {}}])
def test_methods_without_parameters_may_be_written_in_any_way(methods):
    assert Study.parse({"dataset": "sample", "methods": methods}).methods == {"pq": {}, "sq": {}}


def test_all_stands_for_the_methods_that_train_fast():
    fast = [name for name, cls in registered().items() if not cls.slow]
    assert method_names(["all"], slow=False) == fast
    assert method_names(["lsq", "all", "pq"], slow=False) == ["lsq", *fast]
    assert set(method_names(["all"], slow=True)) == set(registered())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dataset: sample\nmethods: pq\nbist: 4\n", "did you mean 'bits'?"),
        ("dataset: sample\nmethods: pq\nbits: many\n", "bits.0 is 'many'; it must be a number"),
        ("methods: pq\n", "dataset is missing"),
        ("dataset: sample\nmethods: pq\nchunks: 0\n", "chunks is 0; it must be at least 1"),
        (
            "dataset: sample\nmethods: pq\nmetric: manhattan\n",
            "metric is 'manhattan'; it must be 'l2', 'ip'",
        ),
        ("dataset: sample\nmethods: [[pq]]\n", "methods: its items must be names"),
        ("dataset: sample\nmethods: pq\nbits: 2\nbits: 4\n", "'bits' occurs twice"),
        ("dataset: sample\nmethods: {pq: {m: 48, m: 96}}\n", "'m' occurs twice"),
        ("- a list\n", "is not a study"),
        ("dataset: [\n", "is not YAML"),
        ("dataset: sample\nmethods: pq\nskip_ground_truth: true\nground_truth_path: a.npz\n", "not both"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, text, sentence):
    with pytest.raises(InputError, match=r"my study\.yaml") as raised:
        read_study(write(tmp_path, text))
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_unknown_parameter_is_refused_before_any_data_is_read():
    study = Study.parse({"dataset": "nowhere.npy", "methods": {"pq": {"subquantizers": 8}}})
    with pytest.raises(InputError, match="its parameters are: m, nbits"):
        study.grid()


def test_paths_become_absolute_and_names_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.npy").touch()
    study = Study.parse({"dataset": "base.npy", "methods": "sq", "queries_path": "q.npy"})
    assert study.dataset == str(tmp_path / "base.npy")
    assert study.queries_path == tmp_path / "q.npy"
    Path("part-1.parquet").touch()
    assert Study.parse({"dataset": "part-*.parquet", "methods": "sq"}).dataset == str(tmp_path / "part-*.parquet")
    Path("sample").touch()
    assert Study.parse({"dataset": "sample", "methods": "sq"}).dataset == "sample"


@given(bits=st.lists(st.sampled_from([1, 2.5, 4]), max_size=3), chunks=st.integers(1, 500), slow=st.booleans())
def test_a_study_is_the_same_after_a_journey_through_json(bits, chunks, slow):
    study = Study.parse(
        {"dataset": "sample", "methods": {"pq": {"m": [4]}}, "bits": bits, "chunks": chunks, "slow": slow}
    )
    assert Study.parse(study.model_dump(mode="json")) == study


@pytest.mark.parametrize("command", [("sweep",), ("slurm", "submit")])
@pytest.mark.parametrize("spec", [DataSpec, MeasureSpec])
def test_the_command_line_and_the_file_have_the_same_names_and_defaults(command, spec):
    found = typer.main.get_command(app)
    for name in command:
        found = found.commands[name]
    options = {option.name: option for option in found.params}
    for name, field in spec.model_fields.items():
        assert Study.model_fields[name].default == field.default, name
        assert options[name].help == field.description, name
        if name != "dataset":
            assert options[name].default == field.default, name


def test_what_is_wrong_is_said_alike_wherever_it_stands(tmp_path):
    wrong = "{} is 0; it must be at least 1."
    with pytest.raises(InputError) as in_file:
        read_study(write(tmp_path, "dataset: sample\nmethods: pq\nnum_queries: 0\n"))
    with pytest.raises(InputError) as in_python:
        load_dataset("sample", num_queries=0)
    with pytest.raises(InputError) as on_the_command_line:
        DataSpec.parse({"dataset": "sample", "num_queries": 0}, spelled=option_name)
    assert str(in_file.value).endswith(wrong.format("num_queries"))
    assert str(in_python.value).endswith(wrong.format("num_queries"))
    assert str(on_the_command_line.value) == wrong.format("--num-queries")


def test_an_unknown_argument_of_python_names_the_nearest():
    with pytest.raises(InputError, match="has no argument 'num_query'; did you mean 'num_queries'"):
        load_dataset("sample", num_query=5)


def test_a_study_without_methods_is_a_good_first_one():
    first = Study.parse({"dataset": "sample"})
    assert list(first.methods) == ["opq", "pq", "saq", "segmented-eden", "rabitq", "sq", "none"]
    assert first.bits == [1, 2, 3, 4, 8]
    assert Study.parse({"dataset": "sample", "bits": [6]}).bits == [6]
    assert Study.parse({"dataset": "sample", "methods": ["pq"]}).bits == []


@pytest.mark.parametrize("d", [1, 7, 384])
def test_a_first_study_has_cells_or_reasons_at_any_dimension(tmp_path, d):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((400, d)).astype(np.float32))
    study = Study.parse({"dataset": str(tmp_path / "x.npy")})
    machine = Machine(cache_dir=tmp_path, codebooks_dir=tmp_path)
    cells, refusals = study.cells(study.load(tmp_path), study.options(machine))
    assert {cell.method for cell in cells} | {refusal.method for refusal in refusals} == set(study.methods)
    assert "none" in {cell.method for cell in cells}


@pytest.mark.parametrize(
    ("name", "distance"),
    [("COSINE", "cosine"), ("angular", "cosine"), ("euclidean", "l2"), ("L2", "l2"), ("Dot", "ip"),
     ("inner-product", "ip"), ("inner product", "ip")],
)  # fmt: skip
def test_distances_have_the_names_that_people_give_them(name, distance):
    assert Study.parse({"dataset": "sample", "metric": name}).metric == distance
    assert load_dataset("synthetic", num_samples=50, dim=4, num_queries=3, metric=name).distance == distance


def test_an_unknown_distance_is_refused():
    with pytest.raises(InputError, match="metric is 'manhattan'; it must be 'l2', 'ip' or 'cosine'"):
        Study.parse({"dataset": "sample", "metric": "manhattan"})
