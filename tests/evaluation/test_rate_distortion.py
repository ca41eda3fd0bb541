"""The bound against closed forms, a solver that knows nothing of them, and what holds for every spectrum."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.evaluation.rate_distortion import (
    CURVE_BITS,
    ROUNDING,
    Bound,
    bound_metrics,
    bound_of,
    least_error,
    spectrum_of,
)

SPECTRA = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=40).map(lambda values: np.array(values))
BITS = st.floats(0, 400)


def by_bisection(spectrum, bits):
    """The same with the water level found by halving."""
    low, high = 1e-60, float(spectrum.max())
    for _ in range(400):
        level = math.sqrt(low * high)
        rate = np.maximum(0, 0.5 * np.log2(spectrum / level)).sum()
        low, high = (low, level) if rate < bits else (level, high)
    return np.minimum(level, spectrum).sum()


@pytest.mark.parametrize("d", [1, 8, 100])
@pytest.mark.parametrize("bits", [0, 0.5, 7, 800])
def test_a_flat_spectrum_has_the_closed_form(d, bits):
    assert least_error(np.full(d, 3.0), bits) == pytest.approx(d * 3.0 * 2 ** (-2 * bits / d), rel=1e-12)


def test_a_spectrum_of_two_levels_has_the_closed_form():
    """Two of 16 and six of 1: the two alone until their error is 1 each, which takes 2 · ½ log2 16 = 4 bits."""
    spectrum = np.array([1.0, 16, 1, 1, 16, 1, 1, 1])
    assert least_error(spectrum, 2) == pytest.approx(2 * 16 * 2**-2 + 6, rel=1e-12)
    assert least_error(spectrum, 4) == pytest.approx(2 + 6, rel=1e-12)
    assert least_error(spectrum, 12) == pytest.approx(8 * 2 ** (-2 * 8 / 8), rel=1e-12)


@given(SPECTRA, BITS)
def test_it_is_what_bisection_finds(spectrum, bits):
    assert least_error(spectrum, bits) == pytest.approx(by_bisection(spectrum, bits), rel=1e-6, abs=1e-50)


@given(SPECTRA, st.lists(BITS, min_size=3, max_size=30))
def test_it_falls_from_the_whole_variance_and_is_convex(spectrum, bits):
    bits = np.unique([0, *bits])
    errors = least_error(spectrum, bits)
    assert errors[0] == pytest.approx(spectrum.sum(), rel=1e-12)
    assert (np.diff(errors) <= 1e-12 * errors[:-1]).all()
    gaps = np.diff(bits)
    slopes = np.diff(errors)[gaps > 1e-6] / gaps[gaps > 1e-6]
    assert (np.diff(slopes) >= -1e-6 * spectrum.sum()).all()


@given(SPECTRA, BITS, st.randoms())
def test_the_order_of_the_eigenvalues_and_zeros_among_them_do_not_matter(spectrum, bits, random):
    shuffled = [*spectrum.tolist(), 0.0, 0.0, ROUNDING / 2 * spectrum.max()]
    random.shuffle(shuffled)
    assert least_error(np.array(shuffled), bits) == least_error(spectrum, bits)


def test_vectors_without_variance_need_no_bits():
    assert least_error(np.zeros(5), 3.0) == 0
    assert least_error(np.zeros(5), np.array([0.0, 9.0])).tolist() == [0, 0]


def test_the_spectrum_is_that_of_numpy_and_the_mean_is_free():
    rng = np.random.default_rng(0)
    sample = (rng.standard_normal((3000, 12)) * np.arange(1, 13)).astype(np.float32)
    expected = np.linalg.eigvalsh(np.cov(sample.astype(np.float64).T))[::-1]
    assert spectrum_of(sample) == pytest.approx(expected, rel=1e-9)
    assert spectrum_of(sample + np.float32(100)) == pytest.approx(expected, rel=1e-4)


def test_a_sample_that_says_nothing_of_all_directions_has_no_spectrum():
    rows = np.random.default_rng(0).standard_normal((12, 12)).astype(np.float32)
    assert spectrum_of(rows) is None
    rows = np.vstack([rows, np.full(12, np.nan, np.float32)])
    assert spectrum_of(rows) is None


def test_quantizing_gaussian_vectors_stays_above_the_bound():
    """One bit per component of white vectors: Lloyd-Max leaves 1 - 2/π, the bound is 1/4; that is 1.62 dB above."""
    rng = np.random.default_rng(0)
    sample = rng.standard_normal((200_000, 4)).astype(np.float32)
    bound = bound_of(len(sample), spectrum_of(sample), 4)
    mse = float(((sample - np.sqrt(2 / np.pi) * np.sign(sample)) ** 2).sum(axis=1).mean())
    metrics = bound_metrics(mse, bound)
    assert metrics["bound_mse"] == pytest.approx(1, rel=0.02)
    assert metrics["above_bound_db"] == pytest.approx(10 * math.log10((1 - 2 / math.pi) * 4), abs=0.05)


def test_the_curve_is_the_bound_at_its_bits():
    spectrum = np.array([4.0, 2.0, 1.0])
    bound = bound_of(100, spectrum, 6)
    assert bound.curve_bits == CURVE_BITS
    assert bound.curve_mse == pytest.approx([float(least_error(spectrum, 3 * bits)) for bits in CURVE_BITS], rel=1e-5)
    assert bound.mse == bound.curve_mse[CURVE_BITS.index(2.0)] == 3 * 2 * 2**-4


@pytest.mark.parametrize(
    ("mse", "least", "names"),
    [
        (0.0, 0.1, {"bound_mse"}),
        (0.1, 0.0, {"bound_mse"}),
        (0.1, 0.1, {"bound_mse", "above_bound_db"}),
    ],
)
def test_a_ratio_with_0_is_absent(mse, least, names):
    assert set(bound_metrics(mse, Bound(100, least, [], []))) == names


def test_a_bound_survives_as_json_and_damage_leaves_none():
    bound = bound_of(100, np.array([4.0, 2.0, 1.0]), 6)
    whole = json.loads(json.dumps(bound.as_json()))
    assert Bound.from_json(whole) == bound
    damaged = [
        None, [], {}, {**whole, "mse": "low"}, {**whole, "more": 1}, {**whole, "curve_mse": [1.0]},
        {name: value for name, value in whole.items() if name != "vectors"},
    ]  # fmt: skip
    assert [Bound.from_json(value) for value in damaged] == [None] * len(damaged)
    assert bound_metrics(0.1, None) == {}
