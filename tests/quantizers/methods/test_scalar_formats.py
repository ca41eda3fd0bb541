"""int8, fp8, nf4 and minmax against short numpy versions, bit for bit."""

import numpy as np
import pytest

from vq_benchmark.quantizers.registry import get_quantizer


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(3)
    scale = rng.choice([1e-6, 1, 1e6], size=(500, 1))
    return (rng.standard_normal((500, 200)) * rng.standard_normal((500, 200)) ** 2 * scale).astype(np.float32)


def decoded(name: str, rows: np.ndarray, **parameters: object) -> np.ndarray:
    quantizer = get_quantizer(name, **parameters).fit(rows)
    return quantizer.decode(quantizer.encode(rows))


def test_int8(rows: np.ndarray) -> None:
    scale = np.abs(rows).max(axis=1, keepdims=True) / np.float32(127)
    np.testing.assert_array_equal(decoded("int8", rows), np.rint(rows / scale).astype(np.int8) * scale)


def test_fp8(rows: np.ndarray) -> None:
    finite = [(1 + m / 8) * 2.0 ** (e - 7) if e else m / 8 * 2.0**-6 for e in range(16) for m in range(8)][:-1]
    scale = np.abs(rows).max(axis=1, keepdims=True) / np.float32(448)
    ratio = (rows / scale).astype(np.float64)
    distance = np.abs(np.abs(ratio)[:, :, None] - np.array(finite))
    odd = np.arange(127) % 2 * 1e-300  # of two as near, the even mantissa
    nearest = np.lexsort((np.broadcast_to(odd, distance.shape), distance), axis=-1)[:, :, 0]
    expected = np.copysign(np.array(finite, np.float32)[nearest], rows) * scale
    np.testing.assert_array_equal(decoded("fp8", rows), expected)


def test_fp8_rounds_ties_to_even() -> None:
    row = np.array([[448, 17, 19, 2.0**-10, 3 * 2.0**-10, 15.5 * 2.0**-10, -0.0]], np.float32)
    np.testing.assert_array_equal(decoded("fp8", row), [[448, 16, 20, 0, 2.0**-8, 2.0**-6, 0]])


@pytest.mark.parametrize("block", [64, 128])
def test_nf4(rows: np.ndarray, block: int) -> None:
    levels = get_quantizer("nf4").levels
    expected = np.empty_like(rows)
    for start in range(0, 200, block):
        part = rows[:, start : start + block]
        scale = np.abs(part).max(axis=1, keepdims=True)
        nearest = np.abs((part / scale)[:, :, None] - levels).argmin(axis=2)
        expected[:, start : start + block] = levels[nearest] * scale
    np.testing.assert_array_equal(decoded("nf4", rows, block=block), expected)


def test_nf4_has_the_levels_of_the_quantiles() -> None:
    """QLoRA's create_normal_map: quantiles of the normal distribution, 8 above zero and 7 below, offset 0.9677083."""
    from statistics import NormalDist

    offset, quantile = 0.9677083, NormalDist().inv_cdf
    above = [quantile(p) for p in np.linspace(offset, 0.5, 9)[:-1]]
    below = [-quantile(p) for p in np.linspace(offset, 0.5, 8)[:-1]]
    levels = np.sort(np.array([*above, 0, *below]))
    np.testing.assert_allclose(get_quantizer("nf4").levels, levels / levels.max(), atol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_minmax(bits: int) -> None:
    rows = np.random.default_rng(0).standard_normal((300, 50)).astype(np.float32)  # unit 1: halves as they are
    top = np.float32(2**bits - 1)
    low, high = (bound.astype(np.float16).astype(np.float32) for bound in (rows.min(1), rows.max(1)))
    step = ((high - low) / top)[:, None]
    integers = np.clip(np.rint((rows - low[:, None]) / step), 0, top)
    np.testing.assert_array_equal(decoded("minmax", rows, bits=bits), low[:, None] + step * integers)
