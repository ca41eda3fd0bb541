"""Mark the best configurations at each budget: the best one, and all that do not differ from it significantly."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.evaluation.statistics.paired import SIGNIFICANCE, holm, paired_difference
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.paired_rows import stored, values_of

BEST_MARK = "✓"
Known = dict[int, tuple[str, DoubleArray]]
"""By seed: the digest of the queries, and the (q,) values."""
METRICS = ("recall_at_10", "mrr_at_10_loss")
"""What the best is chosen by: the first that a row of the comparison has."""


@dataclass(frozen=True)
class Marks:
    """The best configurations by one metric, each by the run_id of its first row."""

    best: frozenset[str]
    """The best at each budget, and all with the same value."""
    equal: frozenset[str]
    """Those that do not differ significantly from the best at a budget."""
    tested: bool
    """Whether rows keep the values of each query that a test needs; without them there is nothing in `equal`."""


def best_note(comparison: Comparison) -> str:
    """The legend of the mark."""
    title = record_of(best_metric(comparison)).title
    return f"{BEST_MARK}: best {title} within a budget, or not significantly different (paired by query, Holm)"


def best_metric(comparison: Comparison) -> str:
    """What the best is chosen by."""
    having = (name for name in METRICS if any(each.value(name) is not None for each in comparison.summaries))
    return next(having, METRICS[0])


def best_rows(comparison: Comparison) -> frozenset[str]:
    """The run_id of the first row of each configuration that is among the best at a budget."""
    return frozenset(_id(summary) for best in best_at_budgets(comparison).values() for summary in best)


def best_at_budgets(comparison: Comparison) -> dict[float, list[Summary]]:
    """The best configurations at each budget, and after them those that do not differ significantly.

    A budget is left out if the queries of a competitor are unknown or not those of the best.
    """
    if not comparison.budgets:
        return {}
    return {budget: [*best, *equal] for budget, best, equal in _contests(comparison, best_metric(comparison))}


def best_marks(comparison: Comparison, metric: str) -> Marks:
    """The best by a metric at each budget, or of all where no configuration was chosen for a budget."""
    contests = list(_contests(comparison, metric))
    best = frozenset(_id(each) for _, first, _ in contests for each in first)
    equal = frozenset(_id(each) for _, _, others in contests for each in others)
    return Marks(best, equal - best, _is_tested(metric))


def _is_tested(metric: str) -> bool:
    record = record_of(metric)
    return record.interval == "bootstrap" and record.keeps_queries


def _contests(comparison: Comparison, metric: str) -> Iterator[tuple[float, list[Summary], list[Summary]]]:
    """Each budget with the best configurations, and those that do not differ from them significantly.

    Every configuration but the control competes at each budget that its bits do not exceed. If the metric has values
    of each query, a budget is left out if the queries of a competitor are unknown or not those of the best.
    """
    sign = -1.0 if record_of(metric).better == "lower" else 1.0
    known: dict[str, Known] = {}
    for budget in comparison.budgets or [math.inf]:
        competing = [
            each
            for each in comparison.summaries
            if not each.is_control
            and each.code_bits is not None
            and not each.exceeds(budget)
            and each.value(metric) is not None
        ]
        if not competing:
            continue
        first = max(competing, key=lambda each: sign * (each.value(metric) or 0.0))
        best = [each for each in competing if each.value(metric) == first.value(metric)]
        if not _is_tested(metric):
            yield budget, best, []
            continue
        for each in competing:
            if _id(each) not in known:
                known[_id(each)] = _by_seed(each, metric)
        equal = _equal_to(first, competing, known)
        if equal is not None:
            yield budget, best, [each for each in equal if each not in best]


def _equal_to(best: Summary, competing: list[Summary], known: dict[str, Known]) -> list[Summary] | None:
    """Those that do not differ significantly from the best; None if they cannot be compared."""
    others = [each for each in competing if each is not best]
    tests = []
    for other in others:
        left, right = known[_id(best)], known[_id(other)]
        seeds = sorted(left.keys() & right.keys())
        if not seeds or any(left[seed][0] != right[seed][0] for seed in seeds):
            return None
        tests.append(paired_difference(np.stack([left[seed][1] - right[seed][1] for seed in seeds])).p)
    if not known[_id(best)]:
        return None
    return [other for other, p in zip(others, holm(tests), strict=True) if p >= SIGNIFICANCE]


def _by_seed(summary: Summary, metric: str) -> Known:
    try:
        kept = [(run, stored(run)) for run in summary.runs]
        return {run.seed: (each.queries, values_of(run, each, metric)) for run, each in kept}
    except InputError:  # a row of an earlier release: it is shown, and not compared
        return {}


def _id(summary: Summary) -> str:
    return summary.runs[0].run_id
