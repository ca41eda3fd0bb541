"""The columns of numbers of a table of results, and which of them a narrow terminal shows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.formatting import INSIGNIFICANT_MARK, decimal, share, short
from vq_benchmark.reports.reranking import DEPTH, depth_text
from vq_benchmark.reports.sizes import Sizes, bits_text, bytes_text, ratio_text

ABSENT = "-"
ALWAYS = 0
"""The rank of columns that no width omits."""


@dataclass(frozen=True)
class Column:
    """A column of numbers."""

    metric: str
    header: str
    rank: int = ALWAYS
    """How soon a narrow table omits it: the higher the sooner."""
    text: Callable[[Summary], str] | None = None
    """Makes the text of a row that has a value; None: the metric itself."""

    @property
    def title(self) -> str:
        """The header in one line."""
        return self.header.replace("\n/", "/").replace("\n", " ")

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


def _seconds(summary: Summary) -> str:
    value = summary.value("fit_seconds") or 0.0
    return f"{decimal(value, 1)}s" if value < 100 else f"{value:,.0f}s"


COLUMNS = (
    Column("mse", "mse", 11),
    Column("above_bound_db", "above\nbound", 12),
    Column("recall_at_1", "recall@1", 8),
    Column("recall_at_10", "recall@10", ALWAYS),
    Column("recall_at_10_reranked", "recall@10\nreranked", 1),
    Column("recall_at_100", "recall@100", 9),
    Column("recall_10_at_20", "10@20", 13),
    Column("recall_10_at_50", "10@50", 5),
    Column("recall_10_at_100", "10@100", 14),
    Column("rerank_depth", "depth", 10),
    Column("recall_10_at_20_reranked", "10@20\nreranked", 3),
    Column("recall_10_at_50_reranked", "10@50\nreranked", 2),
    Column("recall_10_at_100_reranked", "10@100\nreranked", 3),
    Column("mrr_at_10", "mrr@10", 15),
    Column("mrr_at_10_exact", "mrr@10\nexact", 16),
    Column("mrr_at_10_loss", "mrr@10\nloss", 6),
    Column("fit_seconds", "fit", 4, _seconds),
    Column("encode_vectors_per_second", "enc/s", 4),
    Column("queries_per_second", "queries\n/s", 2),
    Column("search_recall_at_10", "index\nrecall@10", 2),
)
"""In order from left to right, after `size_columns`. What takes an option to measure has a low rank."""


def size_columns(sizes: Sizes) -> tuple[Column, ...]:
    """The columns before all others: what a vector costs."""
    return (
        Column("total_bits_per_dim", "bits\n/dim", ALWAYS, bits_text),
        Column("total_bits_per_dim", "bytes\n/vec", 7, bytes_text),
        Column("total_bits_per_dim", "ratio", 1, partial(ratio_text, ratio_to=sizes.ratio_to)),
    )


def table_columns(sizes: Sizes) -> tuple[Column, ...]:
    """All columns that a table may have, from left to right."""
    return (*size_columns(sizes), *COLUMNS)


def measured_columns(comparison: Comparison, columns: Iterable[Column]) -> list[Column]:
    """Those of the columns in which any row has a value."""
    return [column for column in columns if any(column.cell(summary) != ABSENT for summary in comparison.summaries)]
