"""Queries that are passages too, as in ArguAna and Quora: the base rows with the identifier of a judged query."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.datasets.dataset import NOT_IN_BASE, Judgements
from vq_benchmark.datasets.text.lines import numbered_lines

IDS, QUERY_IDS, QRELS = "ids.txt", "query_ids.txt", "qrels.tsv"


def find_own_rows(qrels: Path, num_queries: int, n: int) -> tuple[IdArray | None, tuple[str, ...]]:
    """`Judgements.own_rows` of judged queries, and a note if they cannot be known.

    The identifiers of the base rows are the lines of ids.txt beside the judgements, and those of the queries the
    lines of query_ids.txt (NAME_query_ids.txt for NAME_qrels.tsv). Without these files no query has a row of its own.
    """
    names = qrels.with_name(IDS), qrels.with_name(qrels.name.removesuffix(QRELS) + QUERY_IDS)
    if not all(path.is_file() for path in names):
        return None, ()
    queries = {name: number for number, name in enumerate(_lines(names[1]))}
    own, rows = np.full(num_queries, NOT_IN_BASE, dtype=np.int64), 0
    for name in _lines(names[0]):
        query = queries.get(name)
        if query is not None and query < num_queries and own[query] == NOT_IN_BASE:
            own[query] = rows
        rows += 1
    for path, found, expected in ((names[0], rows, n), (names[1], len(queries), num_queries)):
        if found != expected:
            note = f"{path.name} is not used: it has {found} identifiers, but there are {expected} vectors."
            return None, (note,)
    return (own if (own != NOT_IN_BASE).any() else None), ()


def own_rows_note(judgements: Judgements | None) -> Iterator[str]:
    """How many judged queries have a base row of their own, and what becomes of it."""
    if judgements is None or judgements.own_rows is None:
        return
    own, queries = judgements.own_rows, len(judgements.queries)
    count = int(np.count_nonzero(own != NOT_IN_BASE))
    yield (
        f"{count:,} of {queries:,} judged queries have the identifier of a base row, which judged metrics leave out "
        "of their rankings, as BEIR does; --identical-ids keep keeps it."
    )
    query, row, relevance = judgements.qrels.T
    relevant = len(np.unique(query[(row != NOT_IN_BASE) & (row == own[query]) & (relevance > 0)]))
    if relevant:
        yield (
            f"for {relevant:,} of them that row is judged relevant and counts as not found; if it is no copy of the "
            "query, use --identical-ids keep."
        )


def _lines(path: Path) -> Iterator[str]:
    return (line for _, line in numbered_lines(path))
