"""Metrics of a ranking: per-query values from the true and the estimated neighbours. Formulas in docs/METRICS.md."""

from collections.abc import Callable

import numpy as np

from vq_benchmark.arrays import DoubleArray, IdArray
from vq_benchmark.evaluation.top_candidates import NO_ID

Grades = list[dict[int, int]]
"""Per query the relevance of the relevant base rows: at least one, and all above 0."""
JudgedMeasure = Callable[[IdArray, Grades, int], DoubleArray]
"""(q,) values from candidates (q, r) best first, their judgements, and how many of the first candidates count."""


def ranks_in(candidates: IdArray, wanted: IdArray) -> IdArray:
    """(q, k) position of each wanted id among the query's candidates (q, r), first occurrence; r where absent."""
    r = candidates.shape[1]
    ranks = np.full(wanted.shape, r, dtype=np.int64)
    for query in range(len(wanted)):
        ids, first = np.unique(candidates[query], return_index=True)
        place = np.minimum(np.searchsorted(ids, wanted[query]), len(ids) - 1)
        found = (ids[place] == wanted[query]) & (wanted[query] != NO_ID)
        ranks[query] = np.where(found, first[place], r)
    return ranks


def recall(ranks: IdArray, k: int, r: int) -> DoubleArray:
    """(q,) share of the true top-k found in the estimated top-r; ranks (q, >= k) come from `ranks_in`."""
    return np.asarray((ranks[:, :k] < r).mean(axis=1))


def rank_distortion(ranks: IdArray, r: int) -> DoubleArray:
    """(q,) Spearman's footrule of the true top-k in the estimated order, absent items at rank r, over its value
    where all are absent.

    Fagin, Kumar & Sivakumar, Comparing top k lists, SIAM J. Discrete Math. 2003: the footrule with location
    parameter r. 0: same order. 1: none of the true top-k among the estimated top-r, which is the most that it can
    be if r ≥ 2k − 1; of shorter lists, a reversed one may be over 1.
    """
    k = ranks.shape[1]
    true_ranks = np.arange(k)
    return np.asarray(np.abs(ranks - true_ranks).sum(axis=1) / (r - true_ranks).sum())


def sum_of_scores(true: DoubleArray, found: DoubleArray) -> DoubleArray:
    """(q,) Σ true scores of the estimated top-k (q, k) over Σ true scores of the true top-k (q, k); nan over 0."""
    total = true.sum(axis=1)
    ratio = np.full(len(total), np.nan)
    np.divide(found.sum(axis=1), total, out=ratio, where=total != 0)
    return ratio


def reciprocal_rank(candidates: IdArray, relevant: Grades, k: int) -> DoubleArray:
    """(q,) 1 / rank of the first relevant row within the top k, 0 where there is none."""
    values = np.zeros(len(relevant))
    for query, grades in enumerate(relevant):
        hits = [rank for rank, row in enumerate(candidates[query, :k].tolist(), 1) if row in grades]
        values[query] = 1 / hits[0] if hits else 0.0
    return values


def ndcg(candidates: IdArray, relevant: Grades, k: int) -> DoubleArray:
    """(q,) normalised discounted cumulative gain at k, gain = relevance, discount log2(1 + rank), as in trec_eval.

    Järvelin & Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002, but for the discount, which
    there is 1 for the first two ranks.
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
