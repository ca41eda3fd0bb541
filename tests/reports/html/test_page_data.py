import json
import re
from pathlib import Path

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.reports.html.page_data import page_data
from vq_benchmark.reports.html.writing import SCRIPTS, _plotly, embedded_json, page, write_report

HOSTILE = "</script><script>alert(1)</script>"


def test_every_configuration_has_its_metrics_intervals_seeds_and_command(make_sweep):
    (dataset,) = page_data(make_sweep(seeds=2), "results.db")["datasets"]
    place = [point["label"] for point in dataset["points"]].index("pq m=96")
    point = dataset["points"][place]
    assert (point["line"], point["config"], point["seeds"]) == ("pq", "m=96 nbits=8", [0, 1])
    assert dataset["values"]["bits_per_dim"][place] == 2
    recall = "recall_at_10"
    assert dataset["low"][recall][place] < dataset["values"][recall][place] < dataset["high"][recall][place]
    assert point["command"] == (
        "vq-benchmark run --dataset pypi-minilm-384 --metric cosine --method pq --param m=96 --param nbits=8 --seed 0"
    )
    assert dataset["reference"]["recall_at_10"] == 1.0
    assert "none" not in {point["method"] for point in dataset["points"]}


def test_settings_of_engines_that_the_page_leaves_out_are_counted(make_run):
    runs = [
        make_run("binary", 1.0, config={"bits": 1}, engine=engine) for engine in ("", "pgvector:bit", "qdrant:binary")
    ]
    (dataset,) = page_data(runs, "results.db")["datasets"]
    assert [point["label"] for point in dataset["points"]] == ["binary bits=1"]
    assert "2 settings of engines are in no figure; `results` lists them" in dataset["notes"]


def test_a_coding_of_queries_is_named_and_repeated(make_run):
    runs = [make_run("pq", 1.0, query_bits=bits) for bits in ("float", "4")]
    (dataset,) = page_data(runs, "results.db")["datasets"]
    labels = [point["label"] for point in dataset["points"]]
    assert sorted(label.endswith("queries: 4 bits") for label in labels) == [False, True]
    assert sorted("--query-bits 4" in point["command"] for point in dataset["points"]) == [False, True]


def test_the_notes_are_those_of_tables(make_sweep, make_run):
    (dataset,) = page_data(make_sweep(), "results.db")["datasets"]
    assert any("without the randomness of training" in note for note in dataset["notes"])
    flattered = make_run("pq", 1.0, extra={"trained_share": 1.0, "error_vectors": 100_000})
    (dataset,) = page_data([flattered], "results.db")["datasets"]
    assert any("errors include the vectors that were trained on" in note for note in dataset["notes"])


def test_a_metric_that_no_row_has_is_left_out_and_one_that_some_lack_has_gaps(make_run):
    runs = [make_run("pq", 2.0), make_run("sq", 2.0, extra={"bound_mse": 0.1})]
    (dataset,) = page_data(runs, "results.db")["datasets"]
    assert sorted(dataset["values"]["bound_mse"], key=str) == [0.1, None]
    assert "above_bound_db" not in dataset["values"]


def test_equal_environments_are_stored_once_and_paths_of_the_machine_not_at_all(make_sweep):
    data = page_data(make_sweep(), "results.db")
    assert len(data["environments"]) == 1
    assert "content" not in data["environments"][0]


def test_data_sets_with_the_same_name_have_distinct_tabs(make_run):
    runs = [make_run("pq", 2.0), make_run("pq", 2.0, dataset_fingerprint="e" * 16)]
    assert len({dataset["tab"] for dataset in page_data(runs, "results.db")["datasets"]}) == 2


def test_a_data_set_with_only_the_control_is_left_out(make_run):
    runs = [make_run("pq", 2.0), make_run("none", 32.0, dataset="other")]
    assert [dataset["name"] for dataset in page_data(runs, "results.db")["datasets"]] == ["pypi-minilm-384"]


def test_numbers_that_json_lacks_are_left_out(make_run):
    run = make_run("pq", 2.0, environment={"odd": float("nan")}, extra={"score_bias": float("inf")})
    json.loads(embedded_json(page_data([run], "results.db")))


def test_names_from_data_are_text(make_run):
    runs = [make_run(HOSTILE, 2.0, dataset=HOSTILE, config={"m": HOSTILE}, sweep_id=HOSTILE)]
    text = page(page_data(runs, HOSTILE))
    assert "alert(1)</script" not in text
    assert text.count("</script>") == 3
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert json.loads(data[1])["datasets"][0]["name"] == HOSTILE


def test_a_placeholder_in_a_name_stays_as_it_is(make_run):
    text = page(page_data([make_run("pq", 2.0, dataset="{{ script }}")], "{{ data }}"))
    assert "<title>{{ data }} –" in text


def test_the_page_needs_no_other_file(make_sweep):
    text = page(page_data(make_sweep(), "results.db")).replace(_plotly(), "")
    assert not re.search(r"""(?:src|href)=["'](?!data:)|@import|https?://""", text)


def test_the_library_can_stand_in_a_script_element():
    assert not re.search(r"</script|<!--|\r", _plotly(), re.IGNORECASE)


def test_every_script_of_the_package_is_in_the_page():
    folder = Path(__file__).parents[3] / "src/vq_benchmark/reports/html"
    assert sorted(path.name for path in folder.glob("*.js")) == sorted(SCRIPTS)


def test_without_a_row_of_a_quantizer_there_is_no_file(make_run, tmp_path):
    with pytest.raises(InputError, match="no finished row of a quantizer"):
        write_report([make_run("none", 32.0)], tmp_path / "report.html", title="results.db")
    assert not list(tmp_path.iterdir())
