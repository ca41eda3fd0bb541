"""Print results: one table per data set, and one of the failures."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.reports.best_marks import BEST_MARK, best_note, best_rows
from vq_benchmark.reports.caveats import caveats, interval_text
from vq_benchmark.reports.comparison import Comparison, Summary, comparisons
from vq_benchmark.reports.equal_bits import RECALL, TOTAL_BITS, recall_at_equal_bits
from vq_benchmark.reports.formatting import (
    EXTERNAL_MARK,
    EXTERNAL_NOTE,
    INSIGNIFICANT_MARK,
    NAME_LENGTH,
    OVER_BUDGET_NOTE,
    decimal,
    display_name,
    machine_text,
    one_sided,
    queries_text,
    run_text,
    seeds_text,
    share,
    short,
    subject_text,
    versions_text,
)
from vq_benchmark.reports.gaussian_bound import bound_note
from vq_benchmark.reports.metric_versions import other_versions_text
from vq_benchmark.reports.reranking import DEPTH, depth_text, reranking_notes
from vq_benchmark.reports.sizes import Sizes, bits_text, bytes_text, ratio_text, size_notes, sized
from vq_benchmark.results.database import Run

ABSENT = "-"
CONTROL_MARK = "*"
INTERPOLATED_MARK = "~"
CAPTION_WIDTH = 60
"""Characters of a line of the caption below a table of few columns."""
LOSS_NOTE = (
    f"loss: exact − quantized, paired by query; {INSIGNIFICANT_MARK}: not significant, its interval contains 0"
)
BOUND_NOTE = "above bound: error above the least of any code of that size (without model) for Gaussian vectors"
DEFAULT_SIZES = Sizes()

ONE_SIDED_NOTE = "−, +: width of an interval on one side, where all queries have the same value"


@dataclass(frozen=True)
class Column:
    """A column of numbers."""

    metric: str
    header: str
    optional: bool = False
    """Omitted from a table that has no value for it."""
    text: Callable[[Summary], str] | None = None
    """Makes the text of a row that has a value; None: the metric itself."""

    def cell(self, summary: Summary) -> str:
        """The text of one row."""
        if self.metric == DEPTH:
            return depth_text(summary) or ABSENT
        value = summary.value(self.metric)
        if value is None:
            return ABSENT
        if self.text is not None:
            return self.text(summary)
        record = record_of(self.metric)
        if record.kind == "loss":
            mark = "" if summary.differs_from_zero(self.metric) else INSIGNIFICANT_MARK
            return share(value, summary.interval(self.metric)) + mark
        if record.interval == "bootstrap":
            return share(value, summary.interval(self.metric))
        if self.metric == "mse":
            return f"{value:.4g}"
        return f"{value:.1f}dB" if self.metric == "above_bound_db" else short(value)


COLUMNS = (
    Column("mse", "mse"),
    Column("above_bound_db", "above\nbound", optional=True),
    Column("recall_at_1", "recall@1"),
    Column("recall_at_10", "recall@10"),
    Column("recall_at_100", "recall@100"),
    Column("recall_10_at_20", "10@20", optional=True),
    Column("recall_10_at_50", "10@50", optional=True),
    Column("recall_10_at_100", "10@100", optional=True),
    Column("rerank_depth", "depth", optional=True),
    Column("recall_10_at_20_reranked", "10@20\nreranked", optional=True),
    Column("recall_10_at_50_reranked", "10@50\nreranked", optional=True),
    Column("recall_10_at_100_reranked", "10@100\nreranked", optional=True),
    Column("mrr_at_10", "mrr@10", optional=True),
    Column("mrr_at_10_exact", "mrr@10\nexact", optional=True),
    Column("mrr_at_10_loss", "mrr@10\nloss", optional=True),
    Column("encode_vectors_per_second", "enc/s"),
    Column("queries_per_second", "queries\n/s", optional=True),
    Column("search_recall_at_10", "index\nrecall@10", optional=True),
)


def size_columns(sizes: Sizes) -> tuple[Column, ...]:
    """The columns before all others: what a vector costs."""
    return (
        Column("total_bits_per_dim", "bits\n/dim", text=bits_text),
        Column("total_bits_per_dim", "bytes\n/vec", text=bytes_text),
        Column("total_bits_per_dim", "ratio", text=partial(ratio_text, ratio_to=sizes.ratio_to)),
    )


def results_tables(
    comparison: Comparison,
    console: Terminal,
    sizes: Sizes = DEFAULT_SIZES,
    columns: Sequence[Column] | None = None,
) -> list[Table]:
    """The results on one data set, in the order of the comparison, with how to read them underneath.

    One table, or several with the same rows where the console is too narrow for all columns. Without `columns`,
    sizes and COLUMNS.
    """
    measured = [column for column in columns or COLUMNS if not column.optional or _any_value(comparison, column)]
    left = [*(() if columns else size_columns(sizes)), *measured]
    best = best_rows(comparison)
    caption = _caption(comparison, measured, sizes, best)
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


def equal_bits_table(comparison: Comparison) -> Table | None:
    """A table of recall@10 at each budget along the curves of the methods; None where nothing is interpolated."""
    found = recall_at_equal_bits(comparison)
    if found is None:
        return None
    table = _plain_table(f"{record_of(RECALL).title} at equal bits")
    table.add_column("method", overflow="fold")
    for budget in found.budgets:
        table.add_column(f"{decimal(budget, 2)}\nbits/dim", justify="right", no_wrap=True)
    for name, readings in found.readings.items():
        cells = [
            ABSENT if each is None else INTERPOLATED_MARK * (not each.measured) + f"{each.value:.3f}"
            for each in readings
        ]
        table.add_row(*map(Text, [name, *cells]))
    table.min_width = CAPTION_WIDTH
    model = ", model included" if found.axis == TOTAL_BITS else ""
    table.caption = Text(
        f"{INTERPOLATED_MARK}: interpolated along the method's own curve, linear in log2 of bits/dim{model}; "
        f"{ABSENT}: not between two measured points"
    )
    return table


def failures_table(runs: Iterable[Run]) -> Table | None:
    """A table of the failed rows, each with the last line of its error; None if no row failed."""
    failed = [run for run in runs if run.status == "failed"]
    if not failed:
        return None
    table = _plain_table(f"failed: {len(failed)}")
    for header in ("data set", "method", "config", "seed", "error"):
        table.add_column(header, overflow="fold")
    for run in sorted(failed, key=lambda run: (run.dataset, run.method, run_text(run), run.seed)):
        error = (run.error or "").strip().splitlines() or ["no error recorded"]
        cells = [display_name(run.dataset), run.method, run_text(run), str(run.seed), error[-1]]
        table.add_row(*map(Text, cells))
    return table


def print_results(
    runs: Sequence[Run], console: Terminal, sizes: Sizes = DEFAULT_SIZES, *, equal_bits: bool = True
) -> None:
    """Print the tables of each data set and one of the failures, as wide as the console.

    With `equal_bits`, recall at equal bits follows the results of a data set where it has anything to add.
    Where that is too narrow even for a single column of numbers, the lines are longer: a number is never cut.
    """
    tables: list[Table] = []
    for comparison in comparisons(sized(runs, sizes)):
        tables += results_tables(comparison, console, sizes)
        if equal_bits and (table := equal_bits_table(comparison)):
            tables.append(table)
    failures = failures_table(runs)
    print_tables([*tables, failures] if failures else tables, console)


def print_tables(tables: Iterable[Table], console: Terminal) -> None:
    """Print tables as wide as the console, or wider where a number would be cut."""
    for place, table in enumerate(tables):
        if place:
            console.print()
        needed = _width(table, console)
        if needed > console.width:
            table.width = needed
        console.print(table, crop=False)


def results_text(runs: Sequence[Run], width: int = 100, sizes: Sizes = DEFAULT_SIZES) -> str:
    """The output of `print_results` as plain text, `width` columns wide if the numbers fit."""
    out = StringIO()
    print_results(runs, Terminal(file=out, width=width, color_system=None, force_terminal=False), sizes)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _cells(summary: Summary, columns: Sequence[Column], best: Collection[str]) -> list[str]:
    marks = CONTROL_MARK * summary.is_control + EXTERNAL_MARK * summary.is_external
    marks += BEST_MARK * (summary.runs[0].run_id in best)
    method = display_name(summary.method) + marks
    numbers = [column.cell(summary) for column in columns]
    return [method, run_text(summary.runs[0]), *numbers, str(len(summary.runs))]


def _plain_table(title: str | None = None) -> Table:
    return Table(
        title=None if title is None else Text(title, style="bold"), title_justify="left", caption_justify="left",
        box=box.SIMPLE_HEAD, padding=0, show_edge=False,
    )  # fmt: skip


def _many_seeds(comparison: Comparison) -> bool:
    return any(len(summary.runs) > 1 for summary in comparison.summaries)


def _any_value(comparison: Comparison, column: Column) -> bool:
    return any(column.cell(summary) != ABSENT for summary in comparison.summaries)


def _is_one_sided(summary: Summary, columns: Sequence[Column]) -> bool:
    shown = [column.metric for column in columns if record_of(column.metric).interval == "bootstrap"]
    found = ((summary.value(metric), summary.interval(metric)) for metric in shown)
    return any(value is not None and interval is not None and one_sided(value, interval) for value, interval in found)


def _caption(comparison: Comparison, columns: Sequence[Column], sizes: Sizes, best: Collection[str]) -> Text:
    """The legend of a table: marks, intervals, and the seeds, queries, machine and versions behind the numbers."""
    runs = comparison.runs
    machine = machine_text(runs)
    notes = [
        f"±: half-width of the 95 % interval{interval_text(comparison)}",
        ONE_SIDED_NOTE if any(_is_one_sided(summary, columns) for summary in comparison.summaries) else "",
        *size_notes(comparison, sizes),
        BOUND_NOTE if any(summary.value("above_bound_db") is not None for summary in comparison.summaries) else "",
        bound_note(comparison),
        f"{CONTROL_MARK}: uncompressed control" if comparison.control else "",
        best_note(comparison) if best else "",
        LOSS_NOTE if any(summary.value("mrr_at_10_loss") is not None for summary in comparison.summaries) else "",
        *reranking_notes(comparison),
        EXTERNAL_NOTE if comparison.has_external else "",
        OVER_BUDGET_NOTE if comparison.has_over_budget else "",
        seeds_text(comparison),
        queries_text(runs),
        "enc/s: vectors encoded per second" + (f" ({machine})" if machine else ""),
        f"older rows omitted: {comparison.superseded}" if comparison.superseded else "",
        *caveats(comparison, [column.metric for column in columns]),
        other_versions_text(runs, [column.metric for column in columns if _any_value(comparison, column)]),
        versions_text(runs),
    ]
    return Text("; ".join(filter(None, notes)))
