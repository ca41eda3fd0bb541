"""Fewer base rows: a limit, and queries held out of the base. Row numbers that others hold follow."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.dataset import Judgements
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.sampling import sample_rows, take
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.datasets.sources.wrappers import ExcludingSource, PrefixSource
from vq_benchmark.errors import InputError


def keep_first(stored: RawDataset, limit: int) -> RawDataset:
    """The data set with the first `limit` base rows; stored neighbours and judgements of the others are dropped."""
    if limit < 1:
        raise InputError(f"a limit of {limit} base rows leaves nothing; it must be at least 1.")
    n = stored.whole_n or stored.base.n
    if limit >= n:
        return stored
    note = f"the first {limit} of {n} base rows are used."
    if limit >= stored.base.n:  # no other rows are here, and what is known of them is of them alone
        return replace(stored, notes=(*stored.notes, note))
    kept = replace(stored, base=PrefixSource(stored.base, limit), notes=(*stored.notes, note))
    return _renumber(kept, lambda row: np.where(row < limit, row, -1), "the limit")


def hold_out(stored: RawDataset, num_queries: int, seed: int) -> RawDataset:
    """The data set with num_queries base rows, drawn by seed, as its queries; they are no longer in the base."""
    n = stored.base.n
    if seed < 0:
        raise InputError(f"the split seed is {seed}, it must be at least 0.")
    if num_queries >= n:
        raise InputError(
            f"{num_queries} queries cannot be held out of {n} base rows; --num-queries must be below that, "
            "or give --queries-path."
        )
    rows = sample_rows(n, num_queries, seed)
    split = f"{num_queries} of {n} rows held out by seed {seed}"
    held_out = replace(
        stored,
        base=ExcludingSource(stored.base, rows),
        queries=ArraySource(take(stored.base, rows)),
        split=split,
        notes=(*stored.notes, f"no queries came with the data: {split} are the queries and are not in the base."),
    )
    return _renumber(
        held_out,
        lambda row: np.where(np.isin(row, rows), -1, row - np.searchsorted(rows, row)),
        "the held-out queries",
    )


def _renumber(stored: RawDataset, new_row: Callable[[IdArray], IdArray], reason: str) -> RawDataset:
    """The data set after rows have left the base; new_row tells their new numbers, negative for rows that left."""
    notes = []
    if stored.neighbors is not None:
        notes.append(f"the stored neighbours are dropped: with {reason} they are no longer the nearest.")
    judgements = stored.judgements
    if judgements is not None:
        remaining = _judgements_of_remaining(judgements, new_row)
        lost = len(judgements.queries) - len(remaining.queries)
        if lost:
            notes.append(f"{lost} judged queries are dropped: {reason} took all their relevant rows out of the base.")
        judgements = remaining if len(remaining.queries) else None
    return replace(stored, neighbors=None, judgements=judgements, notes=(*stored.notes, *notes))


def _judgements_of_remaining(judgements: Judgements, new_row: Callable[[IdArray], IdArray]) -> Judgements:
    """Judgements of the rows that stay, and the queries that still have a relevant row, renumbered."""
    query, row, relevance = judgements.qrels.T
    row = new_row(row)
    answerable = np.unique(query[(row >= 0) & (relevance > 0)])
    kept = (row >= 0) & np.isin(query, answerable)
    qrels = np.column_stack((np.searchsorted(answerable, query[kept]), row[kept], relevance[kept]))
    return Judgements(judgements.queries[answerable], qrels)
