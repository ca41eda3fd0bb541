"""Arrange results for tables and exports: one summary per configuration or per seed, in any order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.metric_records import RECORDS
from vq_benchmark.machine.suggestions import did_you_mean
from vq_benchmark.reports.comparison import Comparison, Summary, comparisons, metric_names
from vq_benchmark.reports.formatting import config_text
from vq_benchmark.results.database import Run

SORT_FACTS: dict[str, Callable[[Summary], str | float | None]] = {
    "method": lambda summary: summary.method,
    "config": lambda summary: config_text(summary.config),
    "settings": lambda summary: config_text(summary.settings) or None,
    "query_bits": lambda summary: summary.query_bits,
    "engine": lambda summary: summary.engine or None,
    "budget": lambda summary: summary.budget,
    "seeds": lambda summary: len(summary.runs),
}
"""What summaries can be in order of, besides metrics."""


def arranged(runs: Sequence[Run], sort: Sequence[str] = (), *, each_seed: bool = False) -> list[Comparison]:
    """The finished rows by data set, each in order of `sort`, by default of bits and then recall@10.

    Args:
        sort: metrics, or keys of SORT_FACTS, the most important first; ascending, or descending after a `-`. What has
            no value comes last.
        each_seed: make a summary of each row instead of all seeds of a configuration.

    Raises:
        InputError: no row has such a metric.
    """
    known = [*SORT_FACTS, *ordered_metrics(runs)]
    for key in sort:
        require_known(key.removeprefix("-"), known, "--sort")
    groups = comparisons(runs)
    if each_seed:
        groups = [replace(group, summaries=tuple(_single(group.summaries))) for group in groups]
    return [replace(group, summaries=tuple(_sorted(group.summaries, sort))) for group in groups]


def ordered_metrics(runs: Iterable[Run]) -> list[str]:
    """The metrics that any finished row has a number for, in the order of docs/METRICS.md, families by depth."""

    def place(name: str) -> tuple[int, list[int], str]:
        for number, record in enumerate(RECORDS):
            if match := record.match(name):
                return number, [int(depth) for depth in match.groups()], name
        return len(RECORDS), [], name

    return sorted(metric_names(runs), key=place)


def require_known(name: str, known: Sequence[str], option: str) -> None:
    """Raise InputError, with the nearest valid name, unless a name is known."""
    if name not in known:
        raise InputError(
            f"{option} has no column {name!r}; {did_you_mean(name, known)}the columns are: {', '.join(known)}."
        )


def _single(summaries: Iterable[Summary]) -> Iterable[Summary]:
    return (replace(summary, runs=(run,)) for summary in summaries for run in summary.runs)


def _sorted(summaries: Sequence[Summary], sort: Sequence[str]) -> list[Summary]:
    found = list(summaries)
    for key in reversed(sort):
        name = key.removeprefix("-")
        having = [each for each in found if _value(each, name) is not None]
        lacking = [each for each in found if _value(each, name) is None]
        found = sorted(having, key=lambda each: _value(each, name), reverse=key != name) + lacking  # type: ignore[arg-type,return-value]
    return found


def _value(summary: Summary, name: str) -> str | float | None:
    return SORT_FACTS[name](summary) if name in SORT_FACTS else summary.value(name)
