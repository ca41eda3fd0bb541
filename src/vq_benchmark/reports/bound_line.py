"""The Gaussian rate-distortion bound of a data set as a line in the figures of errors."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from vq_benchmark.reports.comparison import Comparison, number
from vq_benchmark.reports.gaussian_bound import stated_bound
from vq_benchmark.results.database import Run

ERRORS = ("mse", "relative_error")
"""Metrics whose figures have the line."""
COLOR = "#B22222"
DOTS = (0, (1, 1.5))
MARGIN = 1.05
"""How far the line goes beyond the smallest and the largest number of bits."""
POINTS = 100
"""Points that the line is drawn through."""


def bound_line(comparison: Comparison, metric: str, bits: Sequence[float]) -> tuple[list[float], list[float]]:
    """Bits per dimension and the bound there, over the range of `bits`; two empty lists if there is no bound.

    Of the rows' samples, the largest counts. Between the bits that are kept, the logarithm of the bound is linear.
    """
    bound = stated_bound(comparison.runs)
    scale = _scale(comparison.runs, metric)
    if bound is None or scale is None or not bits:
        return [], []
    known, least = np.array(bound.curve_bits), np.array(bound.curve_mse)
    known, least = known[least > 0], least[least > 0]
    low = max(min(bits) / MARGIN, known.min(initial=np.inf))
    high = min(max(bits) * MARGIN, known.max(initial=-np.inf))
    if low >= high:
        return [], []
    shown = np.geomspace(low, high, POINTS)
    return shown.tolist(), (scale * np.exp(np.interp(shown, known, np.log(least)))).tolist()


def has_bound(comparison: Comparison, metric: str) -> bool:
    """Whether a figure of the metric against bits has the line."""
    bits = [summary.bits for summary in comparison.summaries if summary.bits and not summary.is_control]
    return bool(bound_line(comparison, metric, bits)[0])


def draw_bound(axes: Axes, comparison: Comparison, metric: str, bits: Sequence[float]) -> None:
    """Draw the line below everything else, if there is one."""
    xs, ys = bound_line(comparison, metric, bits)
    if xs:
        axes.plot(xs, ys, color=COLOR, linestyle=DOTS, linewidth=1.4, zorder=1)


def bound_handle() -> Line2D:
    """The line in a legend."""
    return Line2D([], [], color=COLOR, linestyle=DOTS, linewidth=1.4, label="Gaussian bound")


def _scale(runs: Sequence[Run], metric: str) -> float | None:
    """What turns a mean squared error into the metric: 1, or 1 / mean ‖x‖², which every row with an error tells."""
    if metric == "mse":
        return 1.0
    for run in runs:
        error, mse = number(run.metrics, metric), number(run.metrics, "mse")
        if metric == "relative_error" and error and mse:
            return error / mse
    return None
