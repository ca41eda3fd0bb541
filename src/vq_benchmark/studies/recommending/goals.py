"""What a configuration must reach: bounds on metrics, as `recall_at_10=0.95,mrr_at_10_loss=0.005`."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.metric_records import RECORDS, RERANK_DEPTHS, MetricRecord, record_of
from vq_benchmark.evaluation.statistics.bootstrap import Interval
from vq_benchmark.machine.suggestions import did_you_mean

RECALL = re.compile(r"recall_at_(\d+)|recall_(\d+)_at_(\d+)")
"""Metrics that fall as a base grows."""
EXAMPLE = "recall_at_10=0.95"


@dataclass(frozen=True)
class Reading:
    """How far a configuration is beyond its goals, the worst of them: at least 0 if it reaches all."""

    value: float
    low: float
    """From the unfavourable ends of the 95 % intervals."""
    high: float
    """From the favourable ends."""


@dataclass(frozen=True)
class Goal:
    """A bound on one metric."""

    metric: str
    bound: float

    @property
    def record(self) -> MetricRecord:
        """The record of the metric."""
        return record_of(self.metric)

    @property
    def higher(self) -> bool:
        """Whether more is better."""
        return self.record.better == "higher"

    @property
    def falls_as_the_base_grows(self) -> bool:
        """Whether a part of the base is an easier problem."""
        return RECALL.fullmatch(self.metric) is not None

    def reading(self, value: float, interval: Interval) -> Reading:
        """How far a value and its interval are beyond the bound."""
        low, high = interval
        if self.higher:
            return Reading(value - self.bound, low - self.bound, high - self.bound)
        return Reading(self.bound - value, self.bound - high, self.bound - low)


def worst(readings: Sequence[Reading]) -> Reading:
    """The reading of several goals: all of them count."""
    return Reading(*(min(getattr(each, name) for each in readings) for name in ("value", "low", "high")))


def parsed_goals(text: str, depth: int | None) -> tuple[Goal, ...]:
    """The goals of "METRIC=BOUND,…"; recall is that after re-ranking `depth` candidates, if a depth is given.

    Raises:
        InputError: a text is not of that form, or its metric is unknown, has no interval, or cannot be re-ranked.
    """
    goals = [_parsed(part.strip(), depth) for part in text.split(",") if part.strip()]
    if not goals:
        raise InputError(f"--target is empty; give METRIC=BOUND, such as {EXAMPLE}.")
    names = [goal.metric for goal in goals]
    if len(set(names)) < len(names):
        raise InputError(f"--target {text!r} names a metric twice; give each one bound.")
    return tuple(goals)


def recall_goal(depth: int | None) -> Goal:
    """Recall@10, to be as high as possible."""
    return Goal(_reranked("recall_at_10", depth), 1.0)


def _parsed(text: str, depth: int | None) -> Goal:
    name, equals, number = (part.strip() for part in text.partition("="))
    bound = None
    with suppress(ValueError):
        bound = float(number)
    if not equals or bound is None or not -1e300 < bound < 1e300:
        raise InputError(f"--target is {text!r}; it must be METRIC=NUMBER, such as {EXAMPLE}.")
    record = record_of(name)
    if record.interval is None or record.better is None:
        known = sorted(each.name.format(k=10, r=50, p=50) for each in RECORDS if each.interval and each.better)
        hint = did_you_mean(name, known)
        what = "has no interval and direction" if record.section else "is no metric"
        raise InputError(f"--target {text!r}: {name!r} {what}; {hint}possible are: {', '.join(known)}.")
    least, most = record.bounds or (-float("inf"), float("inf"))
    if not least <= bound <= most:
        raise InputError(f"--target is {text!r}; {name} is between {least:g} and {most:g}.")
    return Goal(_reranked(name, depth), bound)


def _reranked(metric: str, depth: int | None) -> str:
    """The metric that holds a recall when that many candidates are re-ranked with exact vectors."""
    if depth is None:
        return metric
    match = re.fullmatch(r"recall_at_(\d+)", metric)
    if match is None:
        raise InputError(
            f"--rerank applies to recall, and {metric} is measured without re-ranking; leave out --rerank, or name "
            f"recall only, such as {EXAMPLE}."
        )
    k = int(match[1])
    if depth == k:
        return metric
    depths = RERANK_DEPTHS.get(k, ())
    if depth not in depths:
        valid = f"it can be {', '.join(map(str, depths))}" if depths else "it is not measured at any depth"
        raise InputError(f"--rerank is {depth}; for {metric} {valid}.")
    return f"recall_{k}_at_{depth}"
