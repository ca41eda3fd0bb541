import numpy as np
import pytest
from matplotlib.figure import Figure

from vq_benchmark.evaluation.rate_distortion import BOUND_KEY, bound_of, least_error
from vq_benchmark.reports.bound_line import bound_line, draw_bound, has_bound
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.gaussian_bound import bound_note
from vq_benchmark.reports.plots import plot_results
from vq_benchmark.reports.tables import results_text

SPECTRUM = 1 / np.arange(1, 385) ** 1.0


@pytest.fixture
def bounded(make_run):
    """A row with a bound estimated from `vectors`; its mean ‖x‖² is 2."""

    def made(bits=2.0, vectors=20_000, scale=1.0, **changes):
        environment = {BOUND_KEY: bound_of(vectors, scale * SPECTRUM, round(384 * bits)).as_json()}
        errors = {"mse": 0.5, "relative_error": 0.25, "above_bound_db": 2.345}
        return make_run("pq", bits, environment=environment, extra=errors, **changes)

    return made


def only(runs):
    (comparison,) = comparisons(runs)
    return comparison


@pytest.mark.parametrize(("metric", "scale"), [("mse", 1.0), ("relative_error", 0.5)])
def test_the_line_is_the_bound_over_the_bits_that_are_shown(bounded, metric, scale):
    bits, errors = bound_line(only([bounded()]), metric, [1.0, 4.0])
    assert bits[0] == pytest.approx(1, rel=0.06)
    assert bits[-1] == pytest.approx(4, rel=0.06)
    assert errors == pytest.approx(scale * least_error(SPECTRUM, 384 * np.array(bits)), rel=0.01)


def test_the_largest_sample_counts(bounded):
    runs = [bounded(vectors=5000, scale=7, seed=1), bounded(), bounded(vectors=4000, scale=9, seed=2)]
    _, errors = bound_line(only(runs), "mse", [2.0])
    assert errors == bound_line(only([bounded()]), "mse", [2.0])[1]


def test_there_is_none_without_a_bound_and_for_other_metrics(bounded, make_run):
    assert not has_bound(only([make_run("pq", 2.0)]), "mse")
    assert has_bound(only([bounded()]), "mse")
    assert not has_bound(only([bounded()]), "recall_at_10")
    axes = Figure().subplots()
    draw_bound(axes, only([make_run("pq", 2.0)]), "mse", [1.0])
    assert not axes.lines


def test_a_range_outside_of_the_curve_has_no_line(bounded):
    assert bound_line(only([bounded()]), "mse", [30.0, 40.0]) == ([], [])


def test_figures_of_errors_have_the_line_and_its_name(bounded, tmp_path):
    paths = plot_results([bounded()], tmp_path, metrics=["mse", "recall_at_10"], formats=["svg"]).paths
    texts = {path.name.removeprefix("pypi-minilm-384_"): path.read_text() for path in paths}
    assert "Gaussian bound" in texts["mse.svg"]
    assert "Gaussian bound" not in texts["recall_at_10.svg"]
    assert "100,000 vectors" in texts["mse.svg"]


def test_the_table_shows_how_far_errors_are_above_it(bounded, make_run):
    text = results_text([bounded()], width=140)
    assert "2.3dB" in text
    assert "above bound: error above the least of any code of that size" in " ".join(text.split())
    assert "bound" not in results_text([make_run("pq", 2.0)])


def test_a_bound_from_few_vectors_is_called_too_low(bounded):
    assert bound_note(only([bounded(vectors=3840)])) == ""
    note = "the Gaussian bound is too low, because 3,839 training vectors are few for 384 dimensions"
    assert bound_note(only([bounded(vectors=3839)])) == note
    assert note in " ".join(results_text([bounded(vectors=3839)]).split())
