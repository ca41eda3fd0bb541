"""Results in the formats of the command `results`: each is one function, so a new format is one more line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO

from rich.table import Table

from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.reports.columns import Column, measured_columns
from vq_benchmark.reports.comparison import Comparison
from vq_benchmark.reports.documents.arranging import arranged
from vq_benchmark.reports.documents.chosen_columns import chosen_columns, document_columns
from vq_benchmark.reports.documents.latex import latex
from vq_benchmark.reports.documents.markup import markdown
from vq_benchmark.reports.documents.record_formats import csv_bytes, json_bytes, parquet_bytes
from vq_benchmark.reports.documents.result_records import Record, result_records
from vq_benchmark.reports.engine_tables import engines_table
from vq_benchmark.reports.sizes import Sizes, sized
from vq_benchmark.reports.tables import failures_table, print_tables, results_tables
from vq_benchmark.results.database import Run

FILE_WIDTH = 160
"""Columns of a table in a file."""
VERY_WIDE = 100_000
"""Columns that no table needs: in a document it is never split."""


@dataclass(frozen=True)
class Request:
    """What of the results is shown, and how it is arranged."""

    columns: Sequence[str] = ()
    """Names; none: those that a format has by default."""
    sort: Sequence[str] = ()
    each_seed: bool = False
    sizes: Sizes = Sizes()  # noqa: RUF009 - frozen

    def groups(self, runs: Sequence[Run]) -> list[Comparison]:
        """The finished rows as they are shown."""
        return arranged(sized(runs, self.sizes), self.sort, each_seed=self.each_seed)

    def chosen(self, groups: Sequence[Comparison]) -> list[Column] | None:
        """The columns of tables that were asked for; None for those by default."""
        return chosen_columns(self.columns, groups, self.sizes) if self.columns else None

    def records(self, runs: Sequence[Run]) -> list[Record]:
        """One flat record per configuration or seed, and per failed row."""
        return result_records(self.groups(runs), _failed(runs), self.columns)


def printed_tables(runs: Sequence[Run], request: Request, console: Terminal) -> list[Table]:
    """The tables that are as wide as the console: of each data set, and of the failures."""
    groups = request.groups(runs)
    chosen = request.chosen(groups)
    tables: list[Table] = []
    for group in groups:
        tables += results_tables(group, console, request.sizes, chosen, all_columns=True)
        tables += _engines(group, chosen)
    failures = failures_table(runs)
    return [*tables, failures] if failures else tables


def document_tables(runs: Sequence[Run], request: Request) -> list[Table]:
    """The tables of a document: none is split, and every column has its interval."""
    groups = request.groups(runs)
    columns = request.chosen(groups)
    console = Terminal(file=StringIO(), width=VERY_WIDE)
    tables = []
    for group in groups:
        shown = columns or measured_columns(group, document_columns(request.sizes))
        tables += results_tables(group, console, request.sizes, shown)
        tables += _engines(group, columns)
    failures = failures_table(runs)
    return [*tables, failures] if failures else tables


def _engines(group: Comparison, chosen: Sequence[Column] | None) -> list[Table]:
    """The table of settings of engines, unless columns were chosen."""
    table = None if chosen else engines_table(group)
    return [table] if table else []


def document(runs: Sequence[Run], name: str, request: Request) -> bytes:
    """The results in the format of that name, a key of DOCUMENTS.

    Raises:
        InputError: no row has a column that the request names.
    """
    return DOCUMENTS[name](runs, request)


def _text(runs: Sequence[Run], request: Request) -> bytes:
    out = StringIO()
    console = Terminal(file=out, width=FILE_WIDTH, color_system=None, force_terminal=False)
    print_tables(printed_tables(runs, request, console), console)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines()).encode()


def _latex(runs: Sequence[Run], request: Request) -> bytes:
    groups = request.groups(runs)
    columns = request.chosen(groups) or document_columns(request.sizes)
    failed = "".join(f"% failed: {run.method}: {' '.join((run.error or '').split())}\n" for run in _failed(runs))
    return (latex(groups, columns, by_budget=not request.sort) + failed).encode()


def _failed(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.status == "failed"]


DOCUMENTS: dict[str, Callable[[Sequence[Run], Request], bytes]] = {
    "table": _text,
    "csv": lambda runs, request: csv_bytes(request.records(runs)),
    "json": lambda runs, request: json_bytes(request.records(runs)),
    "parquet": lambda runs, request: parquet_bytes(request.records(runs)),
    "markdown": lambda runs, request: markdown(document_tables(runs, request)).encode(errors="backslashreplace"),
    "latex": _latex,
}
