import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.reports.comparison import comparisons
from vq_benchmark.reports.panel import BITS, bits_ticks, draw_panel, hidden_lines, reference_value
from vq_benchmark.reports.series import lines, styles


def drawn(runs, y, x=BITS):
    (comparison,) = comparisons(runs)
    axes = Figure().subplots()
    draw_panel(axes, comparison, x, y, styles(lines(comparison)))
    return axes


def curves(axes):
    """Data of the solid lines, without the markers of error bars, the front and the reference."""
    return [line.get_xydata().tolist() for line in axes.lines if line.get_linestyle() in ("-", "-.", ":")]


def test_a_line_joins_the_points_of_one_method_in_order_of_bits(make_run):
    runs = [
        make_run("pq", bits, seed=seed, extra={"recall_at_10": bits / 10 + seed / 100})
        for bits in (4, 1, 2)
        for seed in (0, 2)
    ]
    axes = drawn(runs, "recall_at_10")
    assert curves(axes)[0] == [[1, pytest.approx(0.11)], [2, pytest.approx(0.21)], [4, pytest.approx(0.41)]]
    assert axes.get_xscale() == "log"


def test_the_line_takes_the_best_of_equal_bits_and_all_points_are_drawn(make_run):
    runs = [make_run("pq", 2.0, config={"m": m}, extra={"mse": mse}) for m, mse in ((1, 0.5), (2, 0.3), (3, 0.4))] + [
        make_run("pq", 4.0, config={"m": 4}, extra={"mse": 0.1})
    ]
    axes = drawn(runs, "mse")
    assert curves(axes)[0] == [[2, 0.3], [4, 0.1]]
    markers = next(line for line in axes.lines if line.get_marker() == "o")
    assert sorted(markers.get_ydata()) == [0.1, 0.3, 0.4, 0.5]
    assert axes.get_yscale() == "log"


def test_points_are_at_their_total_bits_and_large_models_are_marked(make_run):
    """The line takes the best of equal codes, although their models differ."""
    models = {(2.0, 2.05): 0.5, (2.0, 3.0): 0.3, (4.0, 4.1): 0.1}
    runs = [
        make_run("pq", code, config={"m": place}, extra={"mse": mse, "total_bits_per_dim": total})
        for place, ((code, total), mse) in enumerate(models.items())
    ]
    axes = drawn(runs, "mse")
    assert curves(axes)[0] == [[3.0, 0.3], [4.1, 0.1]]
    assert [(text.get_text(), text.xy) for text in axes.texts if text.get_text() == "ᵐ"] == [("ᵐ", (3.0, 0.3))]
    assert axes.get_xlabel() == "Bits per dimension with the model, 100,000 vectors"


def test_models_that_differ_by_a_hair_do_not_make_a_front(make_run):
    runs = [
        make_run(name, 2.0, extra={"recall_at_10": recall, "total_bits_per_dim": 2 + extra})
        for name, recall, extra in (("pq", 0.8, 1e-5), ("opq", 0.9, 1e-4))
    ]
    (front,) = [line for line in drawn(runs, "recall_at_10").lines if line.get_linestyle() == "--"]
    assert front.get_xydata().tolist() == [[2.0, 0.9]]


def test_front_and_reference_line(make_sweep):
    axes = drawn(make_sweep(), "recall_at_10")
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert len(dashed) == 1
    assert [list(line.get_ydata()) for line in axes.lines if list(line.get_xdata()) == [0, 1]] == [[1.0, 1.0]]
    assert max(max(line.get_xdata()) for line in axes.lines) < 9, "the control must not stretch the axis"


def test_no_front_where_no_direction_is_better_and_no_reference_for_costs(make_sweep):
    slope = drawn(make_sweep(extra={"score_slope": 1.01}), "score_slope")
    assert not [line for line in slope.lines if line.get_linestyle() == "--"]
    assert reference_value(comparisons(make_sweep())[0], "encode_vectors_per_second") is None


def test_reference_of_judged_metrics_is_stated_by_any_row(make_run):
    (comparison,) = comparisons([make_run("pq", 2.0, extra={"mrr_at_10": 0.3, "mrr_at_10_exact": 0.35})])
    assert reference_value(comparison, "mrr_at_10") == 0.35


def test_losses_that_may_be_none_are_hollow_and_the_uncompressed_vectors_lose_nothing(make_run):
    losses = {1.0: (0.3, [0.2, 0.4]), 2.0: (0.1, [-0.1, 0.3]), 4.0: (-0.2, [-0.3, -0.1])}
    runs = [
        make_run("pq", bits, extra={"mrr_at_10_loss": loss, "mrr_at_10_loss_ci": interval})
        for bits, (loss, interval) in losses.items()
    ]
    axes = drawn(runs, "mrr_at_10_loss")
    marked = [line for line in axes.lines if line.get_marker() == "o"]
    hollow = {line.get_markerfacecolor() == "white": sorted(line.get_ydata()) for line in marked}
    assert hollow == {True: [0.1], False: [-0.2, 0.3]}
    assert [list(line.get_ydata()) for line in axes.lines if list(line.get_xdata()) == [0, 1]] == [[0.0, 0.0]]


def test_zeros_on_a_logarithmic_axis_are_named(make_run):
    runs = [make_run("pq", 2.0), make_run("lossless", 8.0, extra={"mse": 0.0, "mse_ci": [0.0, 0.0]})]
    assert hidden_lines(comparisons(runs)[0], BITS, "mse") == ["lossless"]
    assert hidden_lines(comparisons(runs)[0], BITS, "recall_at_10") == []
    assert len(curves(drawn(runs, "mse"))) == 1


@given(st.lists(st.floats(0.05, 64), min_size=1, max_size=30))
def test_ticks_are_near_every_point_and_apart(bits):
    ticks = bits_ticks(bits)
    assert ticks == sorted(set(ticks))
    assert all(min(abs(math.log2(value / tick)) for tick in ticks) <= 0.25 for value in bits)
    assert all(b / a >= 2**0.25 * 0.999 for a, b in pairwise(ticks))


def test_ticks_of_the_usual_budgets():
    assert bits_ticks([1, 2, 4, 8, 1.04, 2.08]) == [1, 2, 4, 8]
    assert bits_ticks([1, 3, 6]) == [1, 2, 3, 4, 6, 8]
    assert bits_ticks([1, 2.862]) == [1, 2, 2.9, 4]


@pytest.mark.parametrize(
    ("name", "title", "better"),
    [
        ("recall_at_50", "Recall@50", "higher"),
        ("recall_10_at_100", "Recall 10@100", "higher"),
        ("recall_at_100_qrels", "Judged recall@100", "higher"),
        ("mrr_at_10_exact", "MRR@10 of the uncompressed vectors", "higher"),
        ("ndcg_at_10_loss", "Loss of nDCG@10", "lower"),
        ("mse", "Mean squared error", "lower"),
        ("score_slope", "Slope of estimated on exact scores", None),
        ("something_new", "something_new", None),
    ],
)
def test_facts(name, title, better):
    assert (record_of(name).title, record_of(name).better) == (title, better)


def test_points_above_their_budget_are_half_filled(make_run):
    runs = [make_run("rabitq", 1.125, budget=1.0), make_run("rabitq", 2.125, budget=2.2)]
    look = styles(["rabitq"])["rabitq"]
    marked = [line for line in drawn(runs, "recall_at_10").lines if line.get_marker() == look.marker]
    assert {line.get_fillstyle(): list(line.get_xdata()) for line in marked} == {"left": [1.12], "full": [2.12]}
