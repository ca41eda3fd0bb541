"""Which rows may meet, being of the same vectors, and how each of them was measured."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vq_benchmark.evaluation.per_query import queries_of
from vq_benchmark.reports.commands import measure_of
from vq_benchmark.results.database import Run
from vq_benchmark.studies.identity import MEASURE_WITHOUT_EFFECT
from vq_benchmark.studies.measure_spec import MeasureSpec

Settings = Mapping[str, Any]
"""The options of measurement that are no defaults and change values, and the queries, by name."""
QUERIES, QUERY_SET = "queries", "query_set"
SWITCHES = MEASURE_WITHOUT_EFFECT | {
    name for name, each in MeasureSpec.model_fields.items() if each.annotation is bool
}
"""Options that change no value: those that don't count in `run_id`, and those that say which metrics are measured."""
SETTINGS = (*(name for name in MeasureSpec.model_fields if name not in SWITCHES), QUERIES, QUERY_SET)
"""The names of all settings."""
SHOWN_DIGITS = 8
"""Hex digits of a digest that tell it from others."""


def content_of(run: Run) -> str | None:
    """The digest of the vectors that a row was measured on; None if the row doesn't state it."""
    digest = (run.environment.get("content") or {}).get("digest")
    return None if digest is None else str(digest)


def may_meet(a: Run, b: Run) -> bool:
    """Whether two rows are of the same vectors under the same distance, as far as both state it."""
    same_data = (a.dataset_fingerprint, a.metric) == (b.dataset_fingerprint, b.metric)
    known = {content_of(run) for run in (a, b)} - {None}
    return same_data and len(known) < 2


def by_content(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Rows of one name, fingerprint and distance by the start of the digest of their vectors.

    Rows that all may meet are together, under an empty name.
    """
    digests = _completed([content_of(run) or "" for run in runs])
    found: defaultdict[str, list[Run]] = defaultdict(list)
    for run, digest in zip(runs, digests, strict=True):
        found[digest[:SHOWN_DIGITS] or "unknown"].append(run)
    return dict(sorted(found.items())) if len(found) > 1 else {"": list(runs)}


def settings_of(runs: Sequence[Run]) -> list[Settings]:
    """How each row was measured.

    A row that doesn't tell its queries is taken to have those of the rows measured like it, if these all have
    the same.
    """
    found = [_stated(run) for run in runs]
    for name, of_run in ((QUERIES, _query_count), (QUERY_SET, _query_set)):
        alike: defaultdict[str, list[int]] = defaultdict(list)
        for place, settings in enumerate(found):
            alike[as_key(settings)].append(place)
        for places in alike.values():
            values = _completed([of_run(runs[place]) for place in places])
            for place, value in zip(places, values, strict=True):
                if value:
                    found[place][name] = value
    return [dict(sorted(each.items())) for each in found]


def as_key(settings: Settings) -> str:
    """The settings as a text that is the same for the same settings."""
    return json.dumps(dict(settings), sort_keys=True, default=str)


def told_apart(settings: Sequence[Settings], kinds: Sequence[Any]) -> list[str]:
    """For each row, the settings in which the rows of its kind differ, such as `train_size=260`; mostly empty."""
    of_kind: defaultdict[Any, list[Settings]] = defaultdict(list)
    for each, kind in zip(settings, kinds, strict=True):
        of_kind[kind].append(each)
    names = {kind: differing_settings(each) for kind, each in of_kind.items()}
    return [
        " ".join(f"{name}={setting(each, name)}" for name in names[kind])
        for each, kind in zip(settings, kinds, strict=True)
    ]


def differing_settings(settings: Iterable[Settings]) -> list[str]:
    """The names of the settings that don't have the same value everywhere; of queries their number, if it will do."""
    known = list(settings)
    every = sorted(set().union(*known))
    names = [name for name in every if len({str(setting(each, name)) for each in known}) > 1]
    fewer = [name for name in names if name != QUERY_SET]
    return fewer if _distinct(known, fewer) == _distinct(known, names) else names


def setting(settings: Settings, name: str) -> Any:
    """The value of a setting; its default where it is not stated."""
    fields = MeasureSpec.model_fields
    return settings.get(name, fields[name].default if name in fields else "unknown")


def _distinct(settings: Iterable[Settings], names: Iterable[str]) -> int:
    shown = list(names)
    return len({tuple(str(setting(each, name)) for name in shown) for each in settings})


def _stated(run: Run) -> dict[str, Any]:
    """What a row says of its measurement; the second stage of an engine is part of its name."""
    left_out = {"rerank"} if run.engine else set()
    return {name: value for name, value in measure_of(run).items() if name not in SWITCHES | left_out}


def _completed(values: list[str]) -> list[str]:
    """The values, with the only one that occurs in place of empty ones."""
    known = set(values) - {""}
    return [value or next(iter(known)) for value in values] if len(known) == 1 else values


def _query_count(run: Run) -> str:
    """The number of queries of a row; empty if it has none."""
    count = run.metrics.get(QUERIES)
    return f"{count:.0f}" if isinstance(count, int | float) and count > 0 else ""


def _query_set(run: Run) -> str:
    """The start of the digest of the queries of a row; empty if it has none, or damaged ones."""
    try:
        return "" if run.per_query is None else queries_of(run.per_query)[:SHOWN_DIGITS]
    except ValueError:
        return ""
