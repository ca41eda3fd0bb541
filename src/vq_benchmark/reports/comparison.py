"""Comparable results: those of one data set under one distance, with seeds summarised."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.evaluation.statistics.bootstrap import Interval
from vq_benchmark.reports.measured_alike import Settings, as_key, by_content, settings_of, told_apart
from vq_benchmark.reports.seed_intervals import LEAST_SEEDS, interval_over_seeds
from vq_benchmark.results.database import TRAIN_QUERIES_KEY, Run

CONTROL = "none"
"""The method that stores float32 vectors as they are."""

BUDGET_ROUNDING = 1e-9
"""Share of a budget by which codes may exceed it because numbers are rounded."""


@dataclass(frozen=True)
class Summary:
    """One configuration of one method, measured in one way; its runs differ only in the seed."""

    method: str
    config: dict[str, Any]
    runs: tuple[Run, ...]
    """One run per seed, in order of seeds; at least one."""
    settings: Settings = field(default_factory=dict)
    """How they were measured, the same in all runs; see `settings_of`."""
    told_apart: str = ""
    """The settings in which rows of its method differ, such as `train_size=260`; empty where they don't."""

    @property
    def is_control(self) -> bool:
        """Whether this is the uncompressed control, with queries as they are."""
        return self.method == CONTROL and self.query_bits == "float"

    @property
    def query_bits(self) -> str:
        """How queries are coded, the same in all runs."""
        return self.runs[0].query_bits

    @property
    def engine(self) -> str:
        """The setting of an engine that it is, the same in all runs; empty for others."""
        return self.runs[0].engine

    @property
    def is_external(self) -> bool:
        """Whether another project's library encoded the vectors."""
        return any(run.environment.get("external") for run in self.runs)

    @property
    def bits(self) -> float | None:
        """Bits per dimension, those of the model included; None if the rows do not have it."""
        return self.value("total_bits_per_dim")

    @property
    def code_bits(self) -> float | None:
        """Bits per dimension without those of the model; None if the rows do not have it."""
        return self.value("bits_per_dim")

    @property
    def budget(self) -> float | None:
        """The bits per dimension that it was chosen for, the fewest of its runs; None if parameters were given."""
        return min((run.budget for run in self.runs if run.budget is not None), default=None)

    @property
    def is_over_budget(self) -> bool:
        """Whether it takes more bits than it was chosen for; never the control, which every budget gets."""
        return self.budget is not None and not self.is_control and self.exceeds(self.budget)

    def exceeds(self, budget: float) -> bool:
        """Whether its codes, side information included, take more than so many bits per dimension."""
        return self.code_bits is not None and self.code_bits > budget * (1 + BUDGET_ROUNDING)

    def value(self, name: str) -> float | None:
        """The mean of a metric over the seeds that have it; None if no seed has it."""
        values = [value for run in self.runs if (value := number(run.metrics, name)) is not None]
        return math.fsum(values) / len(values) if values else None

    def interval(self, name: str) -> Interval | None:
        """The 95 % interval of a metric; None if no seed has the metric.

        Of one seed its own; of two the lowest and the highest end of both; of three or more that of their mean, which
        includes the randomness of training (see `seed_intervals`). For a metric without intervals, the lowest and the
        highest value; (v, v) if there is only one value.
        """
        found = {run.seed: value for run in self.runs if (value := number(run.metrics, name)) is not None}
        own = [pair for run in self.runs if run.seed in found and (pair := _own_interval(run.metrics, name))]
        if not found:
            return None
        if len(own) == len(found) >= LEAST_SEEDS:
            low, high = interval_over_seeds(list(found.values()), own)
            least, most = record_of(name).bounds or (-math.inf, math.inf)
            return max(low, least), min(high, most)
        ends = [*found.values(), *(end for pair in own for end in pair)]
        return min(ends), max(ends)

    def differs_from_zero(self, name: str) -> bool:
        """Whether 0 is outside the interval of a metric, so that chance does not explain the difference."""
        interval = self.interval(name)
        return interval is not None and self.has_interval(name) and (interval[0] > 0 or interval[1] < 0)

    def has_interval(self, name: str) -> bool:
        """Whether every seed with the metric has its interval; a single query has none."""
        return all(_own_interval(run.metrics, name) for run in self.runs if number(run.metrics, name) is not None)


@dataclass(frozen=True)
class Comparison:
    """The finished results on one data set under one distance."""

    dataset: str
    fingerprint: str
    metric: str
    n: int
    d: int
    summaries: tuple[Summary, ...]
    """In order of `shown_bits`, then of descending recall@10."""
    superseded: int
    """Rows omitted because a newer row has the same configuration, settings and seed."""
    content: str = ""
    """The start of the digest of the vectors, where rows of others have the same name and fingerprint; else empty."""

    def alike(self, names: Iterable[str]) -> "Comparison":
        """The summaries that were measured as most of those with these metrics; of equally many, the newer ones."""
        groups: defaultdict[str, list[Summary]] = defaultdict(list)
        wanted = set(names)
        having = [each for each in self.summaries if all(each.value(name) is not None for name in wanted)]
        for summary in having or self.summaries:
            groups[as_key(summary.settings)].append(summary)
        most = max(groups.values(), key=lambda each: (len(each), max(run.created_at for s in each for run in s.runs)))
        return replace(self, summaries=tuple(most))

    @property
    def runs(self) -> list[Run]:
        """The rows that are summarised here."""
        return [run for summary in self.summaries for run in summary.runs]

    @property
    def budgets(self) -> list[float]:
        """The distinct budgets that its rows were chosen for, ascending."""
        return sorted({run.budget for run in self.runs if run.budget is not None})

    @property
    def has_over_budget(self) -> bool:
        """Whether any row takes more bits than it was chosen for."""
        return any(summary.is_over_budget for summary in self.summaries)

    @property
    def control(self) -> Summary | None:
        """The uncompressed control; None if it was not run."""
        return next((summary for summary in self.summaries if summary.is_control), None)

    @property
    def has_external(self) -> bool:
        """Whether any method is another project's library."""
        return any(summary.is_external for summary in self.summaries)


def comparisons(runs: Iterable[Run]) -> list[Comparison]:
    """The finished rows among `runs`, grouped and ordered by (data set, fingerprint, distance).

    Rows of other contents are a group of their own, even if the fingerprint is the same.
    """
    groups: defaultdict[tuple[str, str, str], list[Run]] = defaultdict(list)
    for run in runs:
        if run.status == "done":
            groups[run.dataset, run.dataset_fingerprint, run.metric].append(run)
    return [_compared(rows, content) for key in sorted(groups) for content, rows in by_content(groups[key]).items()]


def metric_names(runs: Iterable[Run]) -> list[str]:
    """Names of all metrics that a finished row has a number for, in alphabetical order."""
    done = [run.metrics for run in runs if run.status == "done"]
    return sorted({name for metrics in done for name in metrics if number(metrics, name) is not None})


def number(metrics: Mapping[str, Any], name: str) -> float | None:
    """A metric as a finite number; None if it is absent or not a finite number."""
    value = metrics.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value)


def shown_bits(bits: float) -> float:
    """Bits per dimension to three digits: models differ by less, and that should not order or separate methods."""
    return float(f"{bits:.3g}")


def _compared(runs: list[Run], content: str) -> Comparison:
    newest: dict[tuple[str, ...], tuple[Settings, dict[int, Run]]] = {}
    ordered = sorted(runs, key=lambda run: run.created_at)
    for run, settings in zip(ordered, settings_of(ordered), strict=True):
        trained_for = json.dumps(run.environment.get(TRAIN_QUERIES_KEY))
        config = json.dumps(run.config, sort_keys=True)
        key = run.method, config, run.query_bits, run.engine, trained_for, as_key(settings)
        newest.setdefault(key, (settings, {}))[1][run.seed] = run
    names = told_apart([settings for settings, _ in newest.values()], [(key[0], key[3]) for key in newest])
    summaries = [
        Summary(
            method, next(iter(found.values())).config, tuple(found[seed] for seed in sorted(found)), settings, name
        )
        for ((method, *_), (settings, found)), name in zip(newest.items(), names, strict=True)
    ]
    first = runs[0]
    return Comparison(
        first.dataset,
        first.dataset_fingerprint,
        first.metric,
        first.n,
        first.d,
        summaries=tuple(sorted(summaries, key=_place)),
        superseded=len(runs) - sum(len(summary.runs) for summary in summaries),
        content=content,
    )


def _place(summary: Summary) -> tuple[float, float, str, str, str, str, int, str]:
    bits, recall = summary.bits, summary.value("recall_at_10")
    config = json.dumps(summary.config, sort_keys=True)
    return (
        math.inf if bits is None else shown_bits(bits),
        -(recall or 0.0),
        summary.method,
        config,
        summary.query_bits,
        summary.engine,
        summary.runs[0].train_queries,
        as_key(summary.settings),
    )


def _own_interval(metrics: Mapping[str, Any], name: str) -> Interval | None:
    """The interval that a row states for a metric; None if it has none, or ends that are not finite."""
    pair = metrics.get(f"{name}_ci")
    if not isinstance(pair, list | tuple) or not all(math.isfinite(end) for end in pair):
        return None
    low, high = pair
    return float(low), float(high)
