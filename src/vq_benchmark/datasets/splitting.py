"""Fewer base rows: a limit, and queries held out of the base. Neighbours and judgements are renumbered with them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.checks.unusable_rows import require_rows
from vq_benchmark.datasets.dataset import NOT_IN_BASE, Judgements
from vq_benchmark.datasets.parts.origins import Origin
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.sampling import sample_rows, take
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.datasets.sources.wrappers import ExcludingSource, PrefixSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.wording import number_of

DEFAULT_NUM_QUERIES = 1000


def keep_first(stored: RawDataset, limit: int) -> RawDataset:
    """The data set with the first `limit` base rows; stored neighbours and judgements of the others are dropped."""
    n = stored.whole_n or stored.base.n
    if limit >= n:
        return stored
    note = f"using the first {limit} of {n} base rows."
    if limit >= stored.base.n:  # only these rows were downloaded, and neighbours and judgements describe them alone
        return replace(stored, notes=(*stored.notes, note))
    kept = replace(stored, base=PrefixSource(stored.base, limit), notes=(*stored.notes, note))
    return _renumber(kept, lambda row: np.where(row < limit, row, -1), "the limit")


def choose_queries(stored: RawDataset, num_queries: int | None, seed: int) -> RawDataset:
    """The data set with the queries that are used.

    Args:
        num_queries: at most this many of its queries, by default 1,000. Without queries, this many base rows are held
            out, by default 1,000, but at most a tenth of the base and at least 1.
        seed: of the held-out rows.

    Raises:
        InputError: there are too few base rows, or the queries are empty.
    """
    if stored.queries is not None:
        return _first_queries(stored, num_queries)
    return hold_out(stored, num_queries or default_held_out(stored.base.n), seed)


def default_held_out(n: int) -> int:
    """How many of n base rows are held out as queries by default: 1,000, at most a tenth, at least 1."""
    return max(min(DEFAULT_NUM_QUERIES, n // 10), 1)


def _first_queries(stored: RawDataset, asked: int | None) -> RawDataset:
    queries = stored.queries
    assert queries is not None
    require_rows(queries, "the queries file")
    num_queries = asked or DEFAULT_NUM_QUERIES
    if queries.n < (asked or 0):
        note = f"using all {queries.n} queries, fewer than --num-queries {asked}."
        return replace(stored, notes=(*stored.notes, note))
    if queries.n <= num_queries:
        return stored
    return replace(
        stored,
        queries=PrefixSource(queries, num_queries),
        notes=(
            *stored.notes,
            f"using the first {num_queries} of {queries.n} queries; raise --num-queries to use more.",
        ),
    )


def hold_out(stored: RawDataset, num_queries: int, seed: int) -> RawDataset:
    """The data set with num_queries base rows, sampled by seed, as its queries; they are removed from the base."""
    n = stored.base.n
    if num_queries >= n:
        raise InputError(
            f"{num_queries} queries cannot be held out of {n} base rows; lower --num-queries, or give --queries-path."
        )
    rows = sample_rows(n, num_queries, seed)
    split = f"{num_queries} of {n} rows held out by seed {seed}"
    held_out = replace(
        stored,
        base=ExcludingSource(stored.base, rows),
        queries=ArraySource(take(stored.base, rows), numbers=stored.base.rows_in_file(rows)),
        split=split,
        origins=(*stored.origins, Origin(split, "queries")),
        notes=(*stored.notes, f"the data has no queries, so {split} serve as queries; they are not in the base."),
    )
    return _renumber(
        held_out,
        lambda row: np.where(np.isin(row, rows), -1, row - np.searchsorted(rows, row)),
        "the hold-out",
    )


def _renumber(stored: RawDataset, new_row: Callable[[IdArray], IdArray], reason: str) -> RawDataset:
    """The data set after rows were removed from the base.

    Args:
        new_row: maps old row numbers (n,) to new ones, negative for removed rows.
        reason: what removed them, for notes.
    """
    if stored.neighbors is not None:
        stored = stored.dropping("neighbors", f"{reason} removed rows from the base")
    notes = []
    judgements = stored.judgements
    if judgements is not None:
        remaining = _judgements_of_remaining(judgements, new_row)
        lost = len(judgements.queries) - len(remaining.queries)
        if lost:
            dropped = number_of(lost, "judged query", "judged queries")
            notes.append(f"dropped {dropped}: {reason} removed all relevant rows from the base.")
        judgements = remaining if len(remaining.queries) else None
    return replace(stored, judgements=judgements, notes=(*stored.notes, *notes))


def _judgements_of_remaining(judgements: Judgements, new_row: Callable[[IdArray], IdArray]) -> Judgements:
    """Judgements of the remaining rows, and the queries that did not lose all their relevant rows, renumbered.

    Judgements of rows that have never been in the base stay.
    """
    query, old, relevance = judgements.qrels.T
    row = np.where(old == NOT_IN_BASE, NOT_IN_BASE, new_row(old))
    remains = (row != NOT_IN_BASE) | (old == NOT_IN_BASE)
    relevant, had, has = relevance > 0, old != NOT_IN_BASE, row != NOT_IN_BASE
    lost = np.setdiff1d(query[relevant & had], query[relevant & has])
    answerable = np.setdiff1d(query[relevant & remains], lost)
    kept = remains & np.isin(query, answerable)
    qrels = np.column_stack((np.searchsorted(answerable, query[kept]), row[kept], relevance[kept]))
    return Judgements(judgements.queries[answerable], qrels, _own_rows_of(judgements, answerable, new_row))


def _own_rows_of(judgements: Judgements, queries: IdArray, new_row: Callable[[IdArray], IdArray]) -> IdArray | None:
    if judgements.own_rows is None:
        return None
    old = judgements.own_rows[queries]
    own = np.where(old == NOT_IN_BASE, NOT_IN_BASE, new_row(old))
    return own if (own != NOT_IN_BASE).any() else None
