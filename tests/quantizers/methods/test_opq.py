"""Optimized product quantization: a rotation, better than none and at least as good as faiss's."""

import faiss
import numpy as np
import pytest

from vq_benchmark.quantizers.methods.opq import balanced_axes
from vq_benchmark.quantizers.registry import get_quantizer


def skewed_rows(n: int, d: int, seed: int) -> np.ndarray:
    """Correlated Gaussian rows whose spectrum falls off as a power law."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(np.random.default_rng(99).standard_normal((d, d)))[0]
    return (rng.standard_normal((n, d)) * np.arange(1, d + 1) ** -0.7 @ basis).astype(np.float32)


def mean_error(decoded: np.ndarray, rows: np.ndarray) -> float:
    return float(np.square(rows - decoded, dtype=np.float64).sum(axis=1).mean())


def test_it_is_at_least_as_good_as_faiss() -> None:
    rows = skewed_rows(4000, 24, 0)
    quantizer = get_quantizer("opq", m=6, nbits=6).fit(rows)
    ours = mean_error(quantizer.decode(quantizer.encode(rows)), rows)
    plain = get_quantizer("pq", m=6, nbits=6).fit(rows)
    transform, reference = faiss.OPQMatrix(24, 6), faiss.ProductQuantizer(24, 6, 6)
    transform.pq = reference
    transform.train(rows)
    rotated = transform.apply(rows)
    reference.train(rotated)
    theirs = mean_error(reference.decode(reference.compute_codes(rotated)), rotated)
    assert ours < 1.005 * theirs
    assert ours < 0.8 * mean_error(plain.decode(plain.encode(rows)), rows)


def test_the_model_is_a_rotation_and_scores_are_the_same_in_both_spaces() -> None:
    rows = skewed_rows(1000, 24, 1)
    quantizer = get_quantizer("opq", m=4, nbits=6).fit(rows)
    rotation = quantizer.state()["rotation"]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(24), atol=1e-5)
    codes = quantizer.encode(rows)
    scores = quantizer.project_queries(rows[:9]) @ quantizer.decode_for_scores(codes).T
    np.testing.assert_allclose(scores, rows[:9] @ quantizer.decode(codes).T, atol=1e-4)
    norms = np.square(quantizer.decode(codes)).sum(axis=1)
    np.testing.assert_allclose(quantizer.squared_norms(codes), norms, rtol=1e-4)


def test_axes_are_dealt_out_so_that_products_of_variances_are_alike() -> None:
    rows = skewed_rows(20_000, 24, 2)
    variances = (rows @ balanced_axes(rows, 4).T).var(axis=0).reshape(4, 6)
    logs = np.log(variances).sum(axis=1)
    assert np.ptp(logs) < 0.1 * np.ptp(np.log(np.sort(variances.ravel())[::-1].reshape(4, 6)).sum(axis=1))


@pytest.mark.parametrize("spread", [np.zeros(8), np.r_[1.0, np.zeros(7)]])
def test_axes_of_rows_without_spread_are_still_a_rotation(spread: np.ndarray) -> None:
    rows = (np.random.default_rng(3).standard_normal((50, 8)) * spread + 1).astype(np.float32)
    axes = balanced_axes(rows, 4)
    np.testing.assert_allclose(axes @ axes.T, np.eye(8), atol=1e-5)
