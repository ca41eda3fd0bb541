"""Decide which of the measured configurations to take: the smallest that reaches the goals, or the best that fits."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from vq_benchmark.evaluation.metric_records import ENCODE_RATE
from vq_benchmark.evaluation.second_stage import SecondStage
from vq_benchmark.evaluation.statistics.bootstrap import Interval
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.labels import rounded, short_labels
from vq_benchmark.reports.reranking import answered, second_stage
from vq_benchmark.reports.series import lines
from vq_benchmark.results.database import Run
from vq_benchmark.studies.recommending.goals import Goal, Reading, worst


@dataclass(frozen=True)
class Question:
    """What is asked of the measured configurations."""

    goals: tuple[Goal, ...]
    """What must be reached; with `best_that_fits` only the metric of the first one counts."""
    vectors: int
    """How many vectors will be stored; they share the model."""
    depth: int | None = None
    """Candidates that are re-ranked with exact vectors; None: none."""
    limit: float | None = None
    """Most bytes of all codes and the model."""
    best_that_fits: bool = False
    """Whether the best within the limit is asked for, and not the smallest that reaches the goals."""
    min_rate: float | None = None
    """Fewest vectors per second that encoding must reach; slower configurations are not chosen."""
    engines: tuple[str, ...] = ()
    """Settings of engines to choose from, by the recall of their answers; empty: methods."""


@dataclass(frozen=True)
class Option:
    """A measured configuration, with its numbers rounded as in the HTML report."""

    summary: Summary
    label: str
    code_bytes: float
    model_bytes: float
    reading: Reading
    """How far it is beyond the goals."""

    def size(self, vectors: int) -> float:
        """Bytes of the codes of that many vectors, with the model."""
        return self.code_bytes * vectors + self.model_bytes

    @property
    def family(self) -> str:
        """The method; of a setting of an engine its name."""
        return self.summary.engine or self.summary.method

    @property
    def second_stage(self) -> SecondStage | None:
        """What a setting of an engine scores candidates with again; None: nothing."""
        return second_stage(self.summary)

    def kept_bytes(self, d: int) -> int:
        """Bytes per vector of dimension d that this second stage keeps beside the code."""
        return 0 if self.second_stage is None else self.second_stage.kept_bytes(d)

    @property
    def rate(self) -> float | None:
        """Vectors encoded per second; None if it was not measured."""
        return self.summary.value(ENCODE_RATE)

    def value(self, metric: str) -> float:
        """A metric that `options` found."""
        found: float = rounded(self.summary.value(answered(self.summary, metric)))
        return found

    def interval(self, metric: str) -> Interval:
        """The 95 % interval of `value`."""
        found: Interval = rounded(self.summary.interval(answered(self.summary, metric)))
        return found


def options(comparison: Comparison, goals: Sequence[Goal], engines: Collection[str] = ()) -> list[Option]:
    """The configurations that have all metrics of the goals, without the uncompressed control.

    Those of methods; or these settings of engines.
    """
    drawn = [summary for summaries in lines(comparison).values() for summary in summaries if not summary.engine]
    of_engines = [summary for summary in comparison.summaries if summary.engine in engines]
    shown = of_engines if engines else [summary for summary in comparison.summaries if summary in drawn]
    return [
        option
        for summary, label in zip(shown, short_labels(shown), strict=True)
        if (option := _option(summary, label, goals)) is not None
    ]


def _option(summary: Summary, label: str, goals: Sequence[Goal]) -> Option | None:
    readings = [found for goal in goals if (found := reading(summary, goal)) is not None]
    sizes = [rounded(summary.value(name)) for name in ("code_bytes", "model_bytes", "bits_per_dim")]
    if len(readings) < len(goals) or None in sizes:
        return None
    return Option(summary, summary.engine or label, sizes[0], sizes[1], worst(readings))


def reading(summary: Summary, goal: Goal) -> Reading | None:
    """How far the seeds of a configuration together are beyond a goal; None if they lack the metric."""
    metric = answered(summary, goal.metric)
    value, interval = rounded(summary.value(metric)), rounded(summary.interval(metric))
    return None if value is None or interval is None else goal.reading(value, interval)


def judge(runs: Sequence[Run], goals: Sequence[Goal], min_rate: float | None = None) -> Reading | None:
    """How far the seeds of one configuration together are beyond the goals; None if they lack one of the metrics.

    A configuration that encodes fewer than `min_rate` vectors per second is infinitely far from them.
    """
    summary = Summary(runs[0].method, runs[0].config, tuple(sorted(runs, key=lambda run: run.seed)))
    if is_slow(summary.value(ENCODE_RATE), min_rate):
        return Reading(-math.inf, -math.inf, -math.inf)
    found = [each for goal in goals if (each := reading(summary, goal)) is not None]
    return worst(found) if len(found) == len(goals) else None


def is_slow(rate: float | None, least: float | None) -> bool:
    """Whether a measured rate is below the least one, if there is one."""
    return rate is not None and least is not None and rate < least


@dataclass(frozen=True)
class Advice:
    """Which configuration to take, of those that were measured, and what became of the others."""

    question: Question
    comparison: Comparison
    options: tuple[Option, ...]
    """Those that encode fast enough."""
    slow: tuple[Option, ...] = ()
    """The others."""
    unlike: tuple[Summary, ...] = ()
    """The configurations that were measured in other ways, which nothing else here counts."""

    @classmethod
    def of(cls, comparison: Comparison, question: Question) -> "Advice":
        """The advice that the rows of a data set give, of those that were measured as most were."""
        slow: dict[bool, list[Option]] = {False: [], True: []}
        alike = comparison.alike(goal.metric for goal in question.goals)
        for each in options(alike, question.goals, question.engines):
            slow[is_slow(each.rate, question.min_rate)].append(each)
        settings = alike.summaries[0].settings
        others = [
            each.summary
            for each in options(comparison, question.goals, question.engines)
            if each.summary.settings != settings
        ]
        return cls(question, alike, tuple(slow[False]), tuple(slow[True]), tuple(others))

    def size(self, option: Option) -> float:
        """Bytes of all codes and the model."""
        return option.size(self.question.vectors)

    @cached_property
    def fitting(self) -> list[Option]:
        """The options within the limit, small ones first."""
        limit = math.inf if self.question.limit is None else self.question.limit
        return sorted((each for each in self.options if self.size(each) <= limit), key=self._small_first)

    @property
    def good(self) -> list[Option]:
        """The options that can be chosen, the one to choose first."""
        if self.question.best_that_fits:
            return self.best
        return [each for each in self.fitting if each.reading.low >= 0]

    @property
    def chosen(self) -> Option | None:
        """The option to take; None if none is good enough."""
        return next(iter(self.good), None)

    @property
    def runner_up(self) -> Option | None:
        """The option to take if there were no configuration of the chosen method, or not that setting."""
        chosen = self.chosen
        return chosen and next((each for each in self.good if each.family != chosen.family), None)

    @property
    def without_vectors(self) -> Option | None:
        """The setting of an engine to take if it must not keep vectors beside codes, where the chosen one does."""
        d, chosen = self.comparison.d, self.chosen
        if chosen is None or not chosen.kept_bytes(d):
            return None
        return next((each for each in self.good if not each.kept_bytes(d)), None)

    @property
    def best(self) -> list[Option]:
        """The options within the limit, the one that comes closest to the goals, or is farthest beyond, first."""
        if self.question.best_that_fits:
            return sorted(self.fitting, key=lambda each: (-each.reading.value, self.size(each), each.label))
        return sorted(
            self.fitting,
            key=lambda each: (-each.reading.low, -each.reading.value, self.size(each), each.label),
        )

    @property
    def smaller(self) -> list[Option]:
        """The options that are smaller than the chosen one; all within the limit if there is none."""
        chosen = self.chosen
        return [each for each in self.fitting if chosen is None or self.size(each) < self.size(chosen)]

    @property
    def undecided(self) -> list[Option]:
        """Smaller options whose interval contains the goal."""
        return [each for each in self.smaller if each.reading.low < 0 <= each.reading.high]

    @property
    def ruled_out(self) -> list[Option]:
        """Smaller options whose interval lies below the goal."""
        return [each for each in self.smaller if each.reading.high < 0]

    def _small_first(self, option: Option) -> tuple[float, float, str]:
        return self.size(option), -option.reading.value, option.label


def queries_to_decide(reading: Reading, queries: float) -> int | None:
    """About how many queries would decide whether the goal is reached; None if no number would.

    The width of an interval falls with the square root of the number of queries, and the value stays about the same.
    """
    if reading.value == 0:
        return None
    width = reading.value - reading.low if reading.value > 0 else reading.high - reading.value
    needed = queries * (width / reading.value) ** 2
    return math.ceil(float(f"{needed:.2g}"))
