"""Ranking metrics: known answers and independent implementations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from vq_benchmark.evaluation import ranking

generators = st.integers(0, 2**32).map(np.random.default_rng)


@given(generators, st.integers(1, 12), st.integers(1, 20))
def test_ranks_are_the_first_places(rng: np.random.Generator, k: int, r: int) -> None:
    candidates, wanted = rng.integers(-1, 15, size=(4, r)), rng.integers(-1, 15, size=(4, k))
    ranks = ranking.ranks_in(candidates, wanted)
    for row in range(4):
        listed = candidates[row].tolist()
        for place, item in enumerate(wanted[row].tolist()):
            assert ranks[row, place] == (listed.index(item) if item != -1 and item in listed else r)


@given(generators, st.integers(1, 10), st.integers(1, 30))
def test_recall_counts_each_item_once(rng: np.random.Generator, k: int, r: int) -> None:
    true = np.stack([rng.permutation(40)[:k] for _ in range(5)])
    answer = rng.integers(40, size=(5, 30))  # with duplicates
    expected = [len(set(t) & set(a[:r])) / k for t, a in zip(true.tolist(), answer.tolist(), strict=True)]
    np.testing.assert_allclose(ranking.recall(ranking.ranks_in(answer, true), k, r), expected, rtol=1e-15)


def test_an_answer_of_one_item_repeated_has_found_one_item() -> None:
    answer = np.full((1, 10), 3)
    ranks = ranking.ranks_in(answer, np.arange(10)[None])
    assert ranking.recall(ranks, 10, 10).tolist() == [0.1]


def test_missing_ids_are_not_found_in_each_other() -> None:
    ranks = ranking.ranks_in(np.array([[0, -1, -1]]), np.array([[0, -1]]))
    assert ranks.tolist() == [[0, 3]]


@given(generators, st.integers(1, 8), st.integers(8, 25))
def test_rank_distortion_is_the_footrule(rng: np.random.Generator, k: int, r: int) -> None:
    true, answer = rng.permutation(40)[:k], rng.permutation(40)[:r]
    moved = [abs((answer.tolist().index(item) if item in answer else r) - place) for place, item in enumerate(true)]
    worst = [r - place for place in range(k)]
    ranks = ranking.ranks_in(answer[None], true[None])
    assert ranking.rank_distortion(ranks, r)[0] == pytest.approx(sum(moved) / sum(worst), rel=1e-15)
    assert ranking.rank_distortion(ranks, r)[0] <= (1 if r >= 2 * k - 1 else 2)


def test_rank_distortion_at_its_ends() -> None:
    true = np.arange(5)[None]
    assert ranking.rank_distortion(ranking.ranks_in(np.arange(9)[None], true), 9).tolist() == [0.0]
    assert ranking.rank_distortion(ranking.ranks_in(np.arange(10, 19)[None], true), 9).tolist() == [1.0]


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
