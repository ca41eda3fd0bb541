"""Results as flat records for programs: one per configuration, every metric with its interval in full precision."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.reports.comparison import Comparison, Summary
from vq_benchmark.reports.documents.arranging import ordered_metrics, require_known
from vq_benchmark.reports.formatting import config_text
from vq_benchmark.results.database import Run

Record = dict[str, Any]

STATED = ("package_version", "metric_set", "cpu", "threads", "base_dtype", "external")
"""Parts of the environment of a row that records hold."""


def _stated(name: str, summary: Summary) -> str | None:
    """What the rows say of their environment; several values are separated by commas."""
    values = {str(run.environment[name]) for run in summary.runs if run.environment.get(name) is not None}
    return ", ".join(sorted(values)) or None


FACTS: dict[str, Callable[[Summary], Any]] = {
    "dataset": lambda each: each.runs[0].dataset,
    "dataset_fingerprint": lambda each: each.runs[0].dataset_fingerprint,
    "distance": lambda each: each.runs[0].metric,
    "n": lambda each: each.runs[0].n,
    "d": lambda each: each.runs[0].d,
    "method": lambda each: each.method,
    "config": lambda each: each.config,
    "query_bits": lambda each: each.query_bits,
    "engine": lambda each: each.engine or None,
    "rerank": lambda each: each.runs[0].environment.get("rerank"),
    "settings": lambda each: config_text(each.settings) or None,
    "budget": lambda each: each.budget,
    "seeds": lambda each: [run.seed for run in each.runs],
    "status": lambda each: each.runs[0].status,
    "error": lambda each: each.runs[0].error,
}
"""What was measured; stands before the metrics."""
ORIGIN: dict[str, Callable[[Summary], Any]] = {
    "run_ids": lambda each: [run.run_id for run in each.runs],
    "sweep_ids": lambda each: sorted({run.sweep_id for run in each.runs}),
    "created_at": lambda each: max(run.created_at for run in each.runs),
    **{name: partial(_stated, name) for name in STATED},
}
"""Where the numbers come from; stands after the metrics."""
ENDS = ("low", "high")


def result_records(groups: Iterable[Comparison], failed: Iterable[Run], columns: Sequence[str] = ()) -> list[Record]:
    """One record per summary of the comparisons, then one per failed row; all have the same keys in the same order.

    A metric NAME with an interval is followed by NAME_low and NAME_high, the ends of its 95 % interval. Over seeds it
    is their mean. What a configuration lacks is None.

    Args:
        columns: names to keep, in that order; a metric keeps its interval. Default: all.

    Raises:
        InputError: there is no such column.
    """
    failures = [Summary(run.method, run.config, (run,)) for run in failed]
    shown = [*(summary for group in groups for summary in group.summaries), *failures]
    metrics = ordered_metrics(run for summary in shown for run in summary.runs)
    known = [*FACTS, *metrics, *ORIGIN]
    for name in columns:
        require_known(name, known, "--columns")
    return [_record(summary, columns or known) for summary in shown]


def _record(summary: Summary, columns: Sequence[str]) -> Record:
    record: Record = {}
    for name in columns:
        fact = FACTS.get(name) or ORIGIN.get(name)
        if fact is not None:
            record[name] = fact(summary)
            continue
        record[name] = summary.value(name)
        if record_of(name).interval is not None:
            interval = summary.interval(name) if summary.has_interval(name) else None
            record |= zip((f"{name}_{end}" for end in ENDS), interval or (None, None), strict=True)
    return record
