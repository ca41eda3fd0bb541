"""Find rows that follow older or newer metric definitions, and the metrics that they lack."""

from collections.abc import Collection, Iterable, Sequence

from vq_benchmark.evaluation.metric_set import CHANGES, VERSION, version_of
from vq_benchmark.reports.comparison import number
from vq_benchmark.reports.formatting import display_name, run_text
from vq_benchmark.results.database import Run

SHOWN_ROWS = 5
"""Rows that a sentence names before it counts the others."""
REMEDY = "rerun with --force or start a new sweep"


def other_versions(runs: Iterable[Run]) -> dict[int, list[Run]]:
    """Return the finished rows with another version of the metric set, by version."""
    found: dict[int, list[Run]] = {}
    for run in runs:
        if run.status == "done" and version_of(run.environment) != VERSION:
            found.setdefault(version_of(run.environment), []).append(run)
    return dict(sorted(found.items()))


def other_versions_text(runs: Sequence[Run], metrics: Collection[str]) -> str:
    """Name the rows of other metric sets, what changed since, and which of `metrics` they lack; empty without any."""
    return "; ".join(_text(version, rows, metrics) for version, rows in other_versions(runs).items())


def _text(version: int, rows: Sequence[Run], metrics: Collection[str]) -> str:
    count = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
    if version > VERSION:
        return f"{count} from the newer metric set {version}, but this version supports {VERSION}: {_names(rows)}"
    changes = [CHANGES[later] for later in range(version + 1, VERSION + 1) if later in CHANGES]
    lacking = {name: [run for run in rows if number(run.metrics, name) is None] for name in metrics}
    details = [f"changed since: {', '.join(changes)}"] if changes else []
    details += [f"{name} is missing for {_names(without)}" for name, without in lacking.items() if without]
    return ", ".join([f"{count} from the older metric set {version} ({_names(rows)})", *details, REMEDY])


def _names(rows: Sequence[Run]) -> str:
    names = sorted({f"{display_name(run.method)} {run_text(run)}".strip() for run in rows})
    more = len(names) - SHOWN_ROWS
    return ", ".join(names[:SHOWN_ROWS]) + (f" and {more} more" if more > 0 else "")
