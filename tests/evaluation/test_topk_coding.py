"""Candidates come back bit for bit, and compress better than plain arrays."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vq_benchmark.evaluation.topk import TopCandidates
from vq_benchmark.evaluation.topk_coding import coded, decoded

ANY_SCORES = arrays(np.float64, (3, 5), elements=st.floats(allow_nan=False))


def bits(top: TopCandidates) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in top.arrays().items()}


@given(ANY_SCORES, ANY_SCORES, st.none() | ANY_SCORES, arrays(np.int64, (3, 5), elements=st.integers(-1, 2**40)))
def test_any_candidates_come_back_bit_for_bit(scores, exact, second, ids) -> None:
    for exact_scores in (exact, scores):
        top = TopCandidates(scores, ids, exact_scores, second)
        again = decoded(coded(top))
        assert bits(again) == bits(top)
        assert (again.second is None) == (second is None)


def test_estimates_of_one_chunk_take_less_than_their_arrays() -> None:
    """Scores in descending order, exact scores 2 % away, rows of a chunk of 4,096, as a quantizer leaves them."""
    rng = np.random.default_rng(0)
    scores = -np.sort(-rng.uniform(0.4, 0.6, (50, 200)), axis=1)
    exact = scores * rng.normal(1, 0.02, scores.shape)
    top = TopCandidates(scores, rng.integers(80_000, 84_096, scores.shape), exact)
    plain, small = (
        sum(len(zlib.compress(array.tobytes())) for array in found.values()) for found in (top.arrays(), coded(top))
    )
    assert small < 0.85 * plain
    assert small < 14.5 * scores.size  # of 24 bytes for each candidate


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    top = TopCandidates.empty(2, 3)
    for name, wrong in (("scores", np.zeros((8, 2, 4), np.uint8)), ("ids", np.zeros((7, 2, 3), np.uint8))):
        with pytest.raises(ValueError, match="shape"):
            decoded(coded(top) | {name: wrong})
    with pytest.raises(KeyError):
        decoded({"ids": coded(top)["ids"]})


def test_exact_scores_that_are_not_kept_take_no_room() -> None:
    rng = np.random.default_rng(1)
    scores = -np.sort(-rng.uniform(0.4, 0.6, (30, 40)), axis=1)
    exact = scores * rng.normal(1, 0.02, scores.shape)
    exact[:5, -3:] = scores[:5, -3:] = -np.inf  # there are no such rows
    top = TopCandidates(scores, rng.integers(0, 4096, scores.shape), exact, rng.uniform(0.4, 0.6, scores.shape))
    fewer = top.without_idle(np.full((20, 10), 0.7))
    again = decoded(coded(fewer))
    assert bits(again) == bits(fewer)
    assert np.isneginf(again.exact[:20, 10:]).all()
    assert again.exact[:20, :10].tobytes() == exact[:20, :10].tobytes()
    assert again.exact[20:].tobytes() == exact[20:].tobytes()
    assert top.exact is exact and np.isfinite(exact[5:]).all()
    whole, less = (len(zlib.compress(coded(each)["exact"].tobytes())) for each in (top, fewer))
    assert less < 0.6 * whole
    with pytest.raises(ValueError, match="shape"):
        decoded(coded(fewer) | {"idle": np.zeros((30, 9), np.uint8)})
