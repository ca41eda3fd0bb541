"""Studies: what YAML may say, and the sentences for what it may not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.cli.options import MeasureOptions, StudyDataOptions
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.registry import registered
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
        ("dataset: sample\nmethods: pq\nbits: many\n", "bits.0 is not valid"),
        ("dataset: sample\n", "methods is not valid"),
        ("methods: pq\n", "dataset is not valid"),
        ("dataset: sample\nmethods: pq\nchunks: 0\n", "chunks is not valid"),
        ("dataset: sample\nmethods: pq\nmetric: manhattan\n", "metric is not valid"),
        ("dataset: sample\nmethods: [[pq]]\n", "methods is not valid: its items must be names"),
        ("dataset: sample\nmethods: pq\nbits: 2\nbits: 4\n", "'bits' occurs twice"),
        ("dataset: sample\nmethods: {pq: {m: 48, m: 96}}\n", "'m' occurs twice"),
        ("- a list\n", "is not a study"),
        ("dataset: [\n", "is not YAML"),
        ("dataset: sample\nmethods: pq\nskip_ground_truth: true\nground_truth_path: a.npz\n", "set only one"),
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


@pytest.mark.parametrize("group", [StudyDataOptions, MeasureOptions])
def test_the_command_line_and_the_file_have_the_same_names_and_defaults(group):
    fields = Study.model_fields
    for name, option in group.__dataclass_fields__.items():
        assert name in fields, name
        if name != "dataset":
            assert fields[name].default == option.default, name
