"""The columns of tables that a user names, and those of documents, which have room for every interval."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.reports.columns import ABSENT, Column, table_columns
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.documents.arranging import SORT_FACTS, ordered_metrics, require_known
from vq_benchmark.reports.formatting import decimal, short
from vq_benchmark.reports.sizes import Sizes

LEADING = ("method", "config")
"""Every table begins with these, so naming them changes nothing."""


@dataclass(frozen=True)
class FactColumn(Column):
    """A column of what was chosen instead of measured, such as the budget."""

    def cell(self, summary: Summary) -> str:
        value = SORT_FACTS[self.metric](summary)
        if value is None:
            return ABSENT
        return decimal(value, 2) if isinstance(value, int | float) else value


def chosen_columns(names: Sequence[str], groups: Sequence[Comparison], sizes: Sizes) -> list[Column]:
    """A column for each name, with its interval; InputError for a name that no row has."""
    metrics = ordered_metrics(run for group in groups for run in group.runs)
    for name in names:
        require_known(name, [*SORT_FACTS, *metrics], "--columns")
    known = {column.metric: column for column in reversed(table_columns(sizes))}
    return [
        FactColumn(name, name) if name in SORT_FACTS else _with_interval(known.get(name, Column(name, name)))
        for name in names
        if name not in LEADING
    ]


def document_columns(sizes: Sizes) -> list[Column]:
    """Sizes and all columns of a printed table, each with its interval."""
    return [_with_interval(column) for column in table_columns(sizes)]


def _with_interval(column: Column) -> Column:
    if column.text is None and record_of(column.metric).interval == "normal":
        return replace(column, text=partial(_value_and_interval, column.metric))
    return column


def _value_and_interval(name: str, summary: Summary) -> str:
    """A value with the half-width of its interval, such as `0.01235±.0002`."""
    value, interval = summary.value(name), summary.interval(name)
    assert value is not None
    text = short(value) if abs(value) >= 1000 else f"{value:.4g}"
    if interval is None or interval[0] == interval[1]:
        return text
    return f"{text}±{(interval[1] - interval[0]) / 2:.2g}".replace("±0.", "±.")
