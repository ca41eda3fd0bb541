"""Unite results databases: every row once, finished rows before failed ones, disagreements named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.results.database import Database, Run

MACHINE_METRICS = ("seconds", "per_second", "memory_bytes", "block_bytes", "latency_", "search_")
"""Parts of the names of metrics that differ from run to run and from machine to machine."""
PRECEDENCE = {"failed": 0, "partial": 1, "done": 2}


@dataclass
class Union:
    """What a merge took in and what it could not."""

    added: int = 0
    present: int = 0
    """Rows that were there already."""
    unreadable: list[str] = field(default_factory=list)
    """A sentence for each input that was skipped."""
    conflicts: list[str] = field(default_factory=list)
    """A sentence for each row whose inputs disagree; the row that was there first stays."""


def quality(metrics: dict[str, Any]) -> dict[str, Any]:
    """The metrics that must be equal whenever the same cell is run again."""
    return {name: value for name, value in metrics.items() if not any(part in name for part in MACHINE_METRICS)}


def database_files(inputs: Sequence[Path]) -> list[Path]:
    """The given files, and the .db files below the given folders, in order and each once.

    Raises:
        InputError: an input does not exist, or there is no database among them.
    """
    found: dict[Path, None] = {}
    for path in inputs:
        if not path.exists():
            raise InputError(f"there is no results database or folder {str(path)!r}.")
        found |= dict.fromkeys(sorted(path.rglob("*.db")) if path.is_dir() else [path])
    if not found:
        raise InputError(f"no .db file in {', '.join(str(path) for path in inputs)}.")
    return list(found)


def unite(target: Database, sources: Iterable[Path]) -> Union:
    """Put the rows of the sources into the target, one transaction each; doing it again changes nothing."""
    union = Union()
    for source in sources:
        if source.resolve() == target.path.resolve():
            continue
        try:
            runs = list(Database(source).runs())
        except InputError as error:
            union.unreadable.append(str(error))
            continue
        present = {run.run_id: run for run in target.runs()}
        fresh = []
        for run in runs:
            earlier = present.get(run.run_id)
            if earlier is None or PRECEDENCE[run.status] > PRECEDENCE[earlier.status]:
                fresh.append(run)
            else:
                union.present += 1
                union.conflicts += _conflicts(earlier, run, source)
        if fresh:
            target.put_all(fresh)
        union.added += len(fresh)
    return union


def _conflicts(earlier: Run, run: Run, source: Path) -> list[str]:
    if not earlier.status == run.status == "done":
        return []
    mine, theirs = quality(earlier.metrics), quality(run.metrics)
    return [
        f"{run.method} {run.config} seed {run.seed} (run {run.run_id}): {name} is {mine.get(name)} "
        f"but {theirs.get(name)} in {str(source)!r}."
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name) != theirs.get(name)
    ]
