"""Models for queries that are not distributed like the vectors: their axes, and the scores of fresh queries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.parts.principal_axes import principal_axes
from vq_benchmark.quantizers.parts.query_axes import query_axes
from vq_benchmark.quantizers.registry import get_quantizer, registered

D = 48
METHODS = [name for name, each in registered().items() if each.trains_on_queries()]


def drawn(rng: np.random.Generator, n: int, spread: np.ndarray, axes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """(n, D) Gaussian rows with a standard deviation along each axis, and a mean."""
    return ((rng.standard_normal((n, D)) * spread) @ axes + mean).astype(np.float32)


def score_error(quantizer: Quantizer, queries: np.ndarray, rows: np.ndarray) -> float:
    estimate = (
        quantizer.project_queries(queries).astype(np.float64)
        @ quantizer.decode_for_scores(quantizer.encode(rows)).astype(np.float64).T
    )
    return float(np.square(estimate - queries.astype(np.float64) @ rows.astype(np.float64).T).mean())


def world(seed: int) -> tuple[np.ndarray, ...]:
    """Vectors, training queries and fresh queries, whose axes and means differ from those of the vectors."""
    rng = np.random.default_rng(seed)
    of_rows, of_queries = (np.linalg.qr(rng.standard_normal((D, D)))[0] for _ in range(2))
    means = rng.standard_normal((2, D)) / 4
    spread, steep = np.geomspace(1, 0.2, D), np.geomspace(2, 0.05, D)
    rows = drawn(rng, 800, spread, of_rows, means[0])
    return rows, *(drawn(rng, n, steep, of_queries, means[1]) for n in (300, 60))


def test_the_segmented_methods_train_on_queries() -> None:
    assert METHODS == ["saq", "segmented-eden", "trellis"]


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31), bits=st.sampled_from([1.5, 3.0]))
def test_scores_of_fresh_queries_get_better(name: str, seed: int, bits: float) -> None:
    """`segmented-eden` keeps the axes of the vectors, so it gains by the mean of the queries alone."""
    rows, trained_on, fresh = world(seed)
    plain = get_quantizer(name, bits=bits).fit(rows)
    ours = get_quantizer(name, bits=bits).fit_for_queries(rows, trained_on)
    assert ours.code_bytes <= plain.parameters.bits_per_vector(D) // 8
    most = 1.0 if name == "segmented-eden" else 0.9
    assert score_error(ours, fresh, rows) < most * score_error(plain, fresh, rows)


@pytest.mark.parametrize("name", ["saq", "trellis"])
def test_few_queries_like_the_vectors_do_no_harm(name: str) -> None:
    """Fewer queries than dimensions: their own covariance would be far from the true one."""
    rng = np.random.default_rng(5)
    axes = np.linalg.qr(rng.standard_normal((D, D)))[0]
    rows, trained_on, fresh = (
        drawn(rng, n, np.geomspace(1, 0.1, D), axes, np.full(D, 0.2)) for n in (800, D // 2, 200)
    )
    plain = get_quantizer(name, bits=2).fit(rows)
    ours = get_quantizer(name, bits=2).fit_for_queries(rows, trained_on)
    assert score_error(ours, fresh, rows) < 1.15 * score_error(plain, fresh, rows)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), exponent=st.sampled_from([0.0, 0.5, 1.0]))
def test_both_bases_together_keep_inner_products(seed: int, exponent: float) -> None:
    rows, queries, _ = world(seed)
    vectors = principal_axes(rows)
    found = query_axes(vectors, queries, exponent)
    np.testing.assert_allclose(found.axes @ found.query_axes.T, np.eye(D), atol=1e-9)
    along = (rows - vectors.mean) @ found.axes.T
    np.testing.assert_allclose(along.T @ along / len(rows), np.diag(found.variances), atol=1e-5 * found.variances[0])
    np.testing.assert_allclose(found.mean, queries.mean(axis=0, dtype=np.float64), atol=0.05)
    if exponent == 0:
        np.testing.assert_allclose(found.variances, vectors.variances, rtol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_queries_are_enough_to_fit(count: int) -> None:
    rows, queries, fresh = world(1)
    quantizer = get_quantizer("trellis", bits=2).fit_for_queries(rows, queries[:count])
    assert np.isfinite(score_error(quantizer, fresh, rows))


@pytest.mark.parametrize("name", METHODS)
def test_the_queries_are_in_the_model(name: str) -> None:
    rows, queries, fresh = world(2)
    quantizer = get_quantizer(name, bits=3).fit_for_queries(rows, queries, seed=4)
    again = type(quantizer).from_state(quantizer.parameters, quantizer.state(), D)
    codes = quantizer.encode(rows[:100])
    for made in (again.encode(rows[:100]), np.vstack([quantizer.encode(rows[i : i + 1]) for i in range(100)])):
        np.testing.assert_array_equal(codes, made)
    np.testing.assert_array_equal(again.project_queries(fresh), quantizer.project_queries(fresh))
    np.testing.assert_array_equal(again.decode_for_scores(codes), quantizer.decode_for_scores(codes))
    norms = np.square(rows[:100], dtype=np.float64).sum(axis=1)
    np.testing.assert_allclose(quantizer.squared_norms(codes), norms, rtol=3e-3)
    assert np.square(rows[:100] - quantizer.decode(codes)).mean() < 0.2 * np.square(rows).mean()
    other = get_quantizer(name, bits=3).fit_for_queries(rows, queries[:200], seed=4)
    assert not np.array_equal(other.state()["query_centre"], quantizer.state()["query_centre"])


def test_other_methods_refuse_queries() -> None:
    rows, queries, _ = world(3)
    with pytest.raises(InputError, match="sq does not train on queries; leave out --train-queries"):
        get_quantizer("sq", bits=4).fit_for_queries(rows, queries)
