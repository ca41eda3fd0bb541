"""Recall at equal bits: read off the curve of each method, between the points that were measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vq_benchmark.reports.comparison import BUDGET_ROUNDING, Comparison, Summary
from vq_benchmark.reports.series import lines

RECALL = "recall_at_10"
TOTAL_BITS, CODE_BITS = "total_bits_per_dim", "bits_per_dim"
"""With and without the model; the first is used where all rows have it."""
FEWEST = 2
"""Points that make a curve, and curves that make a comparison."""


@dataclass(frozen=True)
class Reading:
    """The value of a curve at a number of bits."""

    value: float
    measured: bool
    """Whether a point was measured there; else the value is interpolated."""


@dataclass(frozen=True)
class EqualBits:
    """Recall@10 of each line of a comparison at each of its budgets."""

    axis: str
    """The metric that counts the bits."""
    budgets: tuple[float, ...]
    readings: dict[str, list[Reading | None]]
    """By the name of the line, one for each budget; None where no two measured points enclose it."""


def read_curve(points: Sequence[tuple[float, float]], bits: float) -> Reading | None:
    """Return the value at `bits` of the curve through points (bits, value), linear in log2 of bits between points.

    Of several points with the same bits, the highest value counts. None outside the points.
    """
    best: dict[float, float] = {}
    for x, value in points:
        best[x] = max(value, best.get(x, -math.inf))
    if (exact := min(best, key=lambda x: abs(x - bits), default=None)) is None:
        return None
    if math.isclose(exact, bits, rel_tol=BUDGET_ROUNDING):
        return Reading(best[exact], measured=True)
    below = max((x for x in best if x < bits), default=None)
    above = min((x for x in best if x > bits), default=None)
    if below is None or above is None:
        return None
    share = math.log2(bits / below) / math.log2(above / below)
    return Reading(best[below] + share * (best[above] - best[below]), measured=False)


def recall_at_equal_bits(comparison: Comparison) -> EqualBits | None:
    """Return recall@10 of each method at each budget of the comparison.

    None unless two methods have two points each, and any value is interpolated: the other values are in the rows.
    """
    rows = [summary for summary in comparison.summaries if not summary.is_control]
    axis = TOTAL_BITS if all(row.value(TOTAL_BITS) is not None for row in rows) else CODE_BITS
    curves = {name: points for name, summaries in lines(comparison).items() if (points := _points(summaries, axis))}
    readings = {name: [read_curve(points, bits) for bits in comparison.budgets] for name, points in curves.items()}
    shown = [place for place in range(len(comparison.budgets)) if any(each[place] for each in readings.values())]
    found = EqualBits(
        axis,
        tuple(comparison.budgets[place] for place in shown),
        {name: [each[place] for place in shown] for name, each in readings.items() if any(each)},
    )
    interpolated = any(reading and not reading.measured for each in found.readings.values() for reading in each)
    several = sum(len({bits for bits, _ in points}) >= FEWEST for points in curves.values()) >= FEWEST
    return found if several and interpolated else None


def _points(summaries: Sequence[Summary], axis: str) -> list[tuple[float, float]]:
    pairs = [(summary.value(axis), summary.value(RECALL)) for summary in summaries]
    return [(bits, recall) for bits, recall in pairs if bits is not None and bits > 0 and recall is not None]
