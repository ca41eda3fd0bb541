"""Paired comparisons of the best configurations of all methods at each budget, for the page."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.html.ranks import budget_of, powers_of_two
from vq_benchmark.reports.labels import rounded
from vq_benchmark.reports.paired_rows import Paired, compared, reason_against

METRICS = ("recall_at_10", "recall_10_at_50", "mrr_at_10_loss")
"""In the order in which they get matrices."""
MOST_ROWS = 12
"""Configurations of a matrix, which makes 66 pairs."""
MOST_BUDGETS = 6
MOST_DIFFERENCES = 300_000
"""Pairs × queries × seeds that are resampled for one data set; this takes a few seconds."""


def matrices(
    comparison: Comparison, by_line: Mapping[str, Sequence[Summary]], points: Sequence[Summary]
) -> list[dict[str, Any]]:
    """A matrix for each metric and budget, in the order of METRICS, until the work would exceed MOST_DIFFERENCES.

    Each line takes part with its best configuration within the budget, at most MOST_ROWS of them. Rows that do not
    pair up by query with the best are left out, and so is a matrix of fewer than two rows.

    Args:
        by_line: the configurations of each line of the figures.
        points: those of the page; a matrix names its rows by their place here.
    """
    places = {id(summary): place for place, summary in enumerate(points)}
    left, found = MOST_DIFFERENCES, []
    for metric in METRICS:
        for budget in _budgets(comparison, points):
            best = _best_of_lines(by_line, metric, budget)
            rows = _comparable(best[:MOST_ROWS], metric)
            work = sum(len(each.runs) * int(each.value("queries") or 0) for each in rows) * (len(rows) - 1) // 2
            if len(rows) < 2 or work > left:
                continue
            left -= work
            found.append(
                {
                    "metric": metric,
                    "budget": budget,
                    "rows": [places[id(row)] for row in rows],
                    "omitted": len(best) - len(rows),
                    "pairs": _pairs(rows, metric),
                }
            )
    return found


def _budgets(comparison: Comparison, points: Sequence[Summary]) -> list[float]:
    """The budgets that rows were chosen for; powers of two where these are too many, or there are none."""
    if 0 < len(comparison.budgets) <= MOST_BUDGETS:
        return comparison.budgets
    sizes = sorted(size for each in points if math.isfinite(size := budget_of(each)))
    return powers_of_two(sizes)[-MOST_BUDGETS:]


def _best_of_lines(by_line: Mapping[str, Sequence[Summary]], metric: str, budget: float) -> list[Summary]:
    """The best configuration of each line within the budget, the best of all first."""
    sign = -1.0 if record_of(metric).better == "lower" else 1.0
    fitting = {
        name: [each for each in line if budget_of(each) <= budget and each.value(metric) is not None]
        for name, line in by_line.items()
    }

    def goodness(summary: Summary) -> float:
        return sign * (summary.value(metric) or 0.0)

    best = {name: max(line, key=goodness) for name, line in fitting.items() if line}
    return [best[name] for name in sorted(best, key=lambda name: (-goodness(best[name]), name))]


def _comparable(rows: Sequence[Summary], metric: str) -> list[Summary]:
    """The rows that pair up by query with the first that has values of each query."""
    kept: list[Summary] = []
    for row in rows:
        if reason_against(kept[0] if kept else row, row, metric) is None:
            kept.append(row)
    return kept


def _pairs(rows: Sequence[Summary], metric: str) -> list[list[Any]]:
    """[A, B, A − B, low, high, p of Holm, queries, seeds] of each pair; A and B are places in the matrix."""
    places = [
        (a, b) for a, b in combinations(range(len(rows)), 2) if reason_against(rows[a], rows[b], metric) is None
    ]
    tested = compared([(rows[a], rows[b]) for a, b in places], metric)
    return [[*pair, *_numbers(each)] for pair, each in zip(places, tested, strict=True)]


def _numbers(found: Paired) -> list[Any]:
    low, high = found.interval or (None, None)
    difference = found.difference
    numbers = [difference.mean, low, high, found.p_holm, difference.queries, len(found.seeds)]
    return [rounded(number) for number in numbers]
