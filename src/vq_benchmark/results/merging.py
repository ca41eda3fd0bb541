"""Merge results databases: each row once, finished rows before failed ones, and conflicts are named."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.results.database import COLUMNS, Database, selected
from vq_benchmark.results.merge_inputs import checked_uri

MACHINE_METRICS = ("seconds", "per_second", "memory_bytes", "block_bytes", "latency_", "search_", "bound_")
"""Parts of the names of metrics that differ between runs and machines, if only by rounding."""
PRECEDENCE = "CASE {}.status WHEN 'done' THEN 2 WHEN 'partial' THEN 1 ELSE 0 END"
NEWER = (
    f"{PRECEDENCE.format('new')} > {PRECEDENCE.format('old')} "
    "OR (new.status = old.status AND new.created_at > old.created_at AND (new.status = 'failed' "
    "OR new.metrics = old.metrics AND new.accumulators IS old.accumulators))"
)
DIGEST = "json_extract({}.environment, '$.content.digest')"
BOTH = "source.runs AS new JOIN main.runs AS old USING (run_id)"

Difference = tuple[str, object, object]
"""What differs, its value in one row, its value in the other."""
Compare = Callable[[bytes, bytes], list[Difference]]
"""Lists the differences between two serialised measurements of the same rows; empty if they are the same."""


@dataclass
class Union:
    """What a merge added, and what it could not use."""

    added: int = 0
    present: int = 0
    """Rows that were already present."""
    unreadable: list[str] = field(default_factory=list)
    """A sentence for each input that was skipped."""
    skipped: list[Path] = field(default_factory=list)
    """The inputs that were skipped."""
    conflicts: list[str] = field(default_factory=list)
    """A sentence for each row whose inputs disagree; the row that was there first is kept."""
    disputed: set[str] = field(default_factory=set)
    """The `whole_run_id` of each row whose inputs disagree."""
    origins: dict[str, Path] = field(default_factory=dict)
    """The input that each added row was taken from, by run_id."""


def quality(metrics: dict[str, Any]) -> dict[str, Any]:
    """The metrics that must be equal whenever the same cell is rerun."""
    return {name: value for name, value in metrics.items() if not any(part in name for part in MACHINE_METRICS)}


def unite(target: Database, sources: Iterable[Path], compare: Compare) -> Union:
    """Add the rows of the sources to the target, one transaction per source; repeating it changes nothing.

    A finished row replaces a partial one, which replaces a failed one. Of two failed rows, or two with the same
    result, the later one is kept; otherwise, the one in the target. Measurements do not pass through memory, except
    for two that are compared.

    Args:
        compare: lists the differences between the measurements of two partial rows with the same id.

    Raises:
        InputError: the target cannot be used, or the disk is full; rows added before that stay.
    """
    union = Union()
    for source in sources:
        if target.path.exists() and source.exists() and source.samefile(target.path):
            continue
        try:
            uri = checked_uri(source)
        except InputError as error:
            union.unreadable.append(str(error))
            union.skipped.append(source)
            continue
        with target.connection(to_write=True) as connection:
            connection.execute("ATTACH ? AS source", (uri,))
            _take_in(connection, source, target.path, compare, union)
    return union


def _take_in(connection: sqlite3.Connection, source: Path, target: Path, compare: Compare, union: Union) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (count,) = connection.execute("SELECT count(*) FROM source.runs").fetchone()
    wanted = f"SELECT run_id FROM source.runs AS new LEFT JOIN main.runs AS old USING (run_id) WHERE {NEWER}"
    fresh = connection.execute(f"{wanted} OR old.run_id IS NULL ORDER BY run_id").fetchall()
    for run_id, whole_run_id, label, differences in _conflicts(connection, compare):
        earlier = union.origins.get(run_id, target)
        union.conflicts += [
            f"{label}: {name} is {mine} but {theirs} (in {str(earlier)!r} and in {str(source)!r})."
            for name, mine, theirs in differences
        ]
        union.disputed.add(whole_run_id)
    columns = ", ".join(COLUMNS)
    connection.executemany(
        f"INSERT OR REPLACE INTO main.runs ({columns}) SELECT {selected(connection, 'source')} FROM source.runs "
        "WHERE run_id = ?",
        fresh,
    )
    connection.commit()
    union.added += len(fresh)
    union.present += count - len(fresh)
    union.origins |= dict.fromkeys((run_id for (run_id,) in fresh), source)


def _conflicts(connection: sqlite3.Connection, compare: Compare) -> list[tuple[str, str, str, list[Difference]]]:
    """Rows with the same id that should be equal but are not: run_id, whole_run_id, label, differences."""
    suspects = connection.execute(
        "SELECT run_id, old.whole_run_id, old.status, old.method, old.config, old.seed, old.chunk_start, "
        f"old.chunk_stop FROM {BOTH} WHERE old.status = new.status AND (old.status = 'done' AND "
        "old.metrics != new.metrics OR old.status = 'partial' AND old.accumulators != new.accumulators) "
        "ORDER BY run_id"
    ).fetchall()
    conflicts = []
    for run_id, whole_run_id, status, method, config, seed, start, stop in suspects:
        column = "metrics" if status == "done" else "accumulators"
        mine, theirs, *digests = connection.execute(
            f"SELECT old.{column}, new.{column}, {DIGEST.format('old')}, {DIGEST.format('new')} FROM {BOTH} "
            "WHERE run_id = ?",
            (run_id,),
        ).fetchone()
        differences: list[Difference]
        if digests[0] != digests[1]:
            differences = [("the digest of its vectors, which changed in between,", *digests)]
        else:
            differences = _metric_differences(mine, theirs) if status == "done" else compare(mine, theirs)
        rows = "" if status == "done" else f", rows {start} to {stop}"
        label = f"{method} {json.loads(config)} seed {seed}{rows} (run {run_id})"
        if differences:
            conflicts.append((run_id, whole_run_id, label, differences))
    return conflicts


def _metric_differences(mine: str, theirs: str) -> list[Difference]:
    ours, others = quality(json.loads(mine)), quality(json.loads(theirs))
    return [
        (name, ours.get(name), others.get(name))
        for name in sorted(ours.keys() | others.keys())
        if ours.get(name) != others.get(name)
    ]
