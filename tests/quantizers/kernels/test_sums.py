"""Sums in a fixed order: lanes, halves, and the rest, whatever the processor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numba.core.errors import TypingError

from vq_benchmark.quantizers.kernels.orthogonal import orthonormalise
from vq_benchmark.quantizers.kernels.rows import row_dots, row_norms, row_squares, squared_length
from vq_benchmark.quantizers.kernels.sums import dot, dot64, dot_and_square, fma

LANES = 32


@njit
def dots(a, b):
    return dot(a, b), dot64(a, b), dot_and_square(a, b)


@njit
def fused(a, b, c):
    return fma(a, b, c)


def in_order(a: np.ndarray, b: np.ndarray) -> float:
    """The sum of products of small integers times powers of two, added in float64 in the documented order, with one
    rounding to float32 after each addition, as a fused multiply-add has: the products here are exact."""
    whole = a.size // LANES * LANES
    lanes = np.zeros(LANES, np.float32)
    for start in range(0, whole, LANES):
        part = slice(start, start + LANES)
        lanes = (lanes.astype(np.float64) + a[part].astype(np.float64) * b[part]).astype(np.float32)
    while lanes.size > 1:
        lanes = lanes[: lanes.size // 2] + lanes[lanes.size // 2 :]
    total = lanes[0]
    for j in range(whole, a.size):
        total = np.float32(float(total) + float(a[j]) * float(b[j]))
    return float(total)


@settings(deadline=None, max_examples=60)
@given(size=st.integers(0, 200), seed=st.integers(0, 10_000))
def test_float32_sums_are_in_the_documented_order(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # 10 bits each, so that a float64 sum of a float32 number and a product is exact before it is rounded once
    a, b = (np.ldexp(rng.integers(-512, 512, size), rng.integers(-6, 6, size)).astype(np.float32) for _ in range(2))
    single, double, (product, square) = dots(a, b)
    assert single == product == in_order(a, b)
    assert square == in_order(a, a)
    assert double == pytest.approx(a.astype(np.float64) @ b.astype(np.float64), rel=1e-12, abs=1e-12)


def test_a_fused_multiply_add_rounds_once() -> None:
    x = np.float32(1 + 2**-12)
    assert fused(x, x, np.float32(-(1 + 2**-11))) == np.float32(2**-24)


def test_arrays_with_gaps_are_refused() -> None:
    with pytest.raises(TypingError, match="contiguous"):
        dots(np.zeros(8, np.float32)[::2], np.zeros(8, np.float32)[::2])


@pytest.mark.parametrize("d", [1, 31, 33, 100])
def test_sums_over_rows(d: int) -> None:
    rows = np.random.default_rng(d).standard_normal((9, d)).astype(np.float32)
    shift, wide = rows[3].copy(), rows.astype(np.float64)
    np.testing.assert_allclose(row_dots(rows, shift), wide @ wide[3], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(row_dots(np.asfortranarray(rows), shift), row_dots(rows, shift))
    np.testing.assert_allclose(row_norms(rows, shift), np.linalg.norm((rows - shift).astype(np.float64), axis=1))
    np.testing.assert_allclose(row_squares(rows), (wide * wide).sum(axis=1))
    assert squared_length(rows[2]) == row_squares(rows)[2]


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (70, 70), (33, 40)])
def test_gram_schmidt(shape: tuple[int, int]) -> None:
    rows = np.random.default_rng(1).standard_normal(shape)
    made = rows.copy()
    orthonormalise(made)
    np.testing.assert_allclose(made @ made.T, np.eye(shape[0]), atol=1e-12)
    triangle = rows @ made.T
    np.testing.assert_allclose(np.triu(triangle, 1), 0, atol=1e-12)
    assert (np.diag(triangle) > 0).all()
