"""Sums without rounding: against exact fractions, in any order and grouping."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.evaluation.statistics.exact_sum import UNIT_EXPONENT, ExactSum

finite = st.floats(allow_nan=False, allow_infinity=False)
values_lists = st.lists(finite, max_size=40)


def total(values: list[float]) -> ExactSum:
    out = ExactSum()
    out.add(np.array(values, dtype=np.float64))
    return out


@given(values_lists)
def test_equals_the_sum_of_fractions(values: list[float]) -> None:
    exact = sum(map(Fraction, values), Fraction(0))
    assert Fraction(total(values).units, 1 << UNIT_EXPONENT) == exact
    if abs(exact) <= Fraction(np.finfo(np.float64).max):
        assert total(values).value == float(exact)


@given(values_lists, st.randoms(use_true_random=False), st.integers(1, 7))
def test_any_order_and_grouping_give_the_same_bits(values: list[float], random: object, size: int) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    parts = [total(shuffled[first : first + size]) for first in range(0, len(shuffled), size)]
    random.shuffle(parts)  # type: ignore[attr-defined]
    merged = ExactSum()
    for part in parts:
        merged.merge(part)
    assert merged == total(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0.0),
        ([0.0, -0.0], 0.0),
        ([5e-324] * 3, 1.5e-323),
        ([1e308, 1.0, 5e-324, -1e308, -1.0], 5e-324),
        ([-1e-300, 1e300, -1e300], -1e-300),
        ([-1.0, -2.0, -(2.0**-1074)], -3.0),
        ([np.finfo(np.float64).max, -np.finfo(np.float64).max], 0.0),
        ([0.1] * 10, 1.0),
    ],
)
def test_known_sums(values: list[float], expected: float) -> None:
    assert total(values).value == expected


def test_many_values_of_the_widest_mantissa() -> None:
    # 2**53 - 1 fills both halves of the mantissa in each of many values.
    values = np.full(200_000, -(2.0**53 - 1))
    out = ExactSum()
    out.add(values)
    assert Fraction(out.units, 1 << UNIT_EXPONENT) == -200_000 * (2**53 - 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_refuses_what_is_not_finite_and_stays_as_it_was(bad: float) -> None:
    out = total([1.5])
    with pytest.raises(ValueError, match="finite"):
        out.add(np.array([1.0, bad]))
    assert out.value == 1.5
