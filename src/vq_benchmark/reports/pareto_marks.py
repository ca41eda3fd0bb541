"""Mark the configurations on the Pareto front of a table: no other one is both smaller and better."""

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.reports.best_marks import best_metric
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.pareto import pareto_front

PARETO_MARK = "◆"
FEWEST = 2
"""Configurations that make a front."""


def pareto_rows(comparison: Comparison) -> frozenset[str]:
    """The run_id of the first row of each configuration on the front of total bits and recall@10.

    The control takes no part. Empty if fewer than two configurations have both numbers.
    """
    metric = best_metric(comparison)
    points = {
        summary.runs[0].run_id: (summary.bits, value)
        for summary in comparison.summaries
        if not summary.is_control and summary.bits is not None and (value := summary.value(metric)) is not None
    }
    if len(points) < FEWEST:
        return frozenset()
    front = set(pareto_front(list(points.values()), "lower", record_of(metric).better or "higher"))
    return frozenset(run_id for run_id, point in points.items() if point in front)


def is_on(front: frozenset[str], summary: Summary) -> bool:
    """Whether a configuration is among those rows."""
    return summary.runs[0].run_id in front


def pareto_note(comparison: Comparison) -> str:
    """The legend of the mark."""
    return f"{PARETO_MARK}: Pareto front, no smaller row has as high a {record_of(best_metric(comparison)).title}"
