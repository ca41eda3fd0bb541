"""Print results: one table per data set, and one of the failures."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from io import StringIO

from rich import box
from rich.cells import cell_len
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.reports.best_marks import BEST_MARK, best_note, best_rows
from vq_benchmark.reports.caveats import caveats, interval_text
from vq_benchmark.reports.columns import ABSENT, ALWAYS, Column, measured_columns, table_columns
from vq_benchmark.reports.comparison import Comparison, Summary, comparisons
from vq_benchmark.reports.engine_tables import engines_table
from vq_benchmark.reports.equal_bits import RECALL, TOTAL_BITS, Reading, recall_at_equal_bits
from vq_benchmark.reports.formatting import (
    EXTERNAL_MARK,
    EXTERNAL_NOTE,
    INSIGNIFICANT_MARK,
    NAME_LENGTH,
    OVER_BUDGET_NOTE,
    config_text,
    decimal,
    differing_parameters,
    display_name,
    machine_text,
    name_and_config,
    one_sided,
    queries_text,
    run_text,
    seeds_text,
    subject_text,
    versions_text,
)
from vq_benchmark.reports.gaussian_bound import bound_note
from vq_benchmark.reports.metric_versions import other_versions_text
from vq_benchmark.reports.pareto_marks import PARETO_MARK, is_on, pareto_note, pareto_rows
from vq_benchmark.reports.reranking import reranking_notes
from vq_benchmark.reports.sizes import Sizes, size_notes, sized
from vq_benchmark.results.database import Run

CONTROL_MARK = "*"
INTERPOLATED_MARK = "~"
CAPTION_WIDTH = 60
"""Characters of a line of the caption below a table of few columns."""
EQUAL_BITS_WIDTH = len("~0.123 ")
"""Characters that a budget takes in the table of equal bits."""
LOSS_NOTE = (
    f"loss: exact − quantized, paired by query; {INSIGNIFICANT_MARK}: not significant, its interval contains 0"
)
BOUND_NOTE = "above bound: error above the least of any code of that size (without model) for Gaussian vectors"
DEFAULT_SIZES = Sizes()

ONE_SIDED_NOTE = "−, +: width of an interval on one side, where all queries have the same value"


def results_tables(
    comparison: Comparison,
    console: Terminal,
    sizes: Sizes = DEFAULT_SIZES,
    columns: Sequence[Column] | None = None,
    *,
    all_columns: bool = False,
) -> list[Table]:
    """The results on one data set, in the order of the comparison, with how to read them underneath.

    One table of the measured columns that the console has room for. With `all_columns`, or with `columns`, which take
    the place of the measured ones, several tables of the same rows that together have all.
    """
    layout = _Layout(comparison, columns or measured_columns(comparison, table_columns(sizes)), console.width)
    parts = layout.stacked() if all_columns or columns else [layout.most_needed()]
    tables = [layout.table(part, last=part is parts[-1]) for part in parts]
    tables[0].title = Text(subject_text(comparison), style="bold")
    tables[-1].caption = _caption(comparison, layout, [column for part in parts for column in part], sizes)
    return tables


class _Layout:
    """The texts of the rows of a comparison, and how many columns of them fit a width."""

    def __init__(self, comparison: Comparison, columns: Sequence[Column], width: int) -> None:
        self.comparison, self.columns, self.width = comparison, columns, width
        self.best, self.front = best_rows(comparison), pareto_rows(comparison)
        self.differing = differing_parameters((run.method, run.config) for run in comparison.runs)
        named = [name_and_config(summary, self.differing) for summary in comparison.summaries]
        self.names = [name + self._marks(each) for (name, _), each in zip(named, comparison.summaries, strict=True)]
        self.configs = [config for _, config in named]
        self.cells = {id(column): [column.cell(each) for each in comparison.summaries] for column in columns}
        self.seeds = [str(len(summary.runs)) for summary in comparison.summaries]
        self.name_width = min(_longest(["method", *self.names]), NAME_LENGTH)
        word = _longest(["config", *(part for text in self.configs for part in text.split())])
        self.config_width = min(_longest(self.configs), max(word, width // 4), NAME_LENGTH)

    def most_needed(self) -> list[Column]:
        """The columns that fit, the most needed ones first."""
        shown: set[int] = set()
        for column in sorted(self.columns, key=lambda each: each.rank):
            wider = [each for each in self.columns if id(each) in shown or each is column]
            if column.rank == ALWAYS or self._width_of(wider, last=True) <= self.width:
                shown.add(id(column))
        return [each for each in self.columns if id(each) in shown]

    def stacked(self) -> list[list[Column]]:
        """All columns, in as many parts as it takes for each to fit; at least one column in each."""
        parts: list[list[Column]] = [[]]
        for column in self.columns:
            last = column is self.columns[-1]
            if parts[-1] and self._width_of([*parts[-1], column], last=last) > self.width:
                parts.append([])
            parts[-1].append(column)
        return parts

    def table(self, columns: Sequence[Column], *, last: bool) -> Table:
        """A table of those columns; the last one also counts the seeds, where there are several."""
        table = _plain_table()
        table.add_column("method", min_width=self.name_width, overflow="fold", no_wrap=True)
        table.add_column("config", min_width=self.config_width, overflow="fold")
        for column in columns:
            table.add_column(column.header, min_width=self._column_width(column), justify="right", no_wrap=True)
        texts = [self.names, self.configs, *(self.cells[id(column)] for column in columns)]
        if last and _many_seeds(self.comparison):
            table.add_column("seeds", min_width=len("seeds"), justify="right", no_wrap=True)
            texts.append(self.seeds)
        for summary, *row in zip(self.comparison.summaries, *texts, strict=True):
            style = "dim" if summary.is_control else "bold" if is_on(self.front, summary) else None
            table.add_row(*map(Text, row), style=style)
        return table

    def _marks(self, summary: Summary) -> str:
        marks = CONTROL_MARK * summary.is_control + EXTERNAL_MARK * summary.is_external
        return marks + BEST_MARK * (summary.runs[0].run_id in self.best) + PARETO_MARK * is_on(self.front, summary)

    def _column_width(self, column: Column) -> int:
        return _longest([*column.header.split("\n"), *self.cells[id(column)]])

    def _width_of(self, columns: Sequence[Column], *, last: bool) -> int:
        widths = [self.name_width, self.config_width, *map(self._column_width, columns)]
        if last and _many_seeds(self.comparison):
            widths.append(len("seeds"))
        return sum(widths) + len(widths) - 1


def _longest(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts))


def _width(table: Table, console: Terminal) -> int:
    """The least number of columns of text in which no number is cut."""
    return Measurement.get(console, console.options.update(width=1000), table).minimum


def equal_bits_tables(comparison: Comparison, width: int) -> list[Table]:
    """Recall@10 at each budget along the curves of the methods, as many budgets in a table as fit; none if nothing
    is interpolated."""
    found = recall_at_equal_bits(comparison)
    if found is None:
        return []
    room = max((width - _longest(["method", *found.readings])) // EQUAL_BITS_WIDTH, 1)
    tables = []
    for first in range(0, len(found.budgets), room):
        table = _plain_table()
        table.add_column("method", overflow="fold")
        for budget in found.budgets[first : first + room]:
            table.add_column(decimal(budget, 2), justify="right", no_wrap=True, min_width=EQUAL_BITS_WIDTH - 1)
        for name, readings in found.readings.items():
            table.add_row(*map(Text, [name, *map(_reading_text, readings[first : first + room])]))
        tables.append(table)
    tables[0].title = Text(f"{record_of(RECALL).title} at equal bits per dimension", style="bold")
    tables[-1].min_width = min(CAPTION_WIDTH, width)
    model = ", model included" if found.axis == TOTAL_BITS else ""
    tables[-1].caption = Text(
        f"{INTERPOLATED_MARK}: interpolated along the method's own curve, linear in log2 of bits/dim{model}; "
        f"{ABSENT}: not between two measured points"
    )
    return tables


def _reading_text(reading: Reading | None) -> str:
    return ABSENT if reading is None else INTERPOLATED_MARK * (not reading.measured) + f"{reading.value:.3f}"


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
    runs: Sequence[Run],
    console: Terminal,
    sizes: Sizes = DEFAULT_SIZES,
    *,
    equal_bits: bool = True,
    all_columns: bool = False,
) -> None:
    """Print the tables of each data set and one of the failures, as wide as the console.

    With `equal_bits`, recall at equal bits follows the results of a data set where it has anything to add.
    Where that is too narrow even for a single column of numbers, the lines are longer: a number is never cut.
    """
    tables: list[Table] = []
    for comparison in comparisons(sized(runs, sizes)):
        tables += results_tables(comparison, console, sizes, all_columns=all_columns)
        engines = engines_table(comparison)
        tables += [engines] if engines else []
        if equal_bits:
            tables += equal_bits_tables(comparison, console.width)
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


def _plain_table(title: str | None = None) -> Table:
    return Table(
        title=None if title is None else Text(title, style="bold"), title_justify="left", caption_justify="left",
        box=box.SIMPLE_HEAD, padding=0, show_edge=False,
    )  # fmt: skip


def _many_seeds(comparison: Comparison) -> bool:
    return any(len(summary.runs) > 1 for summary in comparison.summaries)


def _is_one_sided(summary: Summary, columns: Sequence[Column]) -> bool:
    shown = [column.metric for column in columns if record_of(column.metric).interval == "bootstrap"]
    found = ((summary.value(metric), summary.interval(metric)) for metric in shown)
    return any(value is not None and interval is not None and one_sided(value, interval) for value, interval in found)


def _caption(comparison: Comparison, layout: _Layout, columns: Sequence[Column], sizes: Sizes) -> Text:
    """The legend of a table: marks, intervals, and the seeds, queries, machine and versions behind the numbers."""
    runs, metrics = comparison.runs, [column.metric for column in columns]
    machine = machine_text(runs)
    notes = [
        *fixed_notes(comparison, layout.differing),
        f"±: half-width of the 95 % interval{interval_text(comparison)}" if _has_intervals(metrics) else "",
        ONE_SIDED_NOTE if any(_is_one_sided(summary, columns) for summary in comparison.summaries) else "",
        *size_notes(comparison, sizes),
        BOUND_NOTE if "above_bound_db" in metrics else "",
        bound_note(comparison) if "above_bound_db" in metrics else "",
        f"{CONTROL_MARK}: uncompressed control" if comparison.control else "",
        best_note(comparison) if layout.best else "",
        pareto_note(comparison) if layout.front else "",
        LOSS_NOTE if "mrr_at_10_loss" in metrics else "",
        *reranking_notes(comparison, metrics),
        EXTERNAL_NOTE if comparison.has_external else "",
        OVER_BUDGET_NOTE if comparison.has_over_budget else "",
        seeds_text(comparison),
        queries_text(runs),
        "fit: time of training" if "fit_seconds" in metrics else "",
        "enc/s: vectors encoded per second" if "encode_vectors_per_second" in metrics else "",
        f"times of this machine ({machine})" if machine else "",
        f"older rows omitted: {comparison.superseded}" if comparison.superseded else "",
        *caveats(comparison, metrics),
        other_versions_text(runs, metrics),
        versions_text(runs),
        omitted_note([column for column in layout.columns if column not in columns]),
    ]
    return Text("; ".join(filter(None, notes)))


def _has_intervals(metrics: Iterable[str]) -> bool:
    return any(record_of(metric).interval == "bootstrap" for metric in metrics)


def fixed_notes(comparison: Comparison, differing: Mapping[str, Collection[str]]) -> list[str]:
    """The parameters that all rows of a method share, where the column `config` leaves them out."""
    notes = []
    for method, names in sorted(differing.items()):
        config = next(run.config for run in comparison.runs if run.method == method)
        shared = config_text({name: value for name, value in config.items() if name not in names})
        if names and shared:
            notes.append(f"all {display_name(method)}: {shared}")
    return notes


def omitted_note(columns: Sequence[Column]) -> str:
    """Which columns a table has no room for; empty if it has all."""
    names = ", ".join(column.title for column in columns)
    return f"not shown: {names}; --all-columns prints them" if columns else ""
