"""`vq-benchmark compare`: one stored configuration against others, paired by query."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.table import Table
from rich.text import Text
from typer import Argument, Option

from vq_benchmark.cli.program import examples
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.machine.atomic_files import atomic_path
from vq_benchmark.machine.terminal import Terminal, echo
from vq_benchmark.reports.comparison import Summary, comparisons
from vq_benchmark.reports.formatting import display_name
from vq_benchmark.reports.measured_alike import may_meet
from vq_benchmark.reports.paired_rows import Pair, Paired, chosen_alike, compared, label, pair_alike, reason_against
from vq_benchmark.reports.seed_intervals import LEAST_SEEDS
from vq_benchmark.reports.selection import select_runs
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import database_path

EXAMPLES = (
    "vq-benchmark compare rabitq:bits=1 pq:m=48 opq:m=48",
    "vq-benchmark compare rabitq eden --metric mrr_at_10_loss --export values.csv",
    "vq-benchmark compare before.db after.db --json",
)


SQLITE_HEAD = b"SQLite format 3\0"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("compare", epilog=examples(*EXAMPLES))(compare)


def compare(
    a: Annotated[str, Argument(help="METHOD, METHOD:NAME=VALUE,..., the start of a run_id, or a database.")],
    others: Annotated[list[str], Argument(help="What to compare A with: one or more of the same.")],
    metric: Annotated[str, Option(help="Metric with values of each query.")] = "recall_at_10",
    dataset: Annotated[str | None, Option(help="Use only the rows of one data set.")] = None,
    db_path: Annotated[
        str | None, Option(help="Results database [default: $DB_PATH, else logs/benchmark_runs.db].")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print the result as JSON.")] = False,
    export: Annotated[Path | None, Option(help="CSV file for the values of each query.")] = None,
) -> None:
    """Compare a stored configuration with others, paired by query: difference, 95 % interval, p-value.

    Two databases: every configuration that both hold is compared. Holm's correction covers all pairs.
    """
    files = [name for name in (a, *others) if _is_database(name)]
    if files and (len(files) < 1 + len(others) or len(files) != 2):
        raise InputError(f"{files[0]!r} is a file; give two results databases, or select rows of one by --db-path.")
    left_out: list[str] = []
    if files:
        left, right = (Database(Path(name)) for name in files)
        pairs, left_out = _comparable(_common(left, right, dataset), metric)
    else:
        database = Database(database_path(db_path))
        runs = select_runs(database, dataset=dataset)
        unmerged = [run.method for run in database.runs("status = 'partial'", with_accumulators=False)]
        first, *rest = chosen_alike([a, *others], runs, unmerged)
        pairs = [(first, other) for other in rest]
    found = compared(pairs, metric)
    if export is not None:
        _write(found, export)
    if as_json:
        echo(json.dumps([_facts(each, metric) for each in found], indent=2))
    else:
        _show(found, metric, files)
    for reason in left_out:
        echo(f"not compared: {reason}", err=True)


def _is_database(name: str) -> bool:
    """Whether an argument names a database: without a suffix, a file may share its name with a method."""
    path = Path(name)
    if not path.is_file():
        return False
    if path.suffix:
        return True
    with path.open("rb") as file:
        return file.read(len(SQLITE_HEAD)) == SQLITE_HEAD


def _common(left: Database, right: Database, dataset: str | None) -> list[Pair]:
    """The configurations that both databases hold, in order of data set and name."""
    named = [
        _by_name(each for group in comparisons(select_runs(database, dataset=dataset)) for each in group.summaries)
        for database in (left, right)
    ]
    common = sorted(named[0].keys() & named[1].keys())
    if not common:
        raise InputError(
            f"{str(left.path)!r} and {str(right.path)!r} have no configuration on the same data in common."
        )
    return [pair for key in common for pair in _pairs(named[0][key], named[1][key])]


def _by_name(summaries: Iterable[Summary]) -> dict[tuple[str, str, str], list[Summary]]:
    """The ways in which each configuration was measured, by data set, distance and name."""
    found: defaultdict[tuple[str, str, str], list[Summary]] = defaultdict(list)
    for each in summaries:
        run = each.runs[0]
        found[run.dataset_fingerprint, run.metric, label(replace(each, told_apart=""))].append(each)
    return found


def _pairs(left: Sequence[Summary], right: Sequence[Summary]) -> list[Pair]:
    """The rows of a configuration that were measured in the same way; where there are none, those most alike."""
    found = [(a, b) for a in left for b in right if may_meet(a.runs[0], b.runs[0]) and a.settings == b.settings]
    return found or [pair_alike(left, right)]


def _comparable(pairs: list[Pair], metric: str) -> tuple[list[Pair], list[str]]:
    """The pairs that can be compared by a metric, and why the others cannot; InputError if none can."""
    reasons = [reason_against(*pair, metric) for pair in pairs]
    left_out = [f"{label(a)}: {reason}" for (a, _), reason in zip(pairs, reasons, strict=True) if reason]
    if len(left_out) == len(pairs):
        raise InputError(left_out[0])
    return [pair for pair, reason in zip(pairs, reasons, strict=True) if not reason], left_out


def _facts(found: Paired, metric: str) -> dict[str, Any]:
    run, difference = found.a.runs[0], found.difference
    return {
        "dataset": run.dataset, "dataset_fingerprint": run.dataset_fingerprint, "distance": run.metric,
        "metric": metric, "a": label(found.a), "b": label(found.b), "seeds": [list(pair) for pair in found.seeds],
        "queries": difference.queries, "queries_that_differ": difference.differing,
        "mean_a": float(found.values[0].mean()), "mean_b": float(found.values[1].mean()),
        "difference": difference.mean, "interval": None if found.same or not found.interval else list(found.interval),
        "same_result": found.same, "measured_differently": found.unlike or None,
        "p": difference.p, "p_holm": found.p_holm,
    }  # fmt: skip


def _show(found: list[Paired], metric: str, files: list[str]) -> None:
    """A table for each data set. All pairs have the same A, or, of two databases, A and B of the same name."""
    for place, (_, group) in enumerate(groupby(found, lambda each: each.a.runs[0].dataset_fingerprint)):
        pairs = list(group)
        run = pairs[0].a.runs[0]
        echo("\n" * (place > 0) + f"{display_name(run.dataset)}, {run.metric}: {_subject(pairs, metric)}")
        echo(f"A: {files[0]}, B: {files[1]}" if files else f"A: {label(pairs[0].a)}")
        Terminal().print(_table(pairs, "configuration" if files else "B", corrected=len(found) > 1))
    for note in _notes(found):
        echo(note)


def _subject(pairs: list[Paired], metric: str) -> str:
    counts = sorted({pair.difference.queries for pair in pairs})
    queries = "query" if counts == [1] else "queries"
    return f"{record_of(metric).title} of {' or '.join(f'{count:,}' for count in counts)} {queries}"


def _table(pairs: list[Paired], header: str, *, corrected: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column(header, overflow="fold")
    for name in ("mean A", "mean B", "A − B", "95 % interval", "p (Holm)" if corrected else "p", "seeds"):
        table.add_column(name, justify="right", no_wrap=True)
    for pair in pairs:
        means = [f"{values.mean():.3f}" for values in pair.values]
        interval = _interval(pair)
        numbers = [f"{pair.difference.mean:+.4f}", interval, f"{pair.p_holm:.2g}", str(len(pair.seeds))]
        table.add_row(*map(Text, [label(pair.b), *means, *numbers]))
    return table


def _interval(pair: Paired) -> str:
    if pair.same:
        return "same result"
    return "too few queries" if pair.interval is None else "{:+.4f} to {:+.4f}".format(*pair.interval)


def _notes(found: list[Paired]) -> list[str]:
    """What limits the numbers of a comparison."""
    fewest = min(len(pair.seeds) for pair in found)
    one = "with one seed, the interval leaves out the randomness of training."
    two = f"two seeds say little about the randomness of training; use {LEAST_SEEDS} or more."
    equal = "where no query differs, the interval is the one for queries that were not asked."
    return [
        *[f"A and {label(each.b)} were measured differently: {each.unlike}." for each in found if each.unlike],
        *([one] if fewest == 1 else [two] if fewest < LEAST_SEEDS else []),
        *([equal] if any(pair.difference.differing == 0 and not pair.same for pair in found) else []),
    ]


def _write(found: list[Paired], path: Path) -> None:
    """The values of each query: one line per query, one column per configuration and seed of each pair."""
    columns = {
        f"pair {number} {side} {label(summary)} seed {seed}": values
        for number, pair in enumerate(found, 1)
        for side, summary, place in (("A", pair.a, 0), ("B", pair.b, 1))
        for seed, values in zip((each[place] for each in pair.seeds), pair.values[place], strict=True)
    }
    most = max(map(len, columns.values()))
    padded = [[*map(repr, values.tolist()), *[""] * (most - len(values))] for values in columns.values()]
    with atomic_path(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["query", *columns])
        writer.writerows(
            [number, *row] for number, row in zip(np.arange(most), zip(*padded, strict=True), strict=True)
        )
