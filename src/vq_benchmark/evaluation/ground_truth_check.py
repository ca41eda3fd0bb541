"""Whether neighbours that somebody else computed belong to the data at hand."""

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray, IdArray
from vq_benchmark.datasets.checks import probe_rows
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.source import take
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.ground_truth import GroundTruth
from vq_benchmark.evaluation.top_candidates import TopCandidates, scores_of

TOLERANCE = 1e-4
"""Of ‖q‖·max‖x‖ (of its square for L2): neighbours computed by others in float32 may be out of order by so much."""
QUERIES_AT_A_TIME = 32


def adopted_truth(ids: IdArray, dataset: Dataset, k: int, origin: str) -> GroundTruth:
    """The ground truth made of ids (q, >= k) after checking them against the vectors.

    The exact scores of all listed rows are recomputed: they must descend. No row of a fixed sample of the base may
    be nearer than a query's k-th neighbour without being listed.

    Raises:
        InputError: wrong shape, ids out of range or repeated, k too small, or neighbours that the vectors contradict.
    """
    queries, k = dataset.queries, min(k, dataset.n)
    if len(ids) != len(queries):
        raise InputError(f"{origin} has neighbours of {len(ids)} queries, the data set has {len(queries)} queries.")
    if ids.shape[1] < k:
        raise InputError(f"{origin} has {ids.shape[1]} neighbours per query, {k} are needed; use --k {ids.shape[1]}.")
    ids = ids[:, :k]
    if ids.min() < 0 or ids.max() >= dataset.n:
        wrong = ids.min() if ids.min() < 0 else ids.max()
        raise InputError(f"{origin} names row {wrong}, but the base has rows 0 to {dataset.n - 1}.")
    if (np.diff(np.sort(ids, axis=1)) == 0).any():
        raise InputError(f"{origin} lists a row twice for the same query.")
    sample = take(dataset.base, probe_rows(dataset.n))
    scores = np.empty(ids.shape)
    for first in range(0, len(ids), QUERIES_AT_A_TIME):
        group = slice(first, first + QUERIES_AT_A_TIME)
        scores[group] = _scores_of_listed(dataset, queries[group], ids[group])
        _refuse_contradictions(dataset, queries[group], ids[group], scores[group], sample, origin)
    return GroundTruth(TopCandidates.best_of(scores, ids, k), (0, dataset.n))


def _scores_of_listed(dataset: Dataset, queries: FloatArray, ids: IdArray) -> DoubleArray:
    """(q, k) float64 exact scores of the listed rows."""
    rows = take(dataset.base, ids.ravel())
    pairs = np.repeat(np.arange(len(queries)), ids.shape[1]), np.arange(ids.size)
    return scores_of(queries, rows, dataset.metric).of_pairs(*pairs).reshape(ids.shape)


def _refuse_contradictions(
    dataset: Dataset, queries: FloatArray, ids: IdArray, scores: DoubleArray, sample: FloatArray, origin: str
) -> None:
    reference = scores_of(queries, sample, dataset.metric)
    lengths = np.sqrt((queries.astype(np.float64) ** 2).sum(axis=1)) * np.sqrt(
        (sample.astype(np.float64) ** 2).sum(axis=1).max()
    )
    tolerance = TOLERANCE * np.maximum(lengths, np.abs(reference.offsets).max())
    if (np.diff(scores, axis=1) > tolerance[:, None]).any():
        raise InputError(
            f"{origin} is not the ground truth of this data set under {dataset.metric}: by these vectors, "
            "its neighbours are not in order of nearness."
        )
    nearer = reference.factor * (queries.astype(np.float64) @ sample.T.astype(np.float64)) - reference.offsets
    nearer_rows = nearer > (scores[:, -1] + tolerance)[:, None]
    numbers = probe_rows(dataset.n)
    for query in np.flatnonzero(nearer_rows.any(axis=1)):
        unlisted = np.setdiff1d(numbers[nearer_rows[query]], ids[query])
        if len(unlisted):
            raise InputError(
                f"{origin} is not the ground truth of this data set under {dataset.metric}: row {unlisted[0]} is "
                f"nearer to a query than its neighbour number {ids.shape[1]} and is not listed."
            )
