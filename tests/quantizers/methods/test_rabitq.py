"""RaBitQ: the exact search against a plain sweep, the error bound, known distortions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.methods.rabitq import sweep_critical_values
from vq_benchmark.quantizers.parts.packing import unpack
from vq_benchmark.quantizers.registry import get_quantizer

D = 384
FACTOR_BYTES = 6


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(8).standard_normal((20_000, D)).astype(np.float32) + np.float32(0.2)


def swept(magnitudes: np.ndarray, top: int) -> np.ndarray:
    """Every critical value t = k/|y_j| in order (ties by j), with running sums: ten lines, no heap."""
    d = magnitudes.size
    j = np.repeat(np.arange(d), top)
    k = np.tile(np.arange(1, top + 1), d)
    with np.errstate(divide="ignore"):
        t = k / magnitudes[j]
    j, k, t = (a[np.isfinite(t)] for a in (j, k, t))
    order = np.lexsort((j, t))
    ip = np.cumsum(np.concatenate([[np.cumsum(0.5 * magnitudes)[-1]], magnitudes[j[order]]]))
    l2 = np.cumsum(np.concatenate([[0.25 * d], 2.0 * k[order]]))
    best = int((ip * ip / l2).argmax())
    return np.bincount(j[order[:best]], minlength=d)


@settings(deadline=None, max_examples=150)
@given(d=st.integers(1, 60), bits=st.integers(1, 6), seed=st.integers(0, 10_000), ties=st.booleans())
def test_the_sweep_finds_the_same_integers_as_a_plain_one(d: int, bits: int, seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    magnitudes = np.abs(rng.standard_normal(d))
    if ties:
        magnitudes = np.round(magnitudes * 4) / 4  # equal and zero entries
    steps, heap, keys = np.empty(d, np.int64), np.empty(d, np.int64), np.empty(d, np.float64)
    sweep_critical_values(magnitudes, 2 ** (bits - 1) - 1, steps, heap, keys)
    np.testing.assert_array_equal(steps, swept(magnitudes, 2 ** (bits - 1) - 1))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_exact_codes_are_those_of_a_plain_sweep(rows: np.ndarray, bits: int) -> None:
    few = rows[:20]
    quantizer = get_quantizer("rabitq", bits=bits, search="exact", rotation="qr").fit(rows[:500], seed=3)
    codes = quantizer.encode(few)
    y = quantizer._rotation.forward(few, quantizer.centre)
    steps = np.array([swept(np.abs(row.astype(np.float64)), 2 ** (bits - 1) - 1) for row in y])
    half = 2 ** (bits - 1)
    np.testing.assert_array_equal(
        unpack(codes[:, FACTOR_BYTES:], D, bits), np.where(y >= 0, half + steps, half - 1 - steps)
    )


@pytest.mark.parametrize(("bits", "known"), [(1, 0.363), (2, 0.1180), (3, 0.0366), (4, 0.0109), (6, 0.00081)])
def test_known_distortions(rows: np.ndarray, bits: int, known: float) -> None:
    quantizer = get_quantizer("rabitq", bits=bits).fit(rows)
    centred = np.square(rows - quantizer.centre, dtype=np.float64).sum()
    error = np.square(rows - quantizer.decode(quantizer.encode(rows)), dtype=np.float64).sum() / centred
    assert 0.98 * known < error < 1.01 * known


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_grid_is_nearly_as_good_as_the_exact_search(rows: np.ndarray, bits: int) -> None:
    few = rows[:100]
    errors = {}
    for search in ("grid", "exact"):
        quantizer = get_quantizer("rabitq", bits=bits, search=search).fit(rows[:2000])
        errors[search] = np.square(few - quantizer.decode(quantizer.encode(few)), dtype=np.float64).sum()
    assert 0.9999 < errors["grid"] / errors["exact"] < 1.03


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_scores_are_unbiased_and_within_the_bound(rows: np.ndarray, bits: int) -> None:
    queries = rows[:100] + np.random.default_rng(1).standard_normal((100, D)).astype(np.float32)
    errors, slopes = [], []
    for seed in range(8):
        quantizer = get_quantizer("rabitq", bits=bits).fit(rows, seed=seed)
        codes = quantizer.encode(rows[:4000])
        estimate = quantizer.project_queries(queries).astype(np.float64) @ quantizer.decode_for_scores(codes).T
        exact = queries.astype(np.float64) @ rows[:4000].T
        errors.append((estimate - exact).mean())
        slopes.append((estimate * exact).sum() / (exact * exact).sum())
        assert (np.abs(estimate - exact) <= quantizer.score_error_bound(queries, codes)).mean() > 0.99
    assert np.mean(slopes) == pytest.approx(1, abs=0.005)
    assert abs(np.mean(errors)) < 3 * np.std(errors, ddof=1) / np.sqrt(len(errors))


def test_norms_come_from_what_is_stored(rows: np.ndarray) -> None:
    quantizer = get_quantizer("rabitq", bits=1).fit(rows)
    norms = quantizer.squared_norms(quantizer.encode(rows[:1000]))
    np.testing.assert_allclose(norms, np.square(rows[:1000], dtype=np.float64).sum(axis=1), rtol=3e-3)
