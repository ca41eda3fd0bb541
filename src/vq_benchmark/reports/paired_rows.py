"""Find stored configurations by name and compare one with others, query by query."""

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.evaluation.per_query import LOSS, PerQuery
from vq_benchmark.evaluation.statistics.bootstrap import Interval
from vq_benchmark.evaluation.statistics.paired import Difference, difference_interval, holm, paired_difference
from vq_benchmark.reports.commands import again
from vq_benchmark.reports.comparison import Summary, comparisons
from vq_benchmark.reports.formatting import config_text, display_name
from vq_benchmark.reports.measured_alike import (
    QUERY_SET,
    SETTINGS,
    Settings,
    as_key,
    content_of,
    differing_settings,
    may_meet,
    setting,
    settings_of,
    told_apart,
)
from vq_benchmark.reports.selection import listed
from vq_benchmark.results.database import Run

Pair = tuple[Summary, Summary]
SHOWN_ID = 8
"""Characters of a run_id that tell configurations of the same name apart."""


@dataclass(frozen=True)
class Paired:
    """One configuration against another, on the seeds that both have."""

    a: Summary
    b: Summary
    seeds: tuple[tuple[int, int], ...]
    """The seeds of a and of b that pair up."""
    values: tuple[DoubleArray, DoubleArray]
    """(seeds, q) values of a and of b."""
    difference: Difference
    interval: Interval | None
    """None if a single query says nothing about others."""
    p_holm: float

    @property
    def unlike(self) -> str:
        """The settings in which a and b differ, with the value of a and that of b; empty if there are none."""
        both = (self.a.settings, self.b.settings)
        values = {name: [str(setting(each, name)) for each in both] for name in differing_settings(both)}
        return ", ".join(f"{name}={' and '.join(of_both)}" for name, of_both in values.items())

    @property
    def same(self) -> bool:
        """Whether a and b are one measurement, so that there is nothing to compare."""
        left, right = ({run.seed: run.run_id for run in each.runs} for each in (self.a, self.b))
        equal = np.array_equal(*self.values)
        return equal and all(left[s] == right[t] for s, t in self.seeds)


def label(summary: Summary) -> str:
    """A configuration in one line."""
    run = summary.runs[0]
    coded = "" if run.query_bits == "float" else f"query_bits={run.query_bits}"
    trained = f"train_queries={run.train_queries}" if run.train_queries else ""
    own = [display_name(summary.method), config_text(summary.config), coded, trained]
    return " ".join(filter(None, [*([run.engine] if run.engine else own), summary.told_apart]))


def chosen(selector: str, runs: Sequence[Run], unmerged: Sequence[str] = ()) -> Summary:
    """The only configuration of `chosen_alike`."""
    return chosen_alike([selector], runs, unmerged)[0]


def chosen_alike(selectors: Sequence[str], runs: Sequence[Run], unmerged: Sequence[str] = ()) -> list[Summary]:
    """The configuration that each selector means: `method`, `method:param=value,…`, a setting of an engine, a run_id
    or a prefix of one.

    Besides its parameters, a configuration may be selected by `query_bits`, by the `budget` it was chosen for, by
    `train_queries`, the number of queries it was fitted for (0: none), and by a setting that it was measured with. Of
    one that was measured in several ways, those rows are taken that the other configurations can be compared with;
    then those of the most seeds, then the newest. A method means its own rows only: those of engines are selected by
    the name of their setting, or by run_id.

    Args:
        unmerged: methods of which the database also holds rows of chunks.

    Raises:
        InputError: nothing is meant, or several configurations are; the message lists them.
    """
    return most_alike([_meant(selector, runs, unmerged) for selector in selectors])


def pair_alike(a: Sequence[Summary], b: Sequence[Summary]) -> Pair:
    """`most_alike` of two."""
    left, right = most_alike([a, b])
    return left, right


def most_alike(ways: Sequence[Sequence[Summary]]) -> list[Summary]:
    """One of the ways in which each configuration was measured: the first decides, the others follow it."""

    def preference(each: Summary) -> tuple[int, str]:
        return len(each.runs), max(run.created_at for run in each.runs)

    def likeness(a: Summary, b: Summary) -> tuple[bool, int]:
        queries = [setting(each.settings, QUERY_SET) for each in (a, b)]
        comparable = may_meet(a.runs[0], b.runs[0]) and queries[0] == queries[1]
        return comparable, -len(differing_settings([a.settings, b.settings]))

    def following(first: Summary) -> list[tuple[tuple[bool, int], Summary]]:
        best = [max(others, key=lambda each: (likeness(first, each), preference(each))) for others in ways[1:]]
        return [(likeness(first, each), each) for each in best]

    def worth(first: Summary) -> tuple[int, int, tuple[int, str]]:
        found = [each for each, _ in following(first)]
        return sum(comparable for comparable, _ in found), sum(alike for _, alike in found), preference(first)

    first = max(ways[0], key=worth)
    return [first, *(each for _, each in following(first))]


def _meant(selector: str, runs: Sequence[Run], unmerged: Sequence[str]) -> list[Summary]:
    """The ways in which the configuration that a selector means was measured."""
    of_engine = [run for run in runs if selector and run.status == "done" and run.engine == selector]
    done = of_engine or [run for run in runs if run.status == "done" and not run.engine]
    method, _, parameters = (of_engine[0].method, "", "") if of_engine else selector.partition(":")
    if not any(run.method == method for run in done):
        return [_chosen_row(selector, runs, unmerged)]
    wanted = [part.strip() for part in parameters.split(",") if part.strip()]
    of_method = [run for run in done if run.method == method]
    settings = settings_of(of_method)
    told = told_apart(settings, [(run.dataset_fingerprint, run.metric) for run in of_method])
    apart = {as_key(each): name for each, name in zip(settings, told, strict=True)}
    fitting = [
        run for run, each in zip(of_method, settings, strict=True) if all(_has(run, each, part) for part in wanted)
    ]
    configurations = [
        replace(each, told_apart=apart.get(as_key(each.settings), ""))
        for coded in sorted({run.query_bits for run in fitting})
        for group in comparisons(run for run in fitting if run.query_bits == coded)
        for each in group.summaries
    ]
    if configurations and len({_identity(each) for each in configurations}) == 1:
        return configurations
    if not configurations:
        there = listed(config_text(run.config) for run in done if run.method == method)
        raise InputError(f"{method} has no finished row with {parameters!r}; there are: {there}.")
    names = listed(
        f"{label(each)} on {display_name(each.runs[0].dataset)} ({each.runs[0].run_id[:SHOWN_ID]})"
        for each in configurations
    )
    several = len({each.runs[0].dataset for each in configurations}) > 1
    raise InputError(
        f"{selector!r} means {len(configurations)} configurations: {names}; add :NAME=VALUE"
        f"{', give --dataset' * several} or give a run_id."
    )


def _chosen_row(selector: str, runs: Sequence[Run], unmerged: Sequence[str]) -> Summary:
    """The finished row that a run_id, or the start of one, means."""
    found = [run for run in runs if selector and run.run_id.startswith(selector)]
    if len(found) > 1:
        raise InputError(f"{selector!r} begins several run_ids: {listed(run.run_id for run in found)}.")
    method = selector.partition(":")[0]
    named = [run for run in runs if (run.engine == selector if run.engine else run.method == method)]
    failed = [run for run in runs if run.status == "failed" and (run in found or run in named)]
    if failed:
        last = (failed[-1].error or "no error recorded").strip().splitlines()[-1]
        raise InputError(f"{selector!r} has no finished row; row {failed[-1].run_id} failed: {last}")
    if found:
        return Summary(found[0].method, found[0].config, (found[0],), settings_of(found)[0])
    if method in unmerged:
        raise InputError(f"{method} has only rows of chunks; combine them with `vq-benchmark merge`.")
    raise InputError(
        f"{selector!r} is neither a method nor the start of a run_id; methods: "
        f"{listed(run.engine or run.method for run in runs if run.status == 'done')}."
    )


def compared(pairs: Sequence[Pair], metric: str) -> list[Paired]:
    """Each pair compared by a metric, with p-values corrected for the number of pairs.

    Raises:
        InputError: two rows have other data, queries, distances or depths, or one lacks the values.
    """
    # The exact value is the same on both sides, so losses differ by as much as the values that they are made of.
    low, high = record_of(metric.removesuffix(LOSS)).bounds or (-math.inf, math.inf)
    found = [(a, b, *_seeds_and_values(a, b, metric)) for a, b in pairs]
    tests = [paired_difference(left - right) for _, _, _, (left, right) in found]
    return [
        Paired(a, b, seeds, (left, right), test, difference_interval(left - right, high - low), p_holm)
        for (a, b, seeds, (left, right)), test, p_holm in zip(found, tests, holm([t.p for t in tests]), strict=True)
    ]


def reason_against(a: Summary, b: Summary, metric: str) -> str | None:
    """Why a pair cannot be compared by a metric; None if it can."""
    try:
        _seeds_and_values(a, b, metric)
    except InputError as error:
        return str(error)
    return None


def _seeds_and_values(
    a: Summary, b: Summary, metric: str
) -> tuple[tuple[tuple[int, int], ...], tuple[DoubleArray, DoubleArray]]:
    """The seeds of a pair, and its (seeds, q) values; InputError if they do not pair up."""
    seeds = _paired_seeds(a, b)
    left_runs, right_runs = ({run.seed: run for run in each.runs} for each in (a, b))
    rows = [[(run, stored(run)) for run in (left_runs[s], right_runs[t])] for s, t in seeds]
    for row in rows:
        for other in row:
            _check_same(rows[0][0], other)
    left, right = (np.stack([values_of(*row[side], metric) for row in rows]) for side in (0, 1))
    return seeds, (left, right)


def _identity(summary: Summary) -> tuple[str, ...]:
    """What is compared: a configuration, and the data set by name, without how it was measured."""
    run = summary.runs[0]
    data = run.dataset, run.dataset_fingerprint, run.metric
    return (
        *data,
        summary.method,
        json.dumps(summary.config, sort_keys=True),
        summary.query_bits,
        summary.engine,
        str(run.train_queries),
    )


def _has(run: Run, settings: Settings, wanted: str) -> bool:
    """Whether a row has the value that `name=value` states; 1, 1.0 and True are written in any way."""
    name, _, text = wanted.partition("=")
    known: dict[str, Any] = {**run.config, "query_bits": run.query_bits, "budget": run.budget}
    known["train_queries"] = run.train_queries
    if name not in known and name not in SETTINGS:
        return False
    value = known[name] if name in known else setting(settings, name)
    with suppress(TypeError, ValueError):
        return float(text) == float(value)
    return text.lower() == str(value).lower()


def _paired_seeds(a: Summary, b: Summary) -> tuple[tuple[int, int], ...]:
    left, right = ([run.seed for run in each.runs] for each in (a, b))
    if len(left) == len(right) == 1:
        return ((left[0], right[0]),)
    common = sorted(set(left) & set(right))
    if not common:
        raise InputError(f"{label(a)} has the seeds {left}, {label(b)} has {right}; they need one in common.")
    return tuple((seed, seed) for seed in common)


def stored(run: Run) -> PerQuery:
    """The values of each query of a row; InputError if it has none, or they are damaged."""
    if run.per_query is None:
        raise InputError(f"row {run.run_id} ({run.method}) has no values of each query; {again(run)}.")
    try:
        return _decoded(run.per_query)
    except ValueError as error:
        raise InputError(f"the values of each query of row {run.run_id} cannot be read: {error}.") from error


@lru_cache(maxsize=64)
def _decoded(archive: bytes) -> PerQuery:
    """The values of an archive, read-only, kept because a report compares the same rows at many budgets.

    A row of 10,000 queries takes about a megabyte.
    """
    found = PerQuery.from_bytes(archive)
    for values in found.kept.values():
        values.flags.writeable = False
    return found


def values_of(run: Run, kept: PerQuery, metric: str) -> DoubleArray:
    """(q,) values of a metric among those that a row keeps; InputError if it does not have them."""
    values = kept.values(metric)
    if values is None or not len(values) or np.isnan(values).any():
        names = ", ".join(kept.names)
        raise InputError(
            f"row {run.run_id} ({run.method}) has no values of {metric!r} for each query; it has: {names}."
        )
    return values


def _check_same(first: tuple[Run, PerQuery], other: tuple[Run, PerQuery]) -> None:
    """Raise InputError unless two rows pair up by query."""
    (mine, my_values), (theirs, their_values) = first, other
    contents = (None, None) if may_meet(mine, theirs) else (content_of(mine), content_of(theirs))
    for what, left, right in (
        ("data sets", mine.dataset_fingerprint, theirs.dataset_fingerprint),
        ("distances", mine.metric, theirs.metric),
        ("contents", *contents),
        ("depths of the ground truth", my_values.k, their_values.k),
        ("queries or ground truths", my_values.queries, their_values.queries),
    ):
        if left != right:
            raise InputError(
                f"rows {mine.run_id} and {theirs.run_id} cannot be compared: they have different {what}, "
                f"{left} and {right}."
            )
