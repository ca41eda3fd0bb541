"""faiss's scalar quantizer: what faiss's own index stores and returns."""

import faiss
import numpy as np
import pytest

from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.quantizers.methods.sq_faiss import FaissSQ
from vq_benchmark.quantizers.registry import get_quantizer

ROWS = np.random.default_rng(0).normal(1, 2, (800, 21)).astype(np.float32)


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_codes_and_vectors_are_those_of_a_default_index(bits: int) -> None:
    quantizer = get_quantizer("sq-faiss", bits=bits).fit(ROWS[:500])
    index = faiss.IndexScalarQuantizer(21, getattr(faiss.ScalarQuantizer, f"QT_{bits}bit"))
    index.train(ROWS[:500])
    codes = quantizer.encode(ROWS)
    np.testing.assert_array_equal(codes, index.sa_encode(ROWS))
    np.testing.assert_array_equal(quantizer.decode(codes), index.sa_decode(codes))


def test_the_published_answers() -> None:
    values = np.array([[0], [0.25], [0.5], [1]], np.float32)
    quantizer = get_quantizer("sq-faiss").fit(values)
    codes = quantizer.encode(values)
    assert codes.ravel().tolist() == [0, 63, 127, 255]
    np.testing.assert_allclose(quantizer.decode(codes).ravel(), [0.00196, 0.24902, 0.5, 1.00196], atol=1e-5)


def test_budgets_count_the_padding() -> None:
    with pytest.raises(InfeasibleBudget, match=r"4\.19"):
        FaissSQ.for_budget(4, 21)
    assert FaissSQ.for_budget(7, 21).code_bytes(21) == 16
    with pytest.raises(InputError, match="one of 4, 6, 8"):
        get_quantizer("sq-faiss", bits=5)
