import re

import pytest
from PIL import Image

from vq_benchmark.errors import InputError
from vq_benchmark.reports.plots import file_stems, plot_results

HOSTILE = "../../co$t & $x^{ <i>\n日 50%"
SIGNATURES = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


def test_default_figures_of_a_sweep(make_sweep, tmp_path):
    plotted = plot_results(make_sweep(seeds=2), tmp_path / "new" / "figures", dpi=40)
    names = {path.name.removeprefix("pypi-minilm-384_") for path in plotted.paths}
    assert names == {
        "recall_at_1.png", "recall_at_10.png", "recall_at_100.png", "relative_error.png", "rank_distortion.png",
        "pairwise_distortion.png", "encode_vectors_per_second.png", "recall_at_10_against_encode_rate.png",
        "overview.png",
    }  # fmt: skip
    assert plotted.skipped == ["mrr_at_10", "mrr_at_10_loss"]
    assert sorted((tmp_path / "new" / "figures").iterdir()) == sorted(plotted.paths), "nothing else is left behind"


def test_formats_and_dpi(make_sweep, tmp_path):
    sizes = []
    for dpi in (40, 80):
        plotted = plot_results(make_sweep(), tmp_path, metrics=["mse"], formats=["png", "pdf", "svg"], dpi=dpi)
        assert [path.suffix for path in plotted.paths] == [".png", ".pdf", ".svg"]
        for path in plotted.paths:
            assert path.read_bytes().startswith(SIGNATURES[path.suffix[1:]])
        with Image.open(plotted.paths[0]) as image:
            sizes.append(image.size)
    assert sizes[1] == tuple(2 * side for side in sizes[0])


def test_the_same_rows_give_the_same_files(make_sweep, tmp_path):
    written = [
        [path.read_bytes() for path in plot_results(rows, tmp_path, metrics=["mse"], formats=["pdf", "svg"]).paths]
        for rows in (make_sweep(), make_sweep()[::-1])
    ]
    assert written[0] == written[1]


def test_each_data_set_has_its_own_figures_also_under_hostile_names(make_sweep, tmp_path):
    runs = [
        *make_sweep(dataset=HOSTILE), *make_sweep(dataset="same"), *make_sweep(dataset="same", metric="l2"),
        *make_sweep(dataset="Same"), *make_sweep(dataset=".."),
    ]  # fmt: skip
    paths = plot_results(runs, tmp_path, metrics=["recall_at_10"], formats=["svg"]).paths
    assert len({path.name.casefold() for path in paths}) == 5
    assert {path.parent for path in paths} == {tmp_path}
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.svg", path.name) for path in paths)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_file_names_are_plain_where_they_can_be():
    keys = [("sample", "f1", "cosine"), ("a/b", "f2", "l2"), ("a?b", "f2", "l2"), ("x" * 300, "f3", "l2")]
    plain, first, second, long = file_stems(keys)
    assert plain == "sample"
    assert first != second
    assert first.startswith("a-b-")
    assert second.startswith("a-b-")
    assert len(long) <= 100


def test_an_unknown_metric_is_refused_with_those_there_are(make_sweep, tmp_path):
    with pytest.raises(InputError, match=r"'recall_at_5'.*recall_at_1, recall_at_10"):
        plot_results(make_sweep(), tmp_path / "out", metrics=["mse", "recall_at_5"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [{"formats": ["gif"]}, {"formats": []}, {"dpi": 0}, {"dpi": 100_000}])
def test_impossible_output_is_refused(make_sweep, tmp_path, wrong):
    with pytest.raises(InputError):
        plot_results(make_sweep(), tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_nothing_to_draw_is_refused(make_run, tmp_path):
    for runs in ([], [make_run("pq", 2.0, status="failed")], [make_run("none", 32.0)]):
        with pytest.raises(InputError, match="no finished row of a quantizer"):
            plot_results(runs, tmp_path)


def test_a_place_that_cannot_be_written_is_refused(make_sweep, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="cannot be written"):
        plot_results(make_sweep(), tmp_path / "file", metrics=["mse"])


def test_a_metric_without_a_value_that_can_be_drawn_is_said(make_run, tmp_path):
    runs = [make_run("lossless", 8.0, extra={"mse": 0.0}), make_run("none", 32.0)]
    plotted = plot_results(runs, tmp_path, metrics=["mse", "recall_at_10"], dpi=40)
    assert plotted.skipped == ["mse"]
    assert [path.name for path in plotted.paths] == ["pypi-minilm-384_recall_at_10.png"]


def test_twenty_six_methods_and_one_point(make_run, tmp_path):
    many = [make_run(f"method-{letter}", bits) for letter in "abcdefghijklmnopqrstuvwxyz" for bits in (1.0, 2.0)]
    assert plot_results(many, tmp_path, metrics=["recall_at_10"], dpi=40).paths
    assert len(plot_results([make_run("pq", 2.0, dataset="one")], tmp_path, dpi=40).paths) == 9
