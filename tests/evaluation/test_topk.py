"""The best rows of each query: against brute force in float64, whatever the split, the order, and the numbers."""

from itertools import pairwise

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.evaluation.offers import _proposed
from vq_benchmark.evaluation.scores import Scores, scores_of
from vq_benchmark.evaluation.topk import NO_ID, TopCandidates


def brute_force(
    queries: np.ndarray, vectors: np.ndarray, metric: Distance, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ids and float64 scores (q, size) of the best rows, padded as `TopCandidates` is."""
    queries, vectors = queries.astype(np.float64), vectors.astype(np.float64)
    scores = queries @ vectors.T
    if metric == "l2":
        scores = 2 * scores - (vectors * vectors).sum(axis=1)
    order = np.lexsort((np.broadcast_to(np.arange(len(vectors)), scores.shape), -scores), axis=1)[:, :size]
    missing = size - order.shape[1]
    best = np.take_along_axis(scores, order, axis=1)
    return (
        np.pad(order, ((0, 0), (0, missing)), constant_values=NO_ID),
        np.pad(best, ((0, 0), (0, missing)), constant_values=-np.inf),
    )


def offered(
    queries: np.ndarray, vectors: np.ndarray, metric: Distance, size: int, cuts: list[int], tile: int
) -> TopCandidates:
    """The candidates after offering all rows in tiles, each in the parts that the cuts make, later parts first."""
    top = TopCandidates.empty(len(queries), size)
    edges = sorted({0, len(vectors), *(cut for cut in cuts if cut < len(vectors))})
    for start, stop in reversed(list(pairwise(edges))):
        for first in range(start // tile * tile, stop, tile):
            scores = scores_of(queries, vectors[first : first + tile], metric)
            inside = slice(max(start - first, 0), min(stop - first, len(scores.vectors)))
            top.offer(first + np.arange(len(scores.vectors)), inside, scores, scores)
    return top


def whole_numbers(rng: np.random.Generator, rows: int, d: int, largest: int) -> np.ndarray:
    """Few distinct whole numbers: products are exact in float64, and ties and duplicates abound."""
    return rng.integers(-largest, largest + 1, size=(rows, d)).astype(np.float32)


generators = st.integers(0, 2**32).map(np.random.default_rng)


@settings(max_examples=40, deadline=None)
@given(
    generators,
    st.sampled_from(DISTANCES),
    st.integers(1, 400),
    st.integers(1, 12),
    st.sampled_from([1, 3, 1000]),
    st.lists(st.integers(1, 400), max_size=5),
    st.sampled_from([7, 64, 100]),
)
def test_any_split_gives_the_brute_force_answer(
    rng: np.random.Generator, metric: Distance, rows: int, size: int, largest: int, cuts: list[int], tile: int
) -> None:
    vectors, queries = whole_numbers(rng, rows, 3, largest), whole_numbers(rng, 3, 3, 3)
    top = offered(queries, vectors, metric, size, cuts, tile)
    ids, scores = brute_force(queries, vectors, metric, size)
    np.testing.assert_array_equal(top.ids, ids)
    np.testing.assert_array_equal(top.scores, scores)
    np.testing.assert_array_equal(top.exact, scores)


@settings(max_examples=40, deadline=None)
@given(generators, st.sampled_from(DISTANCES), st.integers(1, 400), st.integers(1, 12))
def test_any_merge_order_gives_the_same_bits(
    rng: np.random.Generator, metric: Distance, rows: int, size: int
) -> None:
    vectors, queries = whole_numbers(rng, rows, 2, 2), whole_numbers(rng, 3, 2, 2)
    owner = rng.integers(4, size=rows // 10 + 1)
    parts = [TopCandidates.empty(3, size) for _ in range(4)]
    for tile, part in enumerate(owner):
        scores = scores_of(queries, vectors[tile * 10 : tile * 10 + 10], metric)
        parts[part].offer(tile * 10 + np.arange(len(scores.vectors)), slice(0, len(scores.vectors)), scores, scores)
    a, b, c, d = (parts[number] for number in rng.permutation(4))
    # ((a + b) + (c + d)): neither the order nor the grouping of a single stream.
    a.merge(b)
    c.merge(d)
    a.merge(c)
    ids, scores_expected = brute_force(queries, vectors, metric, size)
    np.testing.assert_array_equal(a.ids, ids)
    assert a.scores.tobytes() == a.exact.tobytes() == scores_expected.tobytes()


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("offset", [0.0, 1.0, 1000.0, 65536.0])
def test_near_ties_below_float32_are_in_the_order_of_float64(metric: Distance, offset: float) -> None:
    rng = np.random.default_rng(7)
    # Multiples of 1/64 below 2**17 are exact in float32, and so are their products' sums in float64.
    vectors = (offset + rng.integers(-2, 3, size=(3000, 16)) / 64).astype(np.float32)
    queries = (offset + rng.integers(-64, 65, size=(6, 16)) / 64).astype(np.float32)
    top = offered(queries, vectors, metric, 50, [1234], tile=512)
    ids, scores = brute_force(queries, vectors, metric, 50)
    np.testing.assert_array_equal(top.ids, ids)
    np.testing.assert_array_equal(top.scores, scores)
    if offset >= 1000:
        single = queries @ vectors.T
        assert any(
            (np.argsort(-row, kind="stable")[:50] != best).any() for row, best in zip(single, ids, strict=True)
        )


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("exponent", [-140, -75, -63, 0, 63, 75, 120])
def test_numbers_whose_products_float32_cannot_hold(metric: Distance, exponent: int) -> None:
    rng = np.random.default_rng(3)
    vectors = np.ldexp(rng.integers(-8, 9, size=(1000, 8)), exponent).astype(np.float32)
    queries = np.ldexp(rng.integers(-8, 9, size=(4, 8)), exponent).astype(np.float32)
    top = offered(queries, vectors, metric, 10, [333], tile=256)
    ids, scores = brute_force(queries, vectors, metric, 10)
    np.testing.assert_array_equal(top.ids, ids)
    np.testing.assert_array_equal(top.scores, scores)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float32, (40, 5), elements=st.floats(-1e4, 1e4, width=32)),
    hnp.arrays(np.float32, (3, 5), elements=st.floats(-1e4, 1e4, width=32)),
    st.sampled_from(DISTANCES),
)
def test_the_rounding_bound_covers_float32_products(
    vectors: np.ndarray, queries: np.ndarray, metric: Distance
) -> None:
    scores = scores_of(queries, vectors, metric)
    exact = scores.factor * (queries.astype(np.float64) @ vectors.T.astype(np.float64)) - scores.offsets
    for product in (queries @ vectors.T, sum_of_columns(queries, vectors)):
        single = scores.factor * product.astype(np.float64) - scores.offsets
        assert (np.abs(single - exact) <= scores.rounding_bound()[:, None]).all()


def sum_of_columns(queries: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The float32 product with one dimension after the other, the worst order of summation."""
    total = np.zeros((len(queries), len(vectors)), dtype=np.float32)
    for column in range(queries.shape[1]):
        total += queries[:, column, None] * vectors[None, :, column]
    return total


def test_estimated_scores_choose_and_exact_scores_come_along() -> None:
    rng = np.random.default_rng(0)
    vectors, queries = rng.integers(-9, 10, size=(500, 4)), rng.integers(-9, 10, size=(3, 4))
    exact = scores_of(queries.astype(np.float32), vectors.astype(np.float32), "l2")
    estimated = Scores(
        queries[:, :2].astype(np.float32), vectors[:, :2].astype(np.float32), 2.0, np.arange(500.0) / 4
    )
    top = TopCandidates.empty(3, 20)
    top.offer(1000 + np.arange(len(exact.vectors)), slice(100, 450), estimated, exact)
    by_estimate = 2 * queries[:, :2] @ vectors[100:450, :2].T - np.arange(100.0, 450.0) / 4
    rows = np.lexsort((np.broadcast_to(np.arange(350), by_estimate.shape), -by_estimate), axis=1)[:, :20] + 100
    np.testing.assert_array_equal(top.ids, rows + 1000)
    by_truth = 2 * queries @ vectors.T - (vectors**2).sum(axis=1)
    np.testing.assert_array_equal(top.exact, np.take_along_axis(by_truth, rows, axis=1))


def test_more_queries_than_one_product_takes() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.integers(-3, 4, size=(100, 3)).astype(np.float32)
    queries = rng.integers(-3, 4, size=(2500, 3)).astype(np.float32)
    ids, _ = brute_force(queries, vectors, "ip", 5)
    np.testing.assert_array_equal(offered(queries, vectors, "ip", 5, [], tile=100).ids, ids)


def test_merging_candidates_of_another_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        TopCandidates.empty(3, 5).merge(TopCandidates.empty(3, 6))
    with pytest.raises(ValueError, match="shape"):
        TopCandidates.empty(3, 5).merge(TopCandidates.empty(2, 5))


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("size", [1, 40, 600])
def test_threads_do_not_change_a_bit(metric: Distance, size: int) -> None:
    rng = np.random.default_rng(1)
    vectors, queries = rng.standard_normal((1500, 24), np.float32), rng.standard_normal((130, 24), np.float32)
    before = numba.get_num_threads()
    found = []
    try:
        for count in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(count)
            found.append(offered(queries, vectors, metric, size, [], tile=1500))
    finally:
        numba.set_num_threads(before)
    ids, _ = brute_force(queries, vectors, metric, size)
    for top in found:
        assert top.scores.tobytes() == found[0].scores.tobytes()
        np.testing.assert_array_equal(top.ids, ids)


@pytest.mark.parametrize("rows", [700, 4096])
def test_only_rows_that_may_stay_are_scored_in_float64(rows: int) -> None:
    rng = np.random.default_rng(2)
    products, size = rng.standard_normal(rows, np.float32), 50
    kept, none = np.full(size, -np.inf), np.zeros(rows)
    found, scores, pool = np.empty(rows, np.int64), np.empty(rows), np.empty(size + rows)
    count = _proposed(kept, products, 1.0, none, none.astype(np.float32), 1e-6, 1e-6, 0, rows, found, scores, pool)
    assert set(np.argsort(-products)[:size]) <= set(found[:count])
    assert count <= size + 1
