"""Ranking metrics: known answers and independent implementations."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from vq_benchmark.evaluation import ranking

generators = st.integers(0, 2**32).map(np.random.default_rng)


Case = tuple[np.ndarray, np.ndarray, np.ndarray]


def many_ties(rng: np.random.Generator, n: int, k: int, r: int) -> Case:
    """Exact scores (n,) of a base with few distinct ones, those of the true top-k, and an answer of r ids."""
    scores = rng.integers(4, size=n).astype(np.float64)
    return scores, np.sort(scores)[::-1][:k], rng.permutation(n)[:r]


@given(generators, st.integers(1, 12), st.integers(1, 25))
def test_recall_counts_rows_that_tie_with_or_beat_the_kth_neighbour(rng: np.random.Generator, k: int, r: int) -> None:
    scores, true, answer = many_ties(rng, 30, k, r)
    nearer_or_tied = {row for row in range(30) if np.count_nonzero(scores > scores[row]) < k}
    expected = min(k, len(nearer_or_tied & set(answer.tolist()))) / k
    assert ranking.recall(true[None], scores[answer][None], k, r).tolist() == [expected]


@given(generators, st.integers(1, 12), st.integers(1, 25))
def test_without_ties_recall_is_that_of_ids(rng: np.random.Generator, k: int, r: int) -> None:
    scores, answer = rng.permutation(40).astype(np.float64), rng.permutation(40)[:r]
    true = np.argsort(-scores)[:k]
    expected = len(set(true.tolist()) & set(answer.tolist())) / k
    assert ranking.recall(scores[true][None], scores[answer][None], k, r).tolist() == [expected]


def test_places_without_a_row_find_nothing() -> None:
    true, found = np.array([[5.0, -np.inf]]), np.array([[5.0, -np.inf, -np.inf]])
    assert ranking.recall(true, found, 2, 3).tolist() == [0.5]
    assert ranking.ranks_of(true, found).tolist() == [[0, 3]]


@given(generators, st.integers(1, 8), st.integers(8, 25))
def test_rank_distortion_is_the_footrule_with_ties_broken_by_the_answer(
    rng: np.random.Generator, k: int, r: int
) -> None:
    scores, true, answer = many_ties(rng, 40, k, r)
    rank = {row: place for place, row in enumerate(answer.tolist())}
    order = sorted(range(40), key=lambda row: (-scores[row], rank.get(row, r)))[:k]
    moved = [abs(rank.get(row, r) - place) for place, row in enumerate(order)]
    worst = [r - place for place in range(k)]
    value = ranking.rank_distortion(true[None], scores[answer][None])[0]
    assert value == pytest.approx(sum(moved) / sum(worst), rel=1e-15)
    assert value <= (1 if r >= 2 * k - 1 else 2)


@settings(max_examples=30, deadline=None)
@given(generators, st.integers(1, 6))
def test_of_whole_orders_it_is_the_least_footrule_of_all_that_break_the_ties(
    rng: np.random.Generator, n: int
) -> None:
    scores, true, answer = many_ties(rng, n, n, n)
    rank = np.argsort(answer)
    least = min(
        np.abs(rank[list(order)] - np.arange(n)).sum()
        for order in itertools.permutations(range(n))
        if (scores[list(order)] == true).all()
    )
    moved = np.abs(ranking.ranks_of(true[None], scores[answer][None]) - np.arange(n)).sum()
    assert moved == least


def test_rank_distortion_at_its_ends() -> None:
    scores = -np.arange(19.0)[None]
    assert ranking.rank_distortion(scores[:, :5], scores[:, :9]).tolist() == [0.0]
    assert ranking.rank_distortion(scores[:, :5], scores[:, 10:19]).tolist() == [1.0]


def test_sum_of_scores() -> None:
    ratios = ranking.sum_of_scores(
        np.array([[3.0, 1.0], [-2.0, -2.0], [0, 0]]), np.array([[2.0, 1], [-3, -2], [0, 1]])
    )
    np.testing.assert_array_equal(ratios, [0.75, 1.25, np.nan])


@pytest.mark.parametrize(("answer", "expected"), [([9, 4, 5], 1 / 2), ([4, 5], 1), ([9, 8, 7, 4], 0), ([-1], 0)])
def test_reciprocal_rank(answer: list[int], expected: float) -> None:
    assert ranking.reciprocal_rank(np.array([answer]), [{4: 1, 5: 3}], 3).tolist() == [expected]


@settings(max_examples=50, deadline=None)
@given(generators, st.integers(2, 30), st.integers(1, 12))
def test_ndcg_is_that_of_sklearn(rng: np.random.Generator, rows: int, k: int) -> None:
    grades = rng.integers(0, 4, size=(3, rows))
    grades[:, 0] = 1
    answers = np.stack([rng.permutation(rows) for _ in range(3)])
    estimated = np.empty((3, rows))
    np.put_along_axis(estimated, answers, np.arange(rows, 0, -1.0)[None], axis=1)
    relevant = [{row: int(grade) for row, grade in enumerate(line) if grade} for line in grades]
    expected = [ndcg_score(g[None], e[None], k=k) for g, e in zip(grades, estimated, strict=True)]
    np.testing.assert_allclose(ranking.ndcg(answers, relevant, k), expected, rtol=1e-12)


@given(generators, st.integers(1, 30), st.integers(1, 12))
def test_judged_recall_is_the_share_of_relevant_rows(rng: np.random.Generator, k: int, relevant: int) -> None:
    answer, rows = rng.permutation(30), rng.permutation(40)[:relevant].tolist()
    share = np.isin(rows, answer[:k]).mean()
    assert ranking.judged_recall(answer[None], [dict.fromkeys(rows, 1)], k).tolist() == [pytest.approx(share)]


def test_ndcg_of_fewer_answers_than_asked_for() -> None:
    assert ranking.ndcg(np.array([[7, -1, -1]]), [{7: 2}], 10).tolist() == [1.0]
