"""Compare the answers of a real engine with the scores of a quantizer."""

import numpy as np

from vq_benchmark.quantizers.base import Quantizer

K = 10


def scores_of(quantizer: Quantizer, base: np.ndarray, queries: np.ndarray, *, l2: bool = False) -> np.ndarray:
    """(q, n) float64 scores by a fitted quantizer, as a pass has them."""
    codes = quantizer.encode(base)
    products = quantizer.project_queries(queries).astype(np.float64) @ quantizer.decode_for_scores(codes).T.astype(
        float
    )
    return 2 * products - quantizer.squared_norms(codes) if l2 else products


def assert_same_answers(scores: np.ndarray, answers: np.ndarray, *, rounding: float = 1e-6) -> None:
    """Answers (q, k) of an engine are the best k by scores (q, n), up to ties and the rounding of float32 scores."""
    best = -np.sort(-scores, axis=1)[:, : answers.shape[1]]
    found = np.take_along_axis(scores, answers, axis=1)
    np.testing.assert_allclose(-np.sort(-found, axis=1), best, rtol=0, atol=rounding * np.abs(scores).max())
