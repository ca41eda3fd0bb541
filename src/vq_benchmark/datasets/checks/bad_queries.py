"""Queries that cannot be measured are left out, with their neighbours and their judgements."""

from dataclasses import replace

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.checks.bad_rows import LeftOut, require_few
from vq_benchmark.datasets.checks.unusable_rows import Magnitudes, check_scale
from vq_benchmark.datasets.dataset import Dataset, Judgements
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.errors import BadRows


def without_bad_queries(dataset: Dataset, numbers: IdArray, drawn_from: int | None) -> Dataset:
    """The data set without queries and judged queries that cannot be measured, and with a note on them.

    Args:
        numbers: (q,) numbers of its queries in their file.
        drawn_from: how many rows queries were held out of, so that 1 % of these may be left out; None: 1 % of the
            queries.

    Raises:
        BadRows: more of them are bad, or all, or one is too large or too small for float32.
    """
    bad, note = _bad_queries(dataset.queries, numbers, dataset.distance, "queries", drawn_from)
    dataset = replace(dataset, notes=(*dataset.notes, *note))
    if len(bad):
        dataset = replace(
            dataset,
            queries=np.delete(dataset.queries, bad, axis=0),
            neighbors=None if dataset.neighbors is None else np.delete(dataset.neighbors, bad, axis=0),
            left_out_queries=tuple(bad.tolist()),
        )
    judgements = dataset.judgements
    if judgements is None:
        return dataset
    bad, note = _bad_queries(
        judgements.queries, np.arange(len(judgements.queries)), dataset.distance, "judged queries", None
    )
    return replace(dataset, judgements=without_judged(judgements, bad), notes=(*dataset.notes, *note))


def neighbors_in_use(dataset: Dataset, ids: IdArray) -> IdArray:
    """Neighbours (rows, k) without those of left-out queries; as many as queries in use are those of them already."""
    left_out = dataset.left_out_queries
    if left_out and len(ids) >= len(dataset.queries) + len(
        left_out
    ):  # publishers give those of all queries, also of further ones
        return np.delete(ids, left_out, axis=0)
    return ids


def _bad_queries(
    queries: FloatArray, numbers: IdArray, distance: Distance, what: str, drawn_from: int | None
) -> tuple[IdArray, list[str]]:
    """Which queries (q, d) are left out, ascending, and a note on them unless there are none."""
    magnitudes = Magnitudes.of(queries)
    bad = magnitudes.bad(distance)
    check_scale(magnitudes, numbers, distance, what=what)
    if not bad.any():
        return np.empty(0, dtype=np.int64), []
    found = LeftOut.of(queries, numbers, bad)
    require_few(found, drawn_from or len(queries), what)
    if bad.all():
        raise BadRows(f"{found.sentence(len(queries), what)}, so nothing is left to search for.")
    return np.flatnonzero(bad), [f"{found.sentence(len(queries), what)}; they are left out."]


def without_judged(judgements: Judgements, bad: IdArray) -> Judgements:
    """Judgements without those of the judged queries `bad`, ascending; the others are renumbered."""
    if not len(bad):
        return judgements
    query, row, relevance = judgements.qrels[~np.isin(judgements.qrels[:, 0], bad)].T
    qrels = np.column_stack((query - np.searchsorted(bad, query), row, relevance))
    own_rows = None if judgements.own_rows is None else np.delete(judgements.own_rows, bad)
    return Judgements(np.delete(judgements.queries, bad, axis=0), qrels, own_rows)
