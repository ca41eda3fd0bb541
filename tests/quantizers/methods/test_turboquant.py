"""TurboQuant: the distortion of its theorems, and the sketch that makes scores unbiased."""

import math

import numpy as np
import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.parts.lloyd_max import lloyd_max
from vq_benchmark.quantizers.registry import get_quantizer

D = 128


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(10).standard_normal((6000, D)).astype(np.float32)


def relative_error(rows: np.ndarray, decoded: np.ndarray) -> float:
    return float(np.square(rows - decoded, dtype=np.float64).sum() / np.square(rows, dtype=np.float64).sum())


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_distortion_is_within_its_theorem(rows: np.ndarray, bits: int) -> None:
    quantizer = get_quantizer("turboquant", bits=bits).fit(rows)
    error = relative_error(rows, quantizer.decode(quantizer.encode(rows)))
    assert 4.0**-bits < error < math.sqrt(3) * math.pi / 2 * 4.0**-bits
    assert error == pytest.approx(lloyd_max(bits).distortion, rel=0.04)


@pytest.mark.parametrize("bits", [2, 4])
def test_prod_decodes_as_mse_of_one_bit_less(rows: np.ndarray, bits: int) -> None:
    prod = get_quantizer("turboquant", bits=bits, variant="prod").fit(rows)
    mse = get_quantizer("turboquant", bits=bits - 1).fit(rows)
    np.testing.assert_array_equal(prod.decode(prod.encode(rows)), mse.decode(mse.encode(rows)))
    assert prod.code_bytes == 4 + D * bits // 8


@pytest.mark.parametrize("bits", [2, 4])
def test_scores_are_unbiased_with_the_sketch_only(rows: np.ndarray, bits: int) -> None:
    few = rows[:1500]
    queries = few[:100] + np.random.default_rng(1).standard_normal((100, D)).astype(np.float32)
    exact = queries.astype(np.float64) @ few.T
    slopes: dict[str, float] = {}
    for variant in ("mse", "prod"):
        of_seeds, errors = [], []
        for seed in range(12):
            quantizer = get_quantizer("turboquant", bits=bits, variant=variant).fit(rows, seed=seed)
            codes = quantizer.encode(few)
            estimate = quantizer.project_queries(queries).astype(np.float64) @ quantizer.decode_for_scores(codes).T
            of_seeds.append((estimate * exact).sum() / (exact * exact).sum())
            errors.append((estimate - exact).mean())
        slopes[variant] = float(np.mean(of_seeds))
        if variant == "prod":
            assert quantizer.unbiased_scores
            assert abs(np.mean(errors)) < 3 * np.std(errors, ddof=1) / np.sqrt(len(errors))
    assert slopes["prod"] == pytest.approx(1, abs=0.005)
    assert slopes["mse"] == pytest.approx(1 - lloyd_max(bits).distortion, abs=0.01)


def test_the_sketch_needs_a_bit_of_its_own() -> None:
    with pytest.raises(InputError, match="at least 2"):
        get_quantizer("turboquant", bits=1, variant="prod")


def test_norms_are_stored(rows: np.ndarray) -> None:
    for variant in ("mse", "prod"):
        quantizer = get_quantizer("turboquant", bits=2, variant=variant).fit(rows)
        norms = quantizer.squared_norms(quantizer.encode(rows))
        np.testing.assert_allclose(norms, np.square(rows, dtype=np.float64).sum(axis=1), rtol=0.03)
