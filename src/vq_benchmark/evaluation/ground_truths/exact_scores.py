"""Exact scores of listed rows, such as a published ground truth or the answer of a search index."""

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, IdArray
from vq_benchmark.datasets.checks.bad_rows import bad_rows
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.sampling import take
from vq_benchmark.evaluation.ranking import NO_ROW
from vq_benchmark.evaluation.scores import scores_of
from vq_benchmark.evaluation.topk import NO_ID

ROWS_AT_A_TIME = 8192


def exact_scores(dataset: Dataset, ids: IdArray) -> DoubleArray:
    """Return (q, r) float64 exact scores of the base rows ids (q, r) that are listed for each query.

    A row that is listed twice for a query counts at its first place. Repetitions, NO_ID and rows that cannot be
    measured score NO_ROW.
    Each row is read once, in the order of the base, so memory is bounded.
    """
    rows, pair_rows = np.unique(ids, return_inverse=True)
    pair_rows = pair_rows.ravel()
    order = np.argsort(pair_rows, kind="stable")
    ascending = pair_rows[order]
    scores = np.full(ids.size, NO_ROW)
    for first in range(int(np.searchsorted(rows, NO_ID, side="right")), len(rows), ROWS_AT_A_TIME):
        after = min(first + ROWS_AT_A_TIME, len(rows))
        pairs = order[slice(*np.searchsorted(ascending, (first, after)))]
        vectors = take(dataset.base, rows[first:after], keep=False)
        listed, in_piece = scores_of(dataset.queries, vectors, dataset.distance), pair_rows[pairs] - first
        found = listed.of_pairs(pairs // ids.shape[1], in_piece)
        scores[pairs] = np.where(bad_rows(vectors, dataset.distance)[in_piece], NO_ROW, found)
    return np.where(_is_repeated(ids), NO_ROW, scores.reshape(ids.shape))


def _is_repeated(ids: IdArray) -> Array:
    """(q, r) whether the same row stands earlier in the same list."""
    order = np.argsort(ids, axis=1, kind="stable")
    ascending = np.take_along_axis(ids, order, axis=1)
    repeated = np.zeros(ids.shape, dtype=bool)
    np.put_along_axis(repeated, order[:, 1:], ascending[:, 1:] == ascending[:, :-1], axis=1)
    return repeated
