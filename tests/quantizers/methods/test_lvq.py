"""LVQ against ten lines of numpy, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.parts.packing import packed_bytes, unpack
from vq_benchmark.quantizers.registry import get_quantizer

ROWS = np.random.default_rng(3).standard_normal((300, 50)).astype(np.float32) * 2 + 1


def ten_lines(x: np.ndarray, mean: np.ndarray, unit: np.float32, bits: int, bits2: int) -> tuple[np.ndarray, ...]:
    centred = x - mean
    ends = np.stack([centred.min(axis=1), centred.max(axis=1)], axis=1)
    low, high = ((ends / unit).astype(np.float16).astype(np.float32) * unit).T[..., None]
    delta = (high - low) / np.float32(2**bits - 1)
    first = np.rint((centred - low) / delta).clip(0, 2**bits - 1)
    estimate = low + delta * first
    second = np.zeros_like(first)
    if bits2:
        step = delta / np.float32(2**bits2 - 1)
        second = np.rint((centred - estimate + delta / 2) / step).clip(0, 2**bits2 - 1)
        estimate = estimate + (step * second - delta / 2)
    return first, second, estimate + mean


@settings(deadline=None, max_examples=60)
@given(bits=st.integers(1, 8), bits2=st.integers(0, 8), seed=st.integers(0, 1000))
def test_codes_and_values_are_those_of_ten_lines_of_numpy(bits: int, bits2: int, seed: int) -> None:
    quantizer = get_quantizer("lvq", bits=bits, bits2=bits2).fit(ROWS)
    rows = np.random.default_rng(seed).standard_normal((20, 50)).astype(np.float32)
    codes = quantizer.encode(rows)
    state = quantizer.state()
    first, second, decoded = ten_lines(rows, state["mean"], np.float32(state["unit"]), bits, bits2)
    split = 4 + packed_bytes(50, bits)
    np.testing.assert_array_equal(unpack(codes[:, 4:split], 50, bits), first)
    if bits2:
        np.testing.assert_array_equal(unpack(codes[:, split:], 50, bits2), second)
    np.testing.assert_array_equal(quantizer.decode(codes), decoded)


@pytest.mark.parametrize(("bits", "bits2"), [(4, 0), (8, 0), (4, 4)])
def test_no_entry_is_off_by_more_than_half_a_step(bits: int, bits2: int) -> None:
    quantizer = get_quantizer("lvq", bits=bits, bits2=bits2).fit(ROWS)
    centred = ROWS - quantizer.state()["mean"]
    step = np.ptp(centred, axis=1) / (2**bits - 1) / max(2**bits2 - 1, 1)
    off = np.abs(quantizer.decode(quantizer.encode(ROWS)) - ROWS).max(axis=1)
    rounding_of_the_ends = np.abs(centred).max(axis=1) * 2**-10
    assert (off <= step / 2 + rounding_of_the_ends).all()


def test_a_constant_row_takes_its_value() -> None:
    quantizer = get_quantizer("lvq", bits=2, bits2=2).fit(ROWS)
    row = quantizer.state()["mean"] + np.float32(0.5)
    np.testing.assert_allclose(quantizer.decode(quantizer.encode(row[None]))[0], row, rtol=1e-3)


def test_bits_count_the_two_ends() -> None:
    assert get_quantizer("lvq", bits=4, bits2=2).fit(ROWS).code_bytes == 4 + 25 + 13
