"""Mark the best configurations at each budget: the best one, and all that do not differ from it significantly."""

import math
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


def best_note(comparison: Comparison) -> str:
    """The legend of the mark."""
    title = record_of(_metric(comparison)).title
    return f"{BEST_MARK}: best {title} within a budget, or not significantly different (paired by query, Holm)"


@dataclass(frozen=True)
class Marks:
    """The best configurations by one metric, each by the run_id of its first row."""

    best: frozenset[str]
    """The best at each budget, and all with the same value."""
    equal: frozenset[str]
    """Those that do not differ significantly from the best at a budget."""
    tested: bool
    """Whether rows keep the values of each query that a test needs; without them there is nothing in `equal`."""


def best_rows(comparison: Comparison) -> frozenset[str]:
    """The run_id of the first row of each marked configuration: see `best_marks`; no budgets, no marks."""
    if not comparison.budgets:
        return frozenset()
    marks = best_marks(comparison, _metric(comparison))
    return marks.best | marks.equal


def best_marks(comparison: Comparison, metric: str) -> Marks:
    """The best by a metric at each budget, or of all where no configuration was chosen for a budget.

    Every configuration but the control competes at each budget that its bits do not exceed. If the metric has values
    of each query, a budget has no marks if the queries of a competitor are unknown or not those of the best.
    """
    record = record_of(metric)
    tested = record.interval == "bootstrap" and record.keeps_queries
    known: dict[str, Known] = {}
    best: set[str] = set()
    equal: set[str] = set()
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
        sign = -1.0 if record.better == "lower" else 1.0
        first = max(competing, key=lambda each: sign * (each.value(metric) or 0.0))
        ties = {_id(each) for each in competing if each.value(metric) == first.value(metric)}
        if not tested:
            best |= ties
            continue
        for each in competing:
            if _id(each) not in known:
                known[_id(each)] = _by_seed(each, metric)
        same = _equal_to(first, competing, known)
        if same is not None:
            best |= ties
            equal |= same
    return Marks(frozenset(best), frozenset(equal - best), tested)


def _equal_to(best: Summary, competing: list[Summary], known: dict[str, Known]) -> set[str] | None:
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
    return {_id(other) for other, p in zip(others, holm(tests), strict=True) if p >= SIGNIFICANCE}


def _by_seed(summary: Summary, metric: str) -> Known:
    try:
        kept = [(run, stored(run)) for run in summary.runs]
        return {run.seed: (each.queries, values_of(run, each, metric)) for run, each in kept}
    except InputError:  # a row of an earlier release: it is shown, and not compared
        return {}


def _metric(comparison: Comparison) -> str:
    having = (name for name in METRICS if any(each.value(name) is not None for each in comparison.summaries))
    return next(having, METRICS[0])


def _id(summary: Summary) -> str:
    return summary.runs[0].run_id
