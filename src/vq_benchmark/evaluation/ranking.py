"""Ranking metrics per query, from the true and the estimated neighbours. docs/METRICS.md holds the formulas."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from vq_benchmark.arrays import DoubleArray, IdArray
from vq_benchmark.datasets.dataset import NOT_IN_BASE

NO_ROW = -np.inf
"""The score of a missing row."""

Grades = list[dict[int, int]]
"""Per query the relevance of the relevant base rows: at least one, and all above 0. Relevant vectors that are not
in the base have rows below −1, so that none is ever found."""
JudgedMeasure = Callable[[IdArray, Grades, int], DoubleArray]
"""(q,) values from candidates (q, r) best first, their judgements, and how many of the first candidates count."""


def recall(true: DoubleArray, found: DoubleArray, k: int, r: int) -> DoubleArray:
    """(q,) share of the true top-k found in the estimated top-r: rows that tie with or beat the k-th true neighbour.

    Scores are compared, not ids, so it does not matter how the ground truth breaks ties.

    Args:
        true: (q, >= k) exact scores of the true neighbours, best first.
        found: (q, >= r) exact scores of the answer in its own order; NO_ROW for a missing or repeated row.
    """
    rows = found[:, :r]
    hits = (rows >= true[:, k - 1 : k]) & (rows != NO_ROW)
    return np.asarray(np.minimum(hits.sum(axis=1), k) / k)


def reranked(found: DoubleArray, second: DoubleArray, r: int) -> DoubleArray:
    """(q, r) exact scores of the first r candidates in descending order of their scores `second` (q, >= r).

    Equal scores stay in the order of `found` (q, >= r), the exact scores of the candidates as they were found.
    """
    order = np.argsort(-second[:, :r], axis=1, kind="stable")
    return np.take_along_axis(found[:, :r], order, axis=1)


def rerank_depth(true: DoubleArray, found: DoubleArray, k: int, target: float) -> int | None:
    """The smallest r for which the mean of `recall(true, found, k, r)` is at least `target`; None if none is."""
    hits = (found >= true[:, k - 1 : k]) & (found != NO_ROW)
    means = np.minimum(np.cumsum(hits, axis=1), k).sum(axis=0) / (k * len(found))
    return int(np.argmax(means >= target)) + 1 if len(means) and means[-1] >= target else None


def rank_distortion(true: DoubleArray, found: DoubleArray) -> DoubleArray:
    """(q,) Spearman's footrule of the true top-k in the estimated order, divided by its value if all are absent.

    Absent neighbours have rank r. Arguments are those of `recall`; k and r are their widths.

    Fagin, Kumar & Sivakumar, Comparing top k lists, SIAM J. Discrete Math. 2003: the footrule with location
    parameter r. 0: same order. 1: none of the true top-k is among the estimated top-r, the maximum if r ≥ 2k − 1.
    For smaller r, a reversed list may exceed 1.
    """
    true_ranks = np.arange(true.shape[1])
    moved = np.abs(ranks_of(true, found) - true_ranks).sum(axis=1)
    return np.asarray(moved / (found.shape[1] - true_ranks).sum())


def ranks_of(true: DoubleArray, found: DoubleArray) -> IdArray:
    """(q, k) int64 rank of each true neighbour in the estimated order, r if absent; arguments are those of `recall`.

    Neighbours of equal score are interchangeable: the one found first takes the first of their true ranks. So the
    estimated order breaks ties in the true order, as in Fagin, Kumar, Mahdian, Sivakumar & Vee, Comparing
    partial rankings, SIAM J. Discrete Math. 2006.
    """
    return np.asarray(_ranks_of(-true, -found))


@numba.njit(cache=True)
def _ranks_of(true: Any, found: Any) -> Any:
    """`ranks_of` for ascending values; inf for a missing row."""
    k, r = true.shape[1], found.shape[1]
    ranks = np.full(true.shape, r, dtype=np.int64)
    for query in range(len(true)):
        taken = np.zeros(k, dtype=np.int64)  # of the true ranks of each value, at the first of them
        for rank in range(r):
            value = found[query, rank]
            first = np.searchsorted(true[query], value)
            if first == k or np.isinf(value):
                continue
            place = first + taken[first]
            if place < k and true[query, place] == value:
                ranks[query, place] = rank
                taken[first] += 1
    return ranks


def sum_of_scores(true: DoubleArray, found: DoubleArray) -> DoubleArray:
    """(q,) Σ true scores of the estimated top-k (q, k) over Σ true scores of the true top-k (q, k); nan over 0."""
    total = true.sum(axis=1)
    ratio = np.full(len(total), np.nan)
    np.divide(found.sum(axis=1), total, out=ratio, where=total != 0)
    return ratio


def left_out(candidates: IdArray, own_rows: IdArray) -> IdArray:
    """(q, r) candidates without the own row (q,) of each query, −1 for none; those behind it move up, −1 is last."""
    own = (candidates == own_rows[:, None]) & (own_rows[:, None] != NOT_IN_BASE)
    order = np.argsort(own, axis=1, kind="stable")
    return np.take_along_axis(np.where(own, NOT_IN_BASE, candidates), order, axis=1)


def reciprocal_rank(candidates: IdArray, relevant: Grades, k: int) -> DoubleArray:
    """(q,) 1 / rank of the first relevant row within the top k; 0 if there is none."""
    values = np.zeros(len(relevant))
    for query, grades in enumerate(relevant):
        hits = [rank for rank, row in enumerate(candidates[query, :k].tolist(), 1) if row in grades]
        values[query] = 1 / hits[0] if hits else 0.0
    return values


def ndcg(candidates: IdArray, relevant: Grades, k: int) -> DoubleArray:
    """(q,) normalised discounted cumulative gain at k, gain = relevance, discount log2(1 + rank), as in trec_eval.

    Järvelin & Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002, except for the discount,
    which is 1 for the first two ranks there.
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    values = np.zeros(len(relevant))
    for query, grades in enumerate(relevant):
        gains = np.array([grades.get(row, 0) for row in candidates[query, :k].tolist()], dtype=np.float64)
        ideal = np.sort(np.array(list(grades.values()), dtype=np.float64))[::-1][:k]
        values[query] = (gains @ discounts[: len(gains)]) / (ideal @ discounts[: len(ideal)])
    return values


def judged_recall(candidates: IdArray, relevant: Grades, k: int) -> DoubleArray:
    """(q,) share of the relevant rows within the top k."""
    found = [len(grades.keys() & set(ids)) for grades, ids in zip(relevant, candidates[:, :k].tolist(), strict=True)]
    return np.array(found, dtype=np.float64) / np.array([len(grades) for grades in relevant], dtype=np.float64)
