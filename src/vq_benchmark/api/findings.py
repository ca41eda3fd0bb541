"""What results answer in Python: the best configuration for a target, and one configuration against another."""

from dataclasses import dataclass
from typing import Any

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.evaluation.statistics.bootstrap import Interval
from vq_benchmark.reports.comparison import Comparison
from vq_benchmark.reports.html.answer import SHALLOWEST, recall_metric
from vq_benchmark.reports.paired_rows import Paired, label
from vq_benchmark.reports.recommendation.advice import Advice, Question
from vq_benchmark.reports.recommendation.wording import sentence
from vq_benchmark.studies.recommending.goals import Goal


@dataclass(frozen=True, repr=False)
class Best:
    """The smallest configuration that reaches a target."""

    method: str | None
    """Of `get_quantizer(method, **config)`; None if no configuration reaches the target."""
    config: dict[str, Any]
    sentence: str
    """The choice, what it costs, and what is undecided."""

    def __repr__(self) -> str:
        return self.sentence


@dataclass(frozen=True, repr=False)
class PairedDifference:
    """One configuration minus another, paired by query."""

    a: str
    b: str
    metric: str
    mean_a: float
    mean_b: float
    difference: float
    interval: Interval | None
    """The 95 % interval of the difference; None if there are too few queries for one."""
    p: float
    queries: int
    seeds: int
    """Pairs of seeds; with one, the interval leaves out the randomness of training."""
    measured_differently: str = ""
    """The settings in which the two differ, such as `train_size=1000 and 260`; empty if they were measured alike."""

    def __repr__(self) -> str:
        interval = (
            "no interval" if self.interval is None else "95 % interval {:+.4f} to {:+.4f}".format(*self.interval)
        )
        return (
            f"{record_of(self.metric).title}: {self.a} has {self.mean_a:.4f}, {self.b} has {self.mean_b:.4f}; the "
            f"difference is {self.difference:+.4f} ({interval}, p = {self.p:.2g}, "
            f"{self.queries:,} quer{'y' if self.queries == 1 else 'ies'}, "
            f"{self.seeds} seed{'' if self.seeds == 1 else 's'})."
            + f" They were measured differently: {self.measured_differently}."
            * bool(self.measured_differently)
        )


def best_for(comparison: Comparison, target: float, rerank: int, vectors: int) -> Best:
    """The smallest configuration whose recall@10, after re-ranking, reaches the target, as `recommend` finds it."""
    depth = None if rerank == NO_RERANKING else rerank
    goal = Goal(recall_metric(rerank), target)
    advice = Advice.of(comparison, Question((goal,), vectors, depth))
    if advice.chosen is None:
        return Best(None, {}, sentence(advice))
    chosen = advice.chosen.summary
    return Best(chosen.method, dict(chosen.config), sentence(advice))


def difference_of(paired: Paired, metric: str) -> PairedDifference:
    """What `compare` found of a pair."""
    left, right = (float(values.mean()) for values in paired.values)
    found = paired.difference
    return PairedDifference(
        label(paired.a), label(paired.b), metric, left, right, found.mean, paired.interval, found.p, found.queries,
        len(paired.seeds), paired.unlike,
    )  # fmt: skip


NO_RERANKING = SHALLOWEST
"""Candidates of a search for 10 neighbours that re-ranks nothing."""
