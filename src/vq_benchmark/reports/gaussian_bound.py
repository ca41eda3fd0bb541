"""The Gaussian rate-distortion bound of a data set, as its rows state it."""

from collections.abc import Sequence

from vq_benchmark.evaluation.rate_distortion import BOUND_KEY, Bound
from vq_benchmark.reports.comparison import Comparison
from vq_benchmark.results.database import Run

FEW_VECTORS = 10
"""Training vectors per dimension below which the bound is noticeably too low."""


def stated_bound(runs: Sequence[Run]) -> Bound | None:
    """The bound of the rows: that of the largest sample; None if no row has one."""
    bounds = [bound for run in runs if (bound := Bound.from_json(run.environment.get(BOUND_KEY))) is not None]
    return max(bounds, key=lambda bound: bound.vectors, default=None)


def bound_note(comparison: Comparison) -> str:
    """That the bound is too low because the sample is small for the dimension; empty if it is not."""
    bound = stated_bound(comparison.runs)
    if bound is None or bound.vectors >= FEW_VECTORS * comparison.d:
        return ""
    count = f"{bound.vectors:,} training vectors"
    return f"the Gaussian bound is too low, because {count} are few for {comparison.d} dimensions"
