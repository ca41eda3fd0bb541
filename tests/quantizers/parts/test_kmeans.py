"""k-means for product codes, against brute force and against faiss."""

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.parts.kmeans import nearest_entries, refine_codebooks, split, train_codebooks, transposed


def nearest_by_brute_force(vectors: np.ndarray, codebooks: np.ndarray) -> np.ndarray:
    parts = split(vectors, len(codebooks)).astype(np.float64)
    squared = np.square(parts[:, :, None, :] - codebooks[:, None, :, :]).sum(axis=3)
    return squared.argmin(axis=2).T


def quantization_error(vectors: np.ndarray, codebooks: np.ndarray) -> float:
    entries = nearest_entries(vectors, transposed(codebooks))
    decoded = codebooks[np.arange(len(codebooks)), entries].reshape(vectors.shape)
    return float(np.square(vectors - decoded, dtype=np.float64).sum())


@settings(deadline=None, max_examples=40)
@given(
    m=st.integers(1, 5), width=st.integers(1, 18), nbits=st.integers(4, 6), n=st.integers(0, 150), seed=st.integers(0)
)
def test_entries_are_the_nearest(m: int, width: int, nbits: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, m * width)).astype(np.float32)
    codebooks = rng.standard_normal((m, 1 << nbits, width)).astype(np.float32)
    found = nearest_entries(vectors, transposed(codebooks))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, nearest_by_brute_force(vectors, codebooks))


def test_far_from_the_origin_entries_are_still_the_nearest() -> None:
    rng = np.random.default_rng(0)
    vectors = (1e4 + rng.standard_normal((200, 8))).astype(np.float32)
    codebooks = (1e4 + rng.standard_normal((2, 16, 4))).astype(np.float32)
    found = nearest_entries(vectors, transposed(codebooks))
    np.testing.assert_array_equal(found, nearest_by_brute_force(vectors, codebooks))


def test_of_equal_entries_the_first_is_taken() -> None:
    codebooks = np.repeat(np.arange(8, dtype=np.float32), 2).reshape(1, 16, 1)
    found = nearest_entries(np.arange(8, dtype=np.float32)[:, None], transposed(codebooks))
    np.testing.assert_array_equal(found[:, 0], 2 * np.arange(8))


def test_one_round_moves_each_entry_to_the_mean_of_its_rows() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((500, 6)).astype(np.float32)
    start = np.ascontiguousarray(split(vectors, 2)[:, :16])
    refined = refine_codebooks(split(vectors, 2), start, 1)
    entries = nearest_by_brute_force(vectors, start)
    for j in range(2):
        part = vectors[:, 3 * j : 3 * j + 3].astype(np.float64)
        means = np.stack([part[entries[:, j] == t].mean(axis=0) for t in range(16)])
        np.testing.assert_allclose(refined[j], means, rtol=1e-6, atol=1e-7)


def test_more_rounds_never_hurt() -> None:
    vectors = np.random.default_rng(2).standard_normal((2000, 12)).astype(np.float32)
    codebooks = np.ascontiguousarray(split(vectors, 3)[:, :64])
    errors = [quantization_error(vectors, codebooks)]
    for _ in range(10):
        codebooks = refine_codebooks(split(vectors, 3), codebooks, 1)
        errors.append(quantization_error(vectors, codebooks))
    assert errors == sorted(errors, reverse=True)


def test_an_entry_without_rows_is_put_to_use() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((600, 2)).astype(np.float32)
    useless = np.full((1, 16, 2), 1e3, np.float32)
    useless[0, 0] = 0
    refined = refine_codebooks(split(vectors, 1), useless, 25)
    assert len(np.unique(nearest_entries(vectors, transposed(refined)))) == 16


@pytest.mark.parametrize(("m", "nbits"), [(4, 8), (8, 8), (16, 6), (32, 4)])
def test_the_error_is_at_most_that_of_faiss(m: int, nbits: int) -> None:
    rng = np.random.default_rng(4)
    vectors = (rng.standard_normal((4000, 32)) @ (rng.standard_normal((32, 32)) / 5)).astype(np.float32)
    reference = faiss.ProductQuantizer(32, m, nbits)
    reference.train(vectors)
    theirs = faiss.vector_to_array(reference.centroids).reshape(m, 1 << nbits, -1)
    ours = train_codebooks(vectors, m, nbits, seed=0)
    assert quantization_error(vectors, ours) < 1.005 * quantization_error(vectors, theirs)
