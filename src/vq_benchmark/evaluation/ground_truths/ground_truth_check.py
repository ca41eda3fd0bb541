"""Check that published neighbours belong to the data set."""

from dataclasses import dataclass

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray, IdArray
from vq_benchmark.datasets.checks.bad_rows import bad_rows
from vq_benchmark.datasets.checks.unusable_rows import probe_rows
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.sampling import take
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import GroundTruths, own_judged_queries
from vq_benchmark.evaluation.ground_truths.exact_scores import exact_scores
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth, exact_neighbors
from vq_benchmark.evaluation.ranking import NO_ROW
from vq_benchmark.evaluation.scores import scores_of
from vq_benchmark.evaluation.tiling import WHOLE_BASE, Pass
from vq_benchmark.evaluation.topk import NO_ID, TopCandidates

TOLERANCE = 1e-4
"""Share of ‖q‖·max‖x‖ (of its square for L2) by which neighbours computed in float32 may be out of order."""
QUERIES_AT_A_TIME = 32
RECOMPUTED_QUERIES = 8
"""Queries whose neighbours are recomputed among all rows, which takes one pass over the base."""


def adopted_truths(
    ids: IdArray,
    dataset: Dataset,
    k: int,
    origin: str,
    pass_: Pass[GroundTruth] = WHOLE_BASE,
) -> GroundTruths:
    """The ground truth from ids (q, >= k), after checking them against the vectors.

    Three checks:

    - The exact scores of the listed rows are recomputed, and must descend.
    - No row of a fixed sample of the base may be nearer than a query's k-th neighbour unless it is listed.
    - The neighbours of a few evenly spread queries are recomputed among all rows, and must have the same scores rank
      by rank.

    Listed rows that cannot be measured are passed over, where enough others are listed.

    This reads the listed rows once and the base once, one block at a time. `pass_` is the pass over the base; it also
    finds the neighbours of judged queries of their own.

    Raises:
        InputError: wrong shape, ids out of range or repeated, k too small, or neighbours that the vectors contradict.
    """
    k = min(k, dataset.n)
    listed = _listed_truth(ids, dataset, k, origin)
    few = np.unique(np.linspace(0, len(ids) - 1, RECOMPUTED_QUERIES).astype(np.int64))
    own = own_judged_queries(dataset)
    searched = dataset.queries[few] if own is None else np.concatenate([dataset.queries[few], own])
    found = exact_neighbors(dataset.base, searched, dataset.distance, k, pass_)
    count = len(few)
    rechecked, judged = found.part(slice(count)), found.part(slice(count, None))
    dataset.require_unchanged()
    listed.content = found.content.copy()
    _reject_others(dataset, few, listed, rechecked, origin)
    return GroundTruths(listed, None if own is None else judged, dataset.files)


def _listed_truth(ids: IdArray, dataset: Dataset, k: int, origin: str) -> GroundTruth:
    queries = dataset.queries
    if len(ids) != len(queries):
        raise InputError(
            f"{origin} has neighbours for {len(ids)} queries, but the data set has {len(queries)} queries."
        )
    if ids.shape[1] < k:
        raise InputError(
            f"{origin} has {ids.shape[1]} neighbours per query, but {k} are needed; use --k {ids.shape[1]}."
        )
    all_listed, ids = ids, ids[:, :k]
    if ids.min() < 0 or ids.max() >= dataset.n:
        wrong = ids.min() if ids.min() < 0 else ids.max()
        raise InputError(f"{origin} lists row {wrong}, but the base has rows 0 to {dataset.n - 1}.")
    if (np.diff(np.sort(ids, axis=1)) == 0).any():
        raise InputError(f"{origin} lists a row twice for the same query.")
    sample = _sample(dataset)
    scores = exact_scores(dataset, ids)
    if (scores == NO_ROW).any():
        ids, scores = _measurable(all_listed, dataset, k, origin)
    for first in range(0, len(ids), QUERIES_AT_A_TIME):
        group = slice(first, first + QUERIES_AT_A_TIME)
        _reject_contradictions(dataset, queries[group], ids[group], scores[group], sample, origin)
    return GroundTruth(TopCandidates.best_of(scores, ids, k), (0, dataset.n))


@dataclass(frozen=True)
class _Sample:
    """Rows of the base that can be measured, (s,) int64 and (s, d) float32."""

    ids: IdArray
    vectors: FloatArray


def _sample(dataset: Dataset) -> _Sample:
    ids = probe_rows(dataset.n)
    vectors = take(dataset.base, ids)
    good = ~bad_rows(vectors, dataset.distance)
    return _Sample(ids[good], vectors[good])


def _measurable(ids: IdArray, dataset: Dataset, k: int, origin: str) -> tuple[IdArray, DoubleArray]:
    """The first k listed rows (q, k) that can be measured, of ids (q, >= k), with their scores (q, k)."""
    ids = np.where((ids >= 0) & (ids < dataset.n), ids, NO_ID)
    scores = exact_scores(dataset, ids)
    order = np.argsort(scores == NO_ROW, axis=1, kind="stable")[:, :k]
    ids, scores = np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)
    short = (scores == NO_ROW).any(axis=1)
    if short.any():
        query = int(np.argmax(short))
        row = ids[query, np.argmax(scores[query] == NO_ROW)]
        named = "" if row == NO_ID else f", such as row {row},"
        raise InputError(
            f"{origin} lists rows that cannot be measured{named} and for query {query} fewer than {k} others; "
            "lower --k, or omit it."
        )
    return ids, scores


def _reject_others(dataset: Dataset, few: IdArray, truth: GroundTruth, found: GroundTruth, origin: str) -> None:
    """Reject a ground truth whose neighbours are farther than those found for a few queries."""
    queries = dataset.queries[few]
    rows = take(dataset.base, found.ids[:, 0], keep=False)
    tolerance = _tolerance(queries, rows, scores_of(queries, rows, dataset.distance).offsets)
    wrong = found.top.scores > truth.top.scores[few] + tolerance[:, None]
    if wrong.any():
        index, rank = np.argwhere(wrong)[0]
        raise InputError(
            f"{origin} is not the ground truth of this data set under {dataset.distance}: row "
            f"{found.ids[index, rank]} is nearer to query {few[index]} than the listed neighbour number {rank + 1} "
            f"({len(few)} queries were rechecked)."
        )


def _tolerance(queries: FloatArray, rows: FloatArray, offsets: DoubleArray) -> DoubleArray:
    """(q,) float64 tolerances for scores that were computed in float32."""
    lengths = np.sqrt((queries.astype(np.float64) ** 2).sum(axis=1)) * np.sqrt(
        (rows.astype(np.float64) ** 2).sum(axis=1).max()
    )
    return np.asarray(TOLERANCE * np.maximum(lengths, np.abs(offsets).max()))


def _reject_contradictions(
    dataset: Dataset, queries: FloatArray, ids: IdArray, scores: DoubleArray, sample: _Sample, origin: str
) -> None:
    reference = scores_of(queries, sample.vectors, dataset.distance)
    tolerance = _tolerance(queries, sample.vectors, reference.offsets)
    if (np.diff(scores, axis=1) > tolerance[:, None]).any():
        raise InputError(
            f"{origin} is not the ground truth of this data set under {dataset.distance}: its neighbours "
            "are not sorted by distance."
        )
    nearer = reference.factor * (queries.astype(np.float64) @ sample.vectors.T.astype(np.float64)) - reference.offsets
    nearer_rows = nearer > (scores[:, -1] + tolerance)[:, None]
    for query in np.flatnonzero(nearer_rows.any(axis=1)):
        unlisted = np.setdiff1d(sample.ids[nearer_rows[query]], ids[query])
        if len(unlisted):
            raise InputError(
                f"{origin} is not the ground truth of this data set under {dataset.distance}: row {unlisted[0]} is "
                f"nearer to a query than its neighbour number {ids.shape[1]}, but is not listed."
            )
