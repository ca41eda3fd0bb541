"""Product quantization, against faiss's codes, the Lloyd–Max distortion, and its rule for budgets."""

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.methods.pq import PQ
from vq_benchmark.quantizers.parts.product_code import ProductParameters, divisors
from vq_benchmark.quantizers.registry import get_quantizer


@pytest.mark.parametrize(
    ("m", "nbits"), [(48, 4), (12, 5), (12, 6), (6, 7), (12, 8), (16, 9), (3, 10), (8, 11), (2, 12)]
)
def test_codes_are_those_of_faiss(m: int, nbits: int) -> None:
    rows = np.random.default_rng(0).standard_normal((4500, 48)).astype(np.float32)
    quantizer = get_quantizer("pq", m=m, nbits=nbits).fit(rows)
    reference = faiss.ProductQuantizer(48, m, nbits)
    faiss.copy_array_to_vector(quantizer.state()["codebooks"].ravel(), reference.centroids)
    codes = quantizer.encode(rows[:300])
    np.testing.assert_array_equal(codes, reference.compute_codes(rows[:300]))
    np.testing.assert_array_equal(quantizer.decode(codes), reference.decode(codes))


@pytest.mark.parametrize(("nbits", "distortion"), [(4, 0.009497), (5, 0.002499), (6, 0.000641)])
def test_with_one_number_per_sub_vector_it_is_a_lloyd_max_quantizer(nbits: int, distortion: float) -> None:
    rows = np.random.default_rng(1).standard_normal((50_000, 8)).astype(np.float32)
    quantizer = get_quantizer("pq", m=8, nbits=nbits).fit(rows)
    decoded = quantizer.decode(quantizer.encode(rows))
    error = np.square(rows - decoded, dtype=np.float64).mean()
    assert error == pytest.approx(distortion, rel=0.02)


def test_m_that_does_not_divide_d_is_refused_with_the_divisors() -> None:
    with pytest.raises(InputError, match=r"m=5 does not divide the dimension d=12; m can be 1, 2, 3, 4, 6, 12\."):
        ProductParameters(m=5).check_dimension(12)
    with pytest.raises(InputError, match="does not divide"):
        get_quantizer("pq", m=5).fit(np.zeros((300, 12), np.float32))


def test_too_few_training_vectors_are_refused() -> None:
    with pytest.raises(InputError, match="needs at least 256 training vectors, not 255"):
        get_quantizer("pq", m=2).fit(np.zeros((255, 4), np.float32))


@pytest.mark.parametrize("nbits", [3, 13, 7.5, "many"])
def test_impossible_nbits_are_refused(nbits: object) -> None:
    with pytest.raises(InputError, match="nbits"):
        get_quantizer("pq", nbits=nbits)


@pytest.mark.parametrize(
    ("budget", "d", "m", "nbits"),
    [
        (1, 384, 48, 8),
        (2, 384, 96, 8),
        (4, 384, 192, 8),
        (8, 384, 384, 8),
        (0.5, 384, 24, 8),
        (1.125, 384, 48, 9),
        (3, 384, 128, 9),  # 128 sub-vectors of 8 bits would be 2.67 bits
        (6, 384, 384, 6),  # 192 of 12 bits would be the same, with codebooks 64 times as large
        (32, 384, 384, 12),
        (5, 37, 37, 4),  # a prime dimension: 37 times 5 bits are 24 bytes, more than 5 bits per dimension
        (1, 37, 1, 12),
    ],
)
def test_the_rule_for_budgets(budget: float, d: int, m: int, nbits: int) -> None:
    assert PQ.for_budget(budget, d) == ProductParameters(m=m, nbits=nbits)


@pytest.mark.parametrize(
    ("budget", "d", "m", "nbits"),
    [
        (1, 384, 48, 8),
        (3, 384, 128, 8),  # 2.67 bits: 144 does not divide 384, and over three quarters of the budget are used
        (6, 384, 384, 6),  # 192 sub-vectors of 8 bits would be 4 bits
        (32, 384, 384, 8),
        (1, 37, 1, 8),
    ],
)
def test_nominal_budgets_avoid_other_codes_than_of_8_bits(budget: float, d: int, m: int, nbits: int) -> None:
    assert PQ.for_nominal_budget(budget, d) == ProductParameters(m=m, nbits=nbits)


@given(budget=st.floats(0.001, 40), d=st.integers(1, 4096))
def test_a_budget_is_never_exceeded(budget: float, d: int) -> None:
    try:
        parameters = PQ.for_budget(budget, d)
    except InfeasibleBudget:
        assert budget * d < 8
        return
    assert isinstance(parameters, ProductParameters)
    most = (budget * d + 1e-8) / 8
    assert parameters.code_bytes <= most
    assert d % parameters.m == 0
    others = [m * nbits for m in divisors(d) for nbits in range(4, 13)]
    assert parameters.m * parameters.nbits == max(bits for bits in others if -(-bits // 8) <= most)


def test_a_budget_under_one_byte_names_the_lowest() -> None:
    with pytest.raises(InfeasibleBudget, match=r"at least 0\.5 bits per dimension at d=16, not 0\.3"):
        PQ.for_budget(0.3, 16)
