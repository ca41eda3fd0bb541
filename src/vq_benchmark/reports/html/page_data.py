"""The numbers of the page as JSON values: every configuration of every data set, with all its metrics."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from vq_benchmark.evaluation.metric_records import RERANK_DEPTHS, record_of
from vq_benchmark.evaluation.rate_distortion import BOUND_KEY
from vq_benchmark.evaluation.sample_summary import SAMPLE_KEY
from vq_benchmark.reports.caveats import caveats, interval_text
from vq_benchmark.reports.commands import rerun_caveat, rerun_command
from vq_benchmark.reports.comparison import Comparison, Summary, comparisons, metric_names
from vq_benchmark.reports.engine_losses import engine_losses
from vq_benchmark.reports.engine_tables import HEADERS, engine_cells, engines_note
from vq_benchmark.reports.formatting import (
    config_text,
    display_name,
    machine_text,
    run_text,
    seeds_text,
    subject_text,
    versions_text,
)
from vq_benchmark.reports.gaussian_bound import bound_note
from vq_benchmark.reports.html.answer import SHALLOWEST
from vq_benchmark.reports.html.data_card import data_card, spectrum_points
from vq_benchmark.reports.html.pair_matrices import matrices
from vq_benchmark.reports.html.ranks import rankings
from vq_benchmark.reports.labels import rounded, short_labels
from vq_benchmark.reports.metric_versions import other_versions_text
from vq_benchmark.reports.panel import reference_value
from vq_benchmark.reports.series import lines, styles, undrawn_note
from vq_benchmark.results.database import Run
from vq_benchmark.studies.cells import OPTIONS_KEY

NOT_SHOWN = ("content", "traceback", BOUND_KEY, SAMPLE_KEY, OPTIONS_KEY)
"""Parts of the environment that the page shows elsewhere or only this program reads, and paths of this machine."""
PLOTLY_SYMBOLS = {
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross", "X": "x",
    "<": "triangle-left", ">": "triangle-right",
}  # fmt: skip
PLOTLY_DASHES = {"-": "solid", "-.": "dashdot", ":": "dot"}


def page_data(runs: Sequence[Run], title: str, vectors: int | None = None) -> dict[str, Any]:
    """What the page shows of finished and failed rows.

    Args:
        vectors: the number of vectors that sizes are shown for at first; None for that of each data set.
    """
    groups = [group for group in comparisons(runs) if lines(group)]
    names = metric_names(runs)
    environments = _Distinct()
    return {
        "title": display_name(title),
        "vectors": vectors,
        "depths": [SHALLOWEST, *RERANK_DEPTHS[SHALLOWEST]],
        "metrics": {name: _metric(name) for name in names},
        "styles": _styles(groups),
        "datasets": [
            {"tab": tab, **_dataset(comparison, names, environments)}
            for tab, comparison in zip(_tabs(groups), groups, strict=True)
        ],
        "environments": rounded(environments.values),
        "ranks": [rounded(asdict(ranking)) for ranking in rankings(groups, names)],
        "failures": [_failure(run) for run in runs if run.status == "failed"],
        "versions": versions_text(runs),
    }


class _Distinct:
    """A list of JSON values without repetitions."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}

    def place(self, value: Any) -> int:
        """The place of a value in the list, to which it is added if it is new."""
        key = json.dumps(value, sort_keys=True, default=str)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]


def _metric(name: str) -> dict[str, Any]:
    record = record_of(name)
    return {
        "title": record.title,
        "label": record.label,
        "better": record.better,
        "scale": record.scale,
        "kind": record.kind,
    }


def _styles(groups: Iterable[Comparison]) -> dict[str, dict[str, str]]:
    """Colour, symbol and dashes of every line, in the words of plotly."""
    return {
        name: {"color": look.color, "symbol": PLOTLY_SYMBOLS[look.marker], "dash": PLOTLY_DASHES[look.dashes]}
        for name, look in styles(name for group in groups for name in lines(group)).items()
    }


def _tabs(groups: Sequence[Comparison]) -> list[str]:
    """A name for each data set; where names are the same, with distance and fingerprint."""
    names = [display_name(group.dataset) for group in groups]
    return [
        name
        if names.count(name) == 1
        else ", ".join(filter(None, [name, group.metric, group.fingerprint[:8], group.content]))
        for name, group in zip(names, groups, strict=True)
    ]


def _dataset(comparison: Comparison, names: Sequence[str], environments: _Distinct) -> dict[str, Any]:
    by_line = lines(comparison)
    line_of = {id(summary): name for name, summaries in by_line.items() for summary in summaries}
    shown = [summary for summary in comparison.summaries if id(summary) in line_of]
    present = [name for name in names if any(summary.value(name) is not None for summary in shown)]
    labels = short_labels(shown)
    intervals = {name: [summary.interval(name) for summary in shown] for name in present}
    return {
        "name": display_name(comparison.dataset),
        "subject": subject_text(comparison),
        "n": comparison.n,
        "d": comparison.d,
        "card": data_card(comparison),
        "spectrum": spectrum_points(comparison),
        "matrices": matrices(comparison, by_line, shown),
        "engines": _engines(comparison),
        "points": [
            _point(summary, label, line_of[id(summary)], environments)
            for summary, label in zip(shown, labels, strict=True)
        ],
        "values": {name: [rounded(summary.value(name)) for summary in shown] for name in present},
        "low": {name: [rounded(pair and pair[0]) for pair in pairs] for name, pairs in intervals.items()},
        "high": {name: [rounded(pair and pair[1]) for pair in pairs] for name, pairs in intervals.items()},
        "reference": {
            name: rounded(value) for name in present if (value := reference_value(comparison, name)) is not None
        },
        "notes": _notes(comparison, present),
    }


def _engines(comparison: Comparison) -> dict[str, Any]:
    """The table of settings of engines, as texts."""
    rows = engine_losses(comparison)
    return {
        "headers": [header.replace("-\n", "-").replace("\n", " ") for header in HEADERS],
        "rows": [engine_cells(row, comparison.d) for row in rows],
        "note": engines_note(rows),
    }


def _point(summary: Summary, label: str, line: str, environments: _Distinct) -> dict[str, Any]:
    newest = max(summary.runs, key=lambda run: run.created_at)
    facts = {name: value for name, value in newest.environment.items() if name not in NOT_SHOWN}
    facts = {name: value for name, value in facts.items() if not name.startswith(("model_", "dataset_"))}
    return {
        "label": label,
        "line": line,
        "method": display_name(summary.method),
        "config": " ".join(filter(None, [config_text(summary.config), summary.told_apart])),
        "budget": newest.budget,
        "query_bits": newest.query_bits,
        "seeds": [run.seed for run in summary.runs],
        "runs": [run.run_id for run in summary.runs],
        "sweeps": sorted({run.sweep_id for run in summary.runs}),
        "created": newest.created_at,
        "environment": environments.place(facts),
        "command": rerun_command(newest),
        "caveat": rerun_caveat(newest),
    }


def _notes(comparison: Comparison, names: Sequence[str]) -> list[str]:
    machine = machine_text(comparison.runs)
    many = any(len(summary.runs) > 1 for summary in comparison.summaries)
    notes = [
        f"{seeds_text(comparison)}{' (points show their mean)' if many else ''}; ±: 95 % interval"
        + interval_text(comparison),
        *caveats(comparison, names),
        bound_note(comparison),
        f"rates: {machine}" if machine else "",
        undrawn_note(comparison),
        f"older rows omitted: {comparison.superseded}" if comparison.superseded else "",
        other_versions_text(comparison.runs, list(names)),
    ]
    return [note for note in notes if note]


def _failure(run: Run) -> list[str]:
    error = (run.error or "").strip().splitlines() or ["no error recorded"]
    return [display_name(run.dataset), display_name(run.method), run_text(run), str(run.seed), error[-1]]
