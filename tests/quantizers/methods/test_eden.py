"""EDEN: known distortions, unbiased scores, and faiss's EDEN on the same rows."""

import faiss
import numpy as np
import pytest

from vq_benchmark.quantizers.parts.lloyd_max import lloyd_max
from vq_benchmark.quantizers.registry import get_quantizer

D = 384


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(7).standard_normal((20_000, D)).astype(np.float32)


def relative_error(rows: np.ndarray, decoded: np.ndarray) -> float:
    return float(np.square(rows - decoded, dtype=np.float64).sum() / np.square(rows, dtype=np.float64).sum())


@pytest.mark.parametrize("scale", ["biased", "unbiased"])
@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_the_distortion_is_that_of_lloyd_max(rows: np.ndarray, bits: int, scale: str) -> None:
    quantizer = get_quantizer("eden", bits=bits, scale=scale).fit(rows)
    error = relative_error(rows, quantizer.decode(quantizer.encode(rows)))
    # a row's own norm is known, so the error is that of a sphere: smaller than the Gaussian's by up to 1.5 %
    assert 0.985 < error / lloyd_max(bits).distortion < 1.005


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_error_is_that_of_faiss(rows: np.ndarray, bits: int) -> None:
    quantizer = get_quantizer("eden", bits=bits, scale="biased").fit(rows)
    ours = relative_error(rows, quantizer.decode(quantizer.encode(rows)))
    assert ours == pytest.approx(relative_error(rows, faiss_eden(rows, bits)), rel=0.005)


def faiss_eden(rows: np.ndarray, bits: int) -> np.ndarray:
    index = faiss.index_factory(rows.shape[1], f"EDEN{bits}")
    index.scale_type = faiss.EDENScaleType_BIASED
    index.train(rows)
    return index.sa_decode(index.sa_encode(rows))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_scores_are_unbiased(rows: np.ndarray, bits: int) -> None:
    queries = rows[:200] + np.random.default_rng(1).standard_normal((200, D)).astype(np.float32)
    errors, slopes = [], []
    for seed in range(8):
        quantizer = get_quantizer("eden", bits=bits).fit(rows, seed=seed)
        codes = quantizer.encode(rows[:4000])
        estimate = quantizer.project_queries(queries).astype(np.float64) @ quantizer.decode_for_scores(codes).T
        exact = queries.astype(np.float64) @ rows[:4000].T
        errors.append((estimate - exact).mean())
        slopes.append((estimate * exact).sum() / (exact * exact).sum())
    assert np.mean(slopes) == pytest.approx(1, abs=0.005)
    assert abs(np.mean(errors)) < 3 * np.std(errors, ddof=1) / np.sqrt(len(errors))


def test_the_estimated_norms_are_close(rows: np.ndarray) -> None:
    shifted = rows[:2000] + np.float32(0.3)
    for scale in ("biased", "unbiased"):
        quantizer = get_quantizer("eden", bits=4, scale=scale).fit(shifted)
        norms = quantizer.squared_norms(quantizer.encode(shifted))
        np.testing.assert_allclose(norms, np.square(shifted, dtype=np.float64).sum(axis=1), rtol=0.06)
