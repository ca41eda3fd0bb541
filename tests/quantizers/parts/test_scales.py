"""Scale arithmetic: what is stored comes back, at any magnitude, and levels are scaled to the radius."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.quantizers.parts.packing import pack
from vq_benchmark.quantizers.parts.scales import (
    power_of_two_near,
    read_halves,
    scale_levels,
    squared_cosine,
    write_halves,
)


@given(value=st.floats(1e-30, 1e30))
def test_the_unit_is_a_power_of_two_within_a_factor_of_root_two(value: float) -> None:
    unit = float(power_of_two_near(value))
    assert np.log2(unit) == round(np.log2(unit))
    assert 0.7 < value / unit < 1.42


def test_the_unit_of_zero_is_one() -> None:
    assert power_of_two_near(0.0) == 1


@pytest.mark.parametrize("magnitude", [1e-20, 1.0, 1e20])
def test_halves_keep_three_digits_at_any_magnitude(magnitude: float) -> None:
    values = (np.random.default_rng(0).uniform(0.1, 10, (50, 2)) * magnitude).astype(np.float32)
    units = np.full(2, power_of_two_near(magnitude))
    codes = np.zeros((50, 7), np.uint8)
    write_halves(values, units, codes)
    np.testing.assert_allclose(read_halves(codes, units), values, rtol=2**-11)
    assert not codes[:, 4:].any()


def test_what_is_out_of_range_is_stored_as_the_largest() -> None:
    codes = np.zeros((2, 2), np.uint8)
    write_halves(np.array([[1e9], [-1e9]], np.float32), np.ones(1, np.float32), codes)
    np.testing.assert_array_equal(read_halves(codes, np.ones(1, np.float32))[:, 0], [65504, -65504])


def test_squared_cosine() -> None:
    cosine = np.array([0.1, 0.8, 1.0])
    np.testing.assert_allclose(squared_cosine(np.sqrt(1 / cosine**2 - 1)), cosine**2)


@pytest.mark.parametrize("norm", [0.0, 3.0])
def test_levels_are_scaled_to_the_radius(norm: float) -> None:
    rng = np.random.default_rng(0)
    integers = rng.integers(0, 8, size=(70, 10), dtype=np.uint8)
    codes = np.concatenate([np.zeros((70, 2), np.uint8), pack(integers, 3)], axis=1)
    levels = rng.standard_normal(8).astype(np.float32)
    radii = rng.uniform(1, 2, 70).astype(np.float32)
    out = np.full((70, 13), 7, np.float32)
    scale_levels(codes, 2, 3, levels, radii, norm, out, 1, 10)
    q = levels[integers]
    lengths = np.full(70, norm) if norm else np.linalg.norm(q, axis=1)
    np.testing.assert_allclose(out[:, 1:11], q * (radii / lengths)[:, None], rtol=1e-5)
    assert (out[:, [0, 11, 12]] == 7).all()
