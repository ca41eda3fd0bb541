"""Mark the best configurations at each budget: the best one, and all that do not differ from it significantly."""

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


def best_note(comparison: Comparison) -> str:
    """The legend of the mark."""
    title = record_of(best_metric(comparison)).title
    return f"{BEST_MARK}: best {title} within a budget, or not significantly different (paired by query, Holm)"


def best_rows(comparison: Comparison) -> frozenset[str]:
    """The run_id of the first row of each configuration that is among the best at a budget."""
    return frozenset(_id(summary) for best in best_at_budgets(comparison).values() for summary in best)


def best_at_budgets(comparison: Comparison) -> dict[float, list[Summary]]:
    """The best configuration at each budget, and after it those that do not differ from it significantly.

    Every configuration but the control competes at each budget that its bits do not exceed. A budget is left out if
    the queries of a competitor are unknown or not those of the best.
    """
    metric = best_metric(comparison)
    known: dict[str, Known] = {}
    found: dict[float, list[Summary]] = {}
    for budget in comparison.budgets:
        competing = [
            each
            for each in comparison.summaries
            if not each.is_control
            and each.code_bits is not None
            and not each.exceeds(budget)
            and each.value(metric) is not None
        ]
        for each in competing:
            if _id(each) not in known:
                known[_id(each)] = _by_seed(each, metric)
        if best := _equal_to_best(competing, known, metric):
            found[budget] = best
    return found


def _equal_to_best(competing: list[Summary], known: dict[str, Known], metric: str) -> list[Summary]:
    if not competing:
        return []
    sign = -1.0 if record_of(metric).better == "lower" else 1.0
    best = max(competing, key=lambda each: sign * (each.value(metric) or 0.0))
    others = [each for each in competing if each is not best]
    tests = []
    for other in others:
        left, right = known[_id(best)], known[_id(other)]
        seeds = sorted(left.keys() & right.keys())
        if not seeds or any(left[seed][0] != right[seed][0] for seed in seeds):
            return []
        tests.append(paired_difference(np.stack([left[seed][1] - right[seed][1] for seed in seeds])).p)
    same = [other for other, p in zip(others, holm(tests), strict=True) if p >= SIGNIFICANCE]
    return [best, *same] if known[_id(best)] else []


def _by_seed(summary: Summary, metric: str) -> Known:
    try:
        kept = [(run, stored(run)) for run in summary.runs]
        return {run.seed: (each.queries, values_of(run, each, metric)) for run, each in kept}
    except InputError:  # a row of an earlier release: it is shown, and not compared
        return {}


def best_metric(comparison: Comparison) -> str:
    """What the best is chosen by."""
    having = (name for name in METRICS if any(each.value(name) is not None for each in comparison.summaries))
    return next(having, METRICS[0])


def _id(summary: Summary) -> str:
    return summary.runs[0].run_id
