"""What all rotation-based methods must survive: odd rows, odd magnitudes, batches, threads, a budget."""

import numba
import numpy as np
import pytest

from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.parts.rotated_base import RotatedQuantizer
from vq_benchmark.quantizers.registry import quantizer_class, registered

METHODS = [name for name, cls in registered().items() if issubclass(cls, RotatedQuantizer)]


def fitted(name: str, rows: np.ndarray, **parameters: object) -> Quantizer:
    cls = quantizer_class(name)
    return cls(cls.parameters_type.parse(name, parameters)).fit(rows)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("d", [1, 5, 100])
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_codes_do_not_depend_on_the_batch_or_the_threads(name: str, d: int, bits: int) -> None:
    rows = np.random.default_rng(0).standard_normal((200, d)).astype(np.float32)
    quantizer = fitted(name, rows, bits=bits)
    codes = quantizer.encode(rows)
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        parts = [rows[start : start + 7] for start in range(0, 200, 7)]
        np.testing.assert_array_equal(np.concatenate([quantizer.encode(part) for part in parts]), codes)
        alone = quantizer.decode_for_scores(codes[:1])
    finally:
        numba.set_num_threads(threads)
    np.testing.assert_array_equal(quantizer.decode_for_scores(codes)[:1], alone)


@pytest.mark.parametrize("name", METHODS)
def test_the_mean_itself_decodes_to_the_mean(name: str) -> None:
    rows = np.random.default_rng(0).standard_normal((50, 16)).astype(np.float32)
    rows = np.concatenate([rows, -rows])
    quantizer = fitted(name, rows, bits=2)
    codes = quantizer.encode(quantizer.centre[None])
    np.testing.assert_allclose(quantizer.decode(codes)[0], quantizer.centre, atol=1e-6)
    assert np.isfinite(quantizer.decode_for_scores(codes)).all()
    assert np.isfinite(quantizer.squared_norms(codes)).all()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("magnitude", [1e-12, 1e12])
def test_magnitudes_do_not_matter(name: str, magnitude: float) -> None:
    rows = np.random.default_rng(0).standard_normal((200, 64)).astype(np.float32)
    relative = []
    for scale in (np.float32(1), np.float32(magnitude)):
        quantizer = fitted(name, rows * scale, bits=4)
        difference = (quantizer.decode(quantizer.encode(rows * scale)) / scale - rows).astype(np.float64)
        relative.append((difference**2).sum())
    assert relative[1] == pytest.approx(relative[0], rel=0.01)


@pytest.mark.parametrize("name", METHODS)
def test_a_budget_counts_the_scales(name: str) -> None:
    rows = np.random.default_rng(0).standard_normal((20, 128)).astype(np.float32)
    cls = quantizer_class(name)
    for bits in range(1, 9):
        exact = cls(cls.parameters_type(bits=bits)).fit(rows).bits_per_dim
        assert cls.for_budget(exact, 128).bits == bits
        if bits > 1:
            assert cls.for_budget(exact - 1e-3, 128).bits == bits - 1
    with pytest.raises(InfeasibleBudget, match=r"at least 1\.(125|375) bits per dimension at d=128, not 1"):
        cls.for_budget(1, 128)


@pytest.mark.parametrize("name", METHODS)
def test_a_nominal_budget_counts_the_code_and_allows_64_bits_of_scales(name: str) -> None:
    rows = np.random.default_rng(0).standard_normal((20, 128)).astype(np.float32)
    for budget in (1, 2.9, 4, 8, 100):
        cls = quantizer_class(name)
        parameters = cls.for_nominal_budget(budget, 128)
        assert parameters.bits == min(int(budget), 8)
        quantizer = cls(parameters).fit(rows)
        assert parameters.bits < quantizer.bits_per_dim <= parameters.bits + 64 / 128
    with pytest.raises(InfeasibleBudget, match="at least 1 bit"):
        quantizer_class(name).for_nominal_budget(0.9, 128)


@pytest.mark.parametrize("name", METHODS)
def test_a_model_costs_its_mean_and_a_seed_only(name: str) -> None:
    rows = np.random.default_rng(0).standard_normal((20, 128)).astype(np.float32)
    assert fitted(name, rows, rotation="qr").model_bytes == 4 * 128 + 4 + 8


def test_another_dimension_is_refused() -> None:
    quantizer = fitted("eden", np.ones((3, 8), np.float32))
    with pytest.raises(InputError, match="dimension 8"):
        quantizer.encode(np.ones((3, 9), np.float32))
