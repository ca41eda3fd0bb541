"""The product of rows and a matrix: a chain of fused multiply-adds, whatever comes with a row."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.kernels.matmul import NARROW, WIDE, multiply, panels_of

WIDTHS = [vectors * lanes for _, vectors, lanes in (WIDE, NARROW)]
every_width = pytest.mark.parametrize("width", WIDTHS)
sizes = st.tuples(st.integers(0, 30), st.integers(1, 60), st.integers(1, 110))


def product(rows: np.ndarray, shift: np.ndarray, matrix: np.ndarray, width: int) -> np.ndarray:
    out = np.full((len(rows), matrix.shape[1]), np.nan, np.float32)
    multiply(rows, shift, panels_of(matrix, width), out)
    return out


def case(shape: tuple[int, int, int], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n, d, e = shape
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(size).astype(np.float32) for size in ((n, d), (d,), (d, e)))


def nearest_float32(exact: Fraction) -> np.float32:
    """The float32 number nearest to a fraction, ties to even."""
    guess = np.float32(float(exact))
    near = [np.nextafter(guess, np.float32(-np.inf)), guess, np.nextafter(guess, np.float32(np.inf))]
    return min(near, key=lambda value: (abs(Fraction(float(value)) - exact), int(value.view(np.int32)) & 1))


@every_width
@settings(deadline=None, max_examples=15)
@given(shape=st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 50)), seed=st.integers(0, 1000))
def test_every_number_is_an_ascending_chain_of_fused_multiply_adds(width, shape, seed) -> None:
    rows, shift, matrix = case(shape, seed)
    found = product(rows, shift, matrix, width)
    for i, j in {(0, 0), (shape[0] - 1, shape[2] - 1), (shape[0] // 2, shape[2] // 2)}:
        total = np.float32(0)
        for k, x in enumerate(rows[i] - shift):
            total = nearest_float32(Fraction(float(total)) + Fraction(float(x)) * Fraction(float(matrix[k, j])))
        assert found[i, j] == total


@every_width
@settings(deadline=None, max_examples=40)
@given(shape=sizes, seed=st.integers(0, 1000))
def test_it_is_the_product(width, shape, seed) -> None:
    rows, shift, matrix = case(shape, seed)
    exact = (rows - shift).astype(np.float64) @ matrix.astype(np.float64)
    bound = np.abs(rows - shift).astype(np.float64) @ np.abs(matrix).astype(np.float64)
    error = np.abs(product(rows, shift, matrix, width) - exact)
    assert (error <= shape[1] * np.finfo(np.float32).eps * bound).all()


@pytest.mark.parametrize("shape", [(500, 384, 384), (250, 900, 97), (77, 1, 300)])
def test_blocks_batches_places_and_panels_do_not_matter(shape) -> None:
    rows, shift, matrix = case(shape, 7)
    whole = product(rows, shift, matrix, WIDTHS[0])
    np.testing.assert_array_equal(product(rows, shift, matrix, WIDTHS[1]), whole)
    order = np.random.default_rng(0).permutation(len(rows))
    np.testing.assert_array_equal(product(rows[order], shift, matrix, WIDTHS[0]), whole[order])
    for start in (0, 1, 9, len(rows) - 1):
        np.testing.assert_array_equal(product(rows[start : start + 1], shift, matrix, WIDTHS[1]), whole[[start]])
        np.testing.assert_array_equal(product(rows[start:], shift, matrix, WIDTHS[0]), whole[start:])
    columns = slice(shape[2] // 3, shape[2] // 2)
    np.testing.assert_array_equal(product(rows, shift, matrix[:, columns], WIDTHS[0]), whole[:, columns])


def test_one_row_that_is_not_finite_leaves_the_others_alone() -> None:
    rows, shift, matrix = case((20, 50, 60), 3)
    whole = product(rows, shift, matrix, WIDTHS[0])
    rows[4], rows[11] = np.nan, np.inf
    found = product(rows, shift, matrix, WIDTHS[0])
    assert not np.isfinite(found[[4, 11]]).any()
    others = np.delete(np.arange(20), [4, 11])
    np.testing.assert_array_equal(found[others], whole[others])
