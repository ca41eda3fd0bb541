"""The settings of engines as a table: recall of codes and answers, bytes, and where recall was lost."""

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from vq_benchmark.reports.columns import ABSENT
from vq_benchmark.reports.comparison import Comparison
from vq_benchmark.reports.engine_losses import EngineLosses, engine_losses
from vq_benchmark.reports.formatting import display_name, share
from vq_benchmark.reports.reranking import RECALL_AT_10, answered, second_stage

HEADERS = (
    "setting", "bytes", "lost by\nthe code", "lost by\nthe query", "recall\nof codes", "won by\nre-ranking",
    "recall\nof answer", "100 re-\nranked", "kept\nbytes",
)  # fmt: skip
NOTES = (
    "recall@10; 1 − lost by the code − lost by the query = recall of codes, + won by re-ranking = recall of answer",
    "re-ranking: the engine's default",
    "100 re-ranked: recall if the vectors themselves re-ranked 100 candidates",
    "kept bytes: what re-ranking keeps of a vector beside its code",
    "every code was scanned: the loss of a graph or of an inverted file is not in these numbers",
)
UNSPLIT_NOTE = (
    f"lost {ABSENT}: no row has that code with float queries; sweep --split-losses measures it where it can"
)


def engines_table(comparison: Comparison) -> Table | None:
    """A table of the settings of engines, grouped by engine, with how to read it; None if there are none."""
    rows = engine_losses(comparison)
    if not rows:
        return None
    table = Table(
        title=Text("settings of engines", style="bold"), title_justify="left", caption_justify="left",
        box=box.SIMPLE_HEAD, padding=0, show_edge=False,
    )  # fmt: skip
    for place, header in enumerate(HEADERS):
        table.add_column(header, justify="right" if place else "left", no_wrap=place > 0, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, engine_cells(row, comparison.d)))
    table.caption = Text(engines_note(rows))
    return table


def engines_note(rows: Iterable[EngineLosses]) -> str:
    """How to read these rows."""
    return "; ".join([*NOTES, UNSPLIT_NOTE] if any(row.code is None for row in rows) else NOTES)


def engine_cells(row: EngineLosses, d: int) -> list[str]:
    """The texts of a row under `HEADERS`, for vectors of dimension d."""
    summary, stage = row.summary, second_stage(row.summary)
    kept = 0 if stage is None else stage.kept_bytes(d)
    return [
        display_name(summary.engine),
        f"{summary.value('code_bytes') or 0:,.0f}",
        _number(row.code),
        _number(row.query),
        share(row.codes, summary.interval(RECALL_AT_10)),
        ABSENT if stage is None else _number(row.won),
        share(row.answer, summary.interval(answered(summary, RECALL_AT_10))),
        _number(row.deep),
        f"{kept:,}" if kept else ABSENT,
    ]


def _number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:z.3f}"
