"""One panel of a figure: the lines of a comparison with intervals, the Pareto front and the control."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from vq_benchmark.evaluation.metric_records import MetricRecord, record_of
from vq_benchmark.reports.bound_line import draw_bound
from vq_benchmark.reports.comparison import Comparison, Summary, shown_bits
from vq_benchmark.reports.formatting import decimal, tick
from vq_benchmark.reports.pareto import Point, pareto_front
from vq_benchmark.reports.reranking import DEPTH, is_beyond_limit
from vq_benchmark.reports.series import Style, lines
from vq_benchmark.reports.sizes import MODEL_MARK, Sizes, has_large_model

BITS = "total_bits_per_dim"
DEFAULT_SIZES = Sizes()
FRONT_COLOR = "#222222"
CONTROL_COLOR = "#777777"
CROWD = 8
"""Number of lines above which lines off the Pareto front are drawn faintly."""
LABELLED_MARKS = 40
"""Number of points above which labels would overlap."""
TICK_DISTANCE = 0.25
"""Shortest distance between two ticks of bits, in octaves."""


@dataclass(frozen=True)
class Mark:
    """A summary as a point of the panel."""

    x: float
    y: float
    low: float
    high: float
    bits: float
    hollow: bool
    """An insignificant loss: its interval contains 0."""
    half: bool
    """Over its budget of bits."""
    code_bits: float
    """Bits per dimension without those of the model."""
    large_model: bool


def draw_panel(
    axes: Axes, comparison: Comparison, x: str, y: str, styles: Mapping[str, Style], sizes: Sizes = DEFAULT_SIZES
) -> None:
    """Draw metric `y` against `x`, one line per method, with the Pareto front outlined and joined.

    Args:
        styles: the style of each line of the comparison, by name.
        sizes: for how many vectors the bits are; see `sized`.
    """
    x_record, y_record = record_of(x), record_of(y)
    marks = {name: found for name, summaries in lines(comparison).items() if (found := _marks(summaries, x, y))}
    everything = [mark for found in marks.values() for mark in found]
    front = _front(everything, x_record, y_record)
    for name, found in marks.items():
        is_in_front = any((mark.x, mark.y) in front for mark in found)
        _draw_line(axes, found, styles[name], y_record, faint=len(marks) > CROWD and not is_in_front)
    if front:
        _draw_front(axes, front)
    if x == BITS:
        draw_bound(axes, comparison, y, [mark.bits for mark in everything])
    _scale(axes, everything, x, x_record, y_record)
    reference = reference_value(comparison, y)
    if reference is not None:
        _draw_reference(axes, reference, x, y_record)
    axes.set_xlabel(f"{x_record.label}, {sizes.count(comparison):,} vectors" if x == BITS else x_record.label)
    axes.set_ylabel(y_record.label)
    axes.set_title(_title(x, x_record, y_record), loc="left")
    if x != BITS and len(everything) <= LABELLED_MARKS:
        _label(axes, {mark: f"{decimal(mark.bits, 2)}{MODEL_MARK * mark.large_model}" for mark in everything}, 7)
        axes.set_title("labels: bits per dimension", loc="right", fontsize=7)
    else:
        _label(axes, {mark: MODEL_MARK for mark in everything if mark.large_model}, 10)


def reference_value(comparison: Comparison, metric: str) -> float | None:
    """The value of a metric for the uncompressed vectors, from the control or else from a row that states it.

    0 for a loss; None for a cost, or if no row knows it.
    """
    kind = record_of(metric).kind
    if kind == "loss":
        return 0.0
    if kind == "cost":
        return None
    if comparison.control and (value := comparison.control.value(metric)) is not None:
        return value
    stated = (summary.value(f"{metric}_exact") for summary in comparison.summaries)
    return next((value for value in stated if value is not None), None)


def can_be_drawn(comparison: Comparison, x: str, y: str) -> bool:
    """Whether any line of the comparison has a point with both metrics."""
    return any(_marks(summaries, x, y) for summaries in lines(comparison).values())


def hidden_lines(comparison: Comparison, x: str, y: str) -> list[str]:
    """Names of the lines that lose points because a logarithmic axis has no zero."""
    return [
        name for name, summaries in lines(comparison).items() if any(_is_hidden(each, x, y) for each in summaries)
    ]


def bits_ticks(bits: Sequence[float]) -> list[float]:
    """Ticks for the given bits per dimension: the powers of two around them, then the most common values that are
    far enough from other ticks."""
    low, high = math.floor(math.log2(min(bits)) + 0.1), math.ceil(math.log2(max(bits)) - 0.1)
    ticks = [2.0**power for power in range(low, high + 1)]
    counts = Counter(decimal(value, 2) for value in bits)
    for value in sorted(set(bits), key=lambda value: (-counts[decimal(value, 2)], value)):
        if _is_far(value, ticks):
            rounded = float(f"{value:.2g}")
            ticks.append(rounded if _is_far(rounded, ticks) else value)
    return sorted(ticks)


def _is_far(value: float, ticks: Sequence[float]) -> bool:
    return all(abs(math.log2(value / tick)) >= TICK_DISTANCE for tick in ticks)


def _marks(summaries: Sequence[Summary], x: str, y: str) -> list[Mark]:
    """Points in order of bits, without those that a logarithmic axis cannot show."""
    found = []
    for summary in summaries:
        x_value, y_value, bits, interval = summary.value(x), summary.value(y), summary.bits, summary.interval(y)
        if x_value is None or y_value is None or bits is None or interval is None:
            continue
        if DEPTH in (x, y) and is_beyond_limit(summary):
            continue
        if not _is_hidden(summary, x, y):
            hollow = record_of(y).kind == "loss" and not summary.differs_from_zero(y)
            x_value = shown_bits(x_value) if x == BITS else x_value
            fills = hollow, summary.is_over_budget
            code_bits = summary.code_bits or bits
            found.append(Mark(x_value, y_value, *interval, bits, *fills, code_bits, has_large_model(summary)))
    return sorted(found, key=lambda mark: (mark.bits, mark.y))


def _is_hidden(summary: Summary, x: str, y: str) -> bool:
    values = [summary.value(name) for name in (x, y, BITS) if record_of(name).scale == "log"]
    return any(value is not None and value <= 0 for value in values)


def _draw_line(axes: Axes, points: list[Mark], style: Style, y_record: MetricRecord, *, faint: bool) -> None:
    """Draw all points with their intervals, and a line through the best point at each number of bits of the code."""
    sign = 1 if y_record.better == "lower" else -1
    ordered = sorted(points, key=lambda mark: mark.code_bits)
    alike = (list(same) for _, same in groupby(ordered, key=lambda mark: mark.code_bits))
    best = sorted((min(same, key=lambda mark: sign * mark.y) for same in alike), key=lambda mark: mark.bits)
    axes.plot(
        [mark.x for mark in best], [mark.y for mark in best], color=style.color, linestyle=style.dashes,
        linewidth=1.3, alpha=0.4 if faint else 0.9, zorder=2,
    )  # fmt: skip
    for hollow, half in {(mark.hollow, mark.half) for mark in points}:
        filled = [mark for mark in points if (mark.hollow, mark.half) == (hollow, half)]
        axes.errorbar(
            [mark.x for mark in filled], [mark.y for mark in filled],
            yerr=[[mark.y - mark.low for mark in filled], [mark.high - mark.y for mark in filled]],
            fmt=style.marker, color=style.color, markersize=5.5, elinewidth=1, capsize=2, zorder=3,
            **marker_fill(style.color, hollow=hollow, half=half),
        )  # fmt: skip


def marker_fill(color: str, *, hollow: bool, half: bool) -> dict[str, Any]:
    """Arguments of matplotlib for the inside and the edge of a marker; half goes before hollow."""
    if half:
        return {
            "markerfacecolor": color, "markerfacecoloralt": "white", "markeredgecolor": color,
            "markeredgewidth": 1.0, "fillstyle": "left",
        }  # fmt: skip
    face, edge, width = ("white", color, 1.0) if hollow else (color, "white", 0.5)
    return {"markerfacecolor": face, "markeredgecolor": edge, "markeredgewidth": width}


def _front(points: list[Mark], x_record: MetricRecord, y_record: MetricRecord) -> list[Point]:
    """The Pareto front; empty if a metric has no better direction."""
    if x_record.better is None or y_record.better is None:
        return []
    return pareto_front([(mark.x, mark.y) for mark in points], x_record.better, y_record.better)


def _draw_front(axes: Axes, front: list[Point]) -> None:
    xs, ys = [x for x, _ in front], [y for _, y in front]
    axes.plot(xs, ys, color=FRONT_COLOR, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
    axes.scatter(xs, ys, s=75, facecolors="none", edgecolors=FRONT_COLOR, linewidths=0.9, zorder=4)


def _title(x: str, x_record: MetricRecord, y_record: MetricRecord) -> str:
    if x != BITS:
        return f"{y_record.title} against {x_record.title.lower()}"
    return f"{y_record.title} ({y_record.better} is better)" if y_record.better else y_record.title


def _draw_reference(axes: Axes, value: float, x: str, y_record: MetricRecord) -> None:
    """Draw a line at the value of the uncompressed vectors, or just a note if a logarithmic axis has no such value.

    Methods with few bits are far from the line, so the text fits at the left end of an axis of bits.
    """
    side = -2 if y_record.better == "higher" and x == BITS else 2
    place, align = (0.01, "left") if x == BITS else (0.99, "right")
    height, coordinates = (value, ("axes fraction", "data"))
    if y_record.scale == "log" and value <= 0:
        height, coordinates = (0, ("axes fraction", "axes fraction"))
    else:
        axes.axhline(value, color=CONTROL_COLOR, linewidth=1, zorder=0)
    axes.annotate(
        f"uncompressed: {value:.4g}", (place, height), xycoords=coordinates, xytext=(0, side),
        textcoords="offset points", va="top" if side < 0 else "bottom", ha=align, fontsize=7,
        color=CONTROL_COLOR,
    )  # fmt: skip


def _label(axes: Axes, texts: Mapping[Mark, str], size: int) -> None:
    for mark, text in texts.items():
        axes.annotate(
            text, (mark.x, mark.y), xytext=(6, 3), textcoords="offset points", fontsize=size,
            color="#444444", zorder=5,
        )  # fmt: skip


def _scale(axes: Axes, points: list[Mark], x: str, x_record: MetricRecord, y_record: MetricRecord) -> None:
    if x == BITS:
        ticks = bits_ticks([mark.bits for mark in points])
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: decimal(value, 2)))
    elif x_record.scale == "log":
        _log_axis(axes, "x", [mark.x for mark in points])
    if y_record.scale == "log":
        _log_axis(axes, "y", [mark.y for mark in points])
    else:
        axes.yaxis.set_major_locator(MaxNLocator(8))
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _log_axis(axes: Axes, which: str, values: list[float]) -> None:
    """Make an axis logarithmic, with readable ticks even if the values span less than a decade."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    decades = math.log10(max(values) / min(values))
    subs = (1.0,) if decades > 3 else (1.0, 3.0) if decades > 2 else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=20))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
