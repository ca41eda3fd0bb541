"""Rotations: orthogonal, invertible, mixing, and the same for any batch and number of threads."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from vq_benchmark.quantizers.parts.rotations import DenseRotation, random_orthogonal, seeded_rotation

KINDS = ["hadamard", "qr"]


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=25)
@given(d=st.integers(1, 200), seed=st.integers(0, 2**40))
def test_forward_is_orthogonal_and_inverse_undoes_it(kind: str, d: int, seed: int) -> None:
    rotation = seeded_rotation(kind, d, seed)
    matrix = rotation.forward(np.eye(d, dtype=np.float32), np.zeros(d, np.float32))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(d), atol=3e-6)

    rng = np.random.default_rng(seed)
    vectors, shift = (rng.standard_normal(shape).astype(np.float32) for shape in ((5, d), (d,)))
    rotated = rotation.forward(vectors, shift)
    np.testing.assert_allclose(rotated, (vectors - shift) @ matrix, atol=2e-5)
    np.testing.assert_allclose(rotation.inverse(rotated, shift), vectors, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [255, 384, 768])
def test_one_nonzero_entry_becomes_nearly_gaussian(kind: str, d: int) -> None:
    matrix = seeded_rotation(kind, d, 0).forward(np.eye(d, dtype=np.float32), np.zeros(d, np.float32))
    assert (matrix**4).mean() * d * d == pytest.approx(3, abs=0.12)  # the kurtosis of a Gaussian
    assert np.abs(matrix).max() * np.sqrt(d) < 6.5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [3, 37, 100, 130, 384])
def test_a_row_does_not_depend_on_the_batch_or_the_threads(kind: str, d: int) -> None:
    vectors = np.random.default_rng(1).standard_normal((70, d)).astype(np.float32)
    shift = vectors[0].copy()
    rotation = seeded_rotation(kind, d, 0)
    whole = rotation.forward(vectors, shift)
    back = rotation.inverse(whole, shift)
    threads = numba.get_num_threads()
    try:
        for count in {1, threads}:
            numba.set_num_threads(count)
            with threadpool_limits(count, user_api="blas"):
                for size in (1, 7, 69):
                    parts = [slice(start, start + size) for start in range(0, 70, size)]
                    np.testing.assert_array_equal(
                        np.concatenate([rotation.forward(vectors[part], shift) for part in parts]), whole
                    )
                    np.testing.assert_array_equal(
                        np.concatenate([rotation.inverse(whole[part], shift) for part in parts]), back
                    )
    finally:
        numba.set_num_threads(threads)


def test_a_matrix_with_fewer_rows_projects() -> None:
    matrix = random_orthogonal(50, 3)[:20].astype(np.float32)
    vectors = np.random.default_rng(0).standard_normal((9, 50)).astype(np.float32)
    shift = vectors[0].copy()
    projected = DenseRotation(matrix).forward(vectors, shift)
    np.testing.assert_allclose(projected, (vectors - shift) @ matrix.T, atol=1e-5)
    np.testing.assert_allclose(DenseRotation(matrix).inverse(projected, shift), projected @ matrix + shift, atol=1e-5)


def test_seeds_give_different_rotations_and_the_same_seed_the_same() -> None:
    first, again, other = (random_orthogonal(16, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_a_rotation_is_independent_of_data_drawn_from_the_same_seed() -> None:
    data = np.random.default_rng(5).standard_normal((64, 64)).astype(np.float32)
    rotated = seeded_rotation("qr", 64, 5).forward(data, np.zeros(64, np.float32))
    assert np.abs(rotated).max() < 6  # the QR of the data itself would leave a triangle
