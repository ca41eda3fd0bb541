"""What results answer in Python: the best configuration for a target, and one configuration against another."""

from dataclasses import dataclass
from typing import Any

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.evaluation.statistics.bootstrap import Interval
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.html.answer import SHALLOWEST, Candidate, answer, recall_metric
from vq_benchmark.reports.paired_rows import Paired, label
from vq_benchmark.reports.series import lines


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

    def __repr__(self) -> str:
        interval = (
            "no interval" if self.interval is None else "95 % interval {:+.4f} to {:+.4f}".format(*self.interval)
        )
        return (
            f"{record_of(self.metric).title}: {self.a} has {self.mean_a:.4f}, {self.b} has {self.mean_b:.4f}; the "
            f"difference is {self.difference:+.4f} ({interval}, p = {self.p:.2g}, "
            f"{self.queries:,} queries, {self.seeds} seed{'' if self.seeds == 1 else 's'})."
        )


def best_for(comparison: Comparison, target: float, rerank: int, vectors: int) -> Best:
    """The smallest configuration whose recall@10, after re-ranking, is at least the target; `answer` says how."""
    summaries = [summary for found in lines(comparison).values() for summary in found]
    named = {label(summary): summary for summary in summaries}
    candidates = [
        candidate for name, summary in named.items() if (candidate := _candidate(name, summary, rerank)) is not None
    ]
    found = answer(candidates, target, rerank, vectors, comparison.d)
    chosen = None if found.chosen is None else named[found.chosen]
    if chosen is None:
        return Best(None, {}, found.sentence)
    return Best(chosen.method, dict(chosen.config), found.sentence)


def difference_of(paired: Paired, metric: str) -> PairedDifference:
    """What `compare` found of a pair."""
    left, right = (float(values.mean()) for values in paired.values)
    found = paired.difference
    return PairedDifference(
        label(paired.a), label(paired.b), metric, left, right, found.mean, paired.interval, found.p, found.queries,
        len(paired.seeds),
    )  # fmt: skip


def _candidate(name: str, summary: Summary, rerank: int) -> Candidate | None:
    metric = recall_metric(rerank)
    numbers = [summary.value(each) for each in ("bits_per_dim", "code_bytes", "model_bytes", metric)]
    interval = summary.interval(metric)
    if interval is None or any(number is None for number in numbers):
        return None
    bits, code, model, recall = (float(number or 0) for number in numbers)
    return Candidate(name, bits, code, model, recall, *interval)


NO_RERANKING = SHALLOWEST
"""Candidates of a search for 10 neighbours that re-ranks nothing."""
