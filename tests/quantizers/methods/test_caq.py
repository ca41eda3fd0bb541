"""CAQ: the spec's distortions, a plain implementation of its rounds, and what adjustment may not do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.methods.caq import adjusted_code
from vq_benchmark.quantizers.registry import get_quantizer

D = 384


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(9).standard_normal((20_000, D)).astype(np.float32)


def plain(y: np.ndarray, bits: int, rounds: int) -> np.ndarray:
    """The rounds as the paper states them, trying both neighbours of every integer."""
    v, y64 = np.abs(y).max(), y.astype(np.float64)
    q = np.floor((y + v) * np.float32(2**bits / (2 * v))).clip(0, 2**bits - 1) - (2**bits - 1) / 2
    for _ in range(rounds):
        before = q.copy()
        for j in range(y.size):
            for move in (1.0, -1.0):
                moved = q.copy()
                moved[j] += move
                gain = (moved @ y64) ** 2 / (moved @ moved) - (q @ y64) ** 2 / (q @ q)
                if abs(moved[j]) <= (2**bits - 1) / 2 and gain > 1e-8 * (y64 @ y64):
                    q = moved
                    break
        if (q == before).all():
            break
    return q


@settings(deadline=None, max_examples=40)
@given(bits=st.integers(1, 8), seed=st.integers(0, 10_000), rounds=st.integers(0, 6))
def test_codes_are_those_of_a_plain_implementation(bits: int, seed: int, rounds: int) -> None:
    y = np.random.default_rng(seed).standard_normal(24).astype(np.float32)
    integers = np.empty(24, np.uint16)
    adjusted_code(y, bits, rounds, integers, np.empty(24, np.float32))
    np.testing.assert_array_equal(integers - (2**bits - 1) / 2, plain(y, bits, rounds))


@pytest.mark.parametrize(("bits", "known"), [(2, 0.1180), (3, 0.0371), (4, 0.0117), (6, 0.00081)])
def test_known_distortions(rows: np.ndarray, bits: int, known: float) -> None:
    quantizer = get_quantizer("caq", bits=bits).fit(rows)
    error = np.square(rows - quantizer.decode(quantizer.encode(rows)), dtype=np.float64).sum()
    assert error / np.square(rows, dtype=np.float64).sum() == pytest.approx(known, rel=0.01)


def test_every_round_helps(rows: np.ndarray) -> None:
    errors = []
    for rounds in (0, 1, 2, 6):
        quantizer = get_quantizer("caq", bits=3, rounds=rounds).fit(rows)
        errors.append(np.square(rows[:2000] - quantizer.decode(quantizer.encode(rows[:2000]))).sum())
    assert errors == sorted(errors, reverse=True)


def test_scores_are_unbiased(rows: np.ndarray) -> None:
    queries = rows[:100] + np.random.default_rng(1).standard_normal((100, D)).astype(np.float32)
    slopes, errors = [], []
    for seed in range(6):
        quantizer = get_quantizer("caq", bits=2).fit(rows, seed=seed)
        codes = quantizer.encode(rows[:4000])
        estimate = quantizer.project_queries(queries).astype(np.float64) @ quantizer.decode_for_scores(codes).T
        exact = queries.astype(np.float64) @ rows[:4000].T
        slopes.append((estimate * exact).sum() / (exact * exact).sum())
        errors.append((estimate - exact).mean())
        assert (np.abs(estimate - exact) <= quantizer.score_error_bound(queries, codes)).mean() > 0.99
    assert np.mean(slopes) == pytest.approx(1, abs=0.005)
    assert abs(np.mean(errors)) < 3 * np.std(errors, ddof=1) / np.sqrt(len(errors))
