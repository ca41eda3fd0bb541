"""Print results: one table per data set, and one of the failures."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from io import StringIO

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.reports.best_marks import BEST_MARK, best_note, best_rows
from vq_benchmark.reports.comparison import Comparison, Summary, comparisons
from vq_benchmark.reports.formatting import (
    EXTERNAL_MARK,
    EXTERNAL_NOTE,
    INSIGNIFICANT_MARK,
    NAME_LENGTH,
    config_text,
    decimal,
    display_name,
    machine_text,
    queries_text,
    seeds_text,
    share,
    short,
    subject_text,
    versions_text,
)
from vq_benchmark.reports.metric_versions import other_versions_text
from vq_benchmark.results.database import Run

ABSENT = "-"
CONTROL_MARK = "*"
LOSS_NOTE = (
    f"loss: exact − quantized, paired by query; {INSIGNIFICANT_MARK}: not significant, its interval contains 0"
)


@dataclass(frozen=True)
class Column:
    """A column of numbers."""

    metric: str
    header: str
    optional: bool = False
    """Omitted from a table that has no value for it."""

    def cell(self, summary: Summary) -> str:
        """The text of one row."""
        value = summary.value(self.metric)
        if value is None:
            return ABSENT
        record = record_of(self.metric)
        if record.kind == "loss":
            mark = "" if summary.differs_from_zero(self.metric) else INSIGNIFICANT_MARK
            return share(value, summary.interval(self.metric)) + mark
        if record.interval == "bootstrap":
            return share(value, summary.interval(self.metric))
        if self.metric == "compression_ratio":
            return f"{decimal(value, 1)}x"
        if self.metric == "mse":
            return f"{value:.4g}"
        return decimal(value, 2) if self.metric == "bits_per_dim" else short(value)


COLUMNS = (
    Column("bits_per_dim", "bits\n/dim"),
    Column("compression_ratio", "ratio"),
    Column("mse", "mse"),
    Column("recall_at_1", "recall@1"),
    Column("recall_at_10", "recall@10"),
    Column("recall_at_100", "recall@100"),
    Column("mrr_at_10", "mrr@10", optional=True),
    Column("mrr_at_10_exact", "mrr@10\nexact", optional=True),
    Column("mrr_at_10_loss", "mrr@10\nloss", optional=True),
    Column("encode_vectors_per_second", "enc/s"),
    Column("queries_per_second", "queries\n/s", optional=True),
    Column("search_recall_at_10", "index\nrecall@10", optional=True),
)


def results_tables(comparison: Comparison, console: Terminal) -> list[Table]:
    """The results on one data set, in order of bits and then recall@10, with how to read them underneath.

    One table, or several with the same rows where the console is too narrow for all columns.
    """
    left = [column for column in COLUMNS if not column.optional or _any_value(comparison, column)]
    best = best_rows(comparison)
    caption = _caption(comparison, left, best)
    tables: list[Table] = []
    while left:
        counts = range(len(left), 0, -1)
        parts = ((count, _part(comparison, left[:count], best, last=count == len(left))) for count in counts)
        count, table = next(part for part in parts if part[0] == 1 or _width(part[1], console) <= console.width)
        tables.append(table)
        left = left[count:]
    tables[0].title = Text(subject_text(comparison), style="bold")
    tables[-1].caption = caption
    return tables


def _part(comparison: Comparison, columns: Sequence[Column], best: Collection[str], *, last: bool) -> Table:
    rows = [_cells(summary, columns, best) for summary in comparison.summaries]
    headers = ["method", "config", *(column.header for column in columns), "seeds"]
    if not (last and _many_seeds(comparison)):
        headers.pop()
    table = _plain_table()
    for place, header in enumerate(headers):
        longest = max(len(word) for text in [header, *(row[place] for row in rows)] for word in text.split() or [""])
        if header in ("method", "config"):
            table.add_column(header, min_width=min(longest, NAME_LENGTH), overflow="fold", no_wrap=header == "method")
        else:
            table.add_column(header, min_width=longest, justify="right", no_wrap=True)
    for summary, row in zip(comparison.summaries, rows, strict=True):
        table.add_row(*map(Text, row[: len(headers)]), style="dim" if summary.is_control else None)
    return table


def _width(table: Table, console: Terminal) -> int:
    """The least number of columns of text in which no number is cut."""
    return Measurement.get(console, console.options.update(width=1000), table).minimum


def failures_table(runs: Iterable[Run]) -> Table | None:
    """A table of the failed rows, each with the last line of its error; None if no row failed."""
    failed = [run for run in runs if run.status == "failed"]
    if not failed:
        return None
    table = _plain_table(f"failed: {len(failed)}")
    for header in ("data set", "method", "config", "seed", "error"):
        table.add_column(header, overflow="fold")
    for run in sorted(failed, key=lambda run: (run.dataset, run.method, config_text(run.config), run.seed)):
        error = (run.error or "").strip().splitlines() or ["no error recorded"]
        cells = [display_name(run.dataset), run.method, config_text(run.config), str(run.seed), error[-1]]
        table.add_row(*map(Text, cells))
    return table


def print_results(runs: Sequence[Run], console: Terminal) -> None:
    """Print the tables of each data set and one of the failures, as wide as the console.

    Where that is too narrow even for a single column of numbers, the lines are longer: a number is never cut.
    """
    tables = [table for comparison in comparisons(runs) for table in results_tables(comparison, console)]
    failures = failures_table(runs)
    for place, table in enumerate([*tables, failures] if failures else tables):
        if place:
            console.print()
        needed = _width(table, console)
        if needed > console.width:
            table.width = needed
        console.print(table, crop=False)


def results_text(runs: Sequence[Run], width: int = 100) -> str:
    """The output of `print_results` as plain text, `width` columns wide if the numbers fit."""
    out = StringIO()
    print_results(runs, Terminal(file=out, width=width, color_system=None, force_terminal=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _cells(summary: Summary, columns: Sequence[Column], best: Collection[str]) -> list[str]:
    marks = CONTROL_MARK * summary.is_control + EXTERNAL_MARK * summary.is_external
    marks += BEST_MARK * (summary.runs[0].run_id in best)
    method = display_name(summary.method) + marks
    numbers = [column.cell(summary) for column in columns]
    return [method, config_text(summary.config), *numbers, str(len(summary.runs))]


def _plain_table(title: str | None = None) -> Table:
    return Table(
        title=None if title is None else Text(title, style="bold"), title_justify="left", caption_justify="left",
        box=box.SIMPLE_HEAD, padding=0, show_edge=False,
    )  # fmt: skip


def _many_seeds(comparison: Comparison) -> bool:
    return any(len(summary.runs) > 1 for summary in comparison.summaries)


def _any_value(comparison: Comparison, column: Column) -> bool:
    return any(summary.value(column.metric) is not None for summary in comparison.summaries)


def _caption(comparison: Comparison, columns: Sequence[Column], best: Collection[str]) -> Text:
    """The legend of a table: marks, intervals, and the seeds, queries, machine and versions behind the numbers."""
    runs = comparison.runs
    machine = machine_text(runs)
    notes = [
        "±: half-width of the 95 % interval" + (" over all seeds" if _many_seeds(comparison) else ""),
        f"{CONTROL_MARK}: uncompressed control" if comparison.control else "",
        best_note(comparison) if best else "",
        LOSS_NOTE if any(summary.value("mrr_at_10_loss") is not None for summary in comparison.summaries) else "",
        EXTERNAL_NOTE if comparison.has_external else "",
        seeds_text(comparison),
        queries_text(runs),
        "enc/s: vectors encoded per second" + (f" ({machine})" if machine else ""),
        f"older rows omitted: {comparison.superseded}" if comparison.superseded else "",
        other_versions_text(runs, [column.metric for column in columns if _any_value(comparison, column)]),
        versions_text(runs),
    ]
    return Text("; ".join(filter(None, notes)))
