"""Strict budgets of all methods: the whole code fits, more budget never has fewer bits, refusals name what does."""

import functools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.quantizers.base import Parameters, Quantizer
from vq_benchmark.quantizers.budget import budget_bytes, enough_bits
from vq_benchmark.quantizers.registry import built_in

METHODS = {name: cls for name, cls in built_in().items() if name != "none" and not cls.unavailable()}
DIMENSIONS = (8, 37, 100, 384)
BUDGETS = (0.3, 1, 1.125, 2, 2.5, 3.1, 4, 4.5, 7, 8, 8.4, 9, 12, 16, 40)


@functools.cache
def code_bytes(cls: type[Quantizer], parameters: Parameters, d: int) -> int:
    """Bytes of a code; codebooks are not trained for it, because they do not change it."""
    if isinstance(size := getattr(parameters, "code_bytes", None), int):
        return size
    rows = np.random.default_rng(0).standard_normal((50, d)).astype(np.float32)
    fewer = {"iterations": 0} if "iterations" in type(parameters).model_fields else {}
    return cls(parameters.model_copy(update=fewer)).fit(rows).code_bytes


def chosen(cls: type[Quantizer], budget: float, d: int) -> Parameters | None:
    try:
        return cls.for_budget(budget, d)
    except InfeasibleBudget:
        return None


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("name", METHODS)
def test_a_larger_budget_never_gives_fewer_bits_nor_more_than_it_has(name: str, d: int) -> None:
    cls, before = METHODS[name], 0
    for budget in BUDGETS:
        parameters = chosen(cls, budget, d)
        size = 0 if parameters is None else code_bytes(cls, parameters, d)
        assert before <= size <= budget * d / 8
        before = size


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("name", METHODS)
def test_a_refusal_names_the_smallest_budget(name: str, d: int) -> None:
    cls = METHODS[name]
    with pytest.raises(InfeasibleBudget) as refusal:
        cls.for_budget(0.3 / d, d)
    found = re.search(r"at least (\d[\d.]*) bits", str(refusal.value))
    assert found is not None
    enough = float(found.group(1))
    size = code_bytes(cls, cls.for_budget(enough, d), d)
    assert chosen(cls, 8 * (size - 1) / d, d) is None


def test_the_side_information_decides_between_two_numbers_of_bits() -> None:
    sizes = {"rabitq": 6, "eden": 2, "lvq": 4, "minmax": 4, "eden-faiss": 8}
    for name, side in sizes.items():
        assert METHODS[name].for_budget(2 + 8 * side / 384, 384).bits == 2
        assert METHODS[name].for_budget(2 + 8 * (side - 1) / 384, 384).bits == 1


def test_lvq_gets_its_second_level_where_one_level_has_no_more_bits() -> None:
    levels = [METHODS["lvq"].for_budget(bits + 0.1, 384) for bits in (1, 2, 7, 8, 9, 10, 16, 30)]
    assert [(each.bits, each.bits2) for each in levels] == [
        (1, 0), (2, 0), (7, 0), (8, 0), (5, 4), (5, 5), (8, 8), (8, 8),
    ]  # fmt: skip


@given(size=st.integers(1, 10_000), d=st.integers(1, 5000))
def test_rounding_costs_no_byte(size: int, d: int) -> None:
    assert budget_bytes(8 * size / d, d) == size
    named = float(enough_bits(size, d))
    assert budget_bytes(named, d) >= size
    assert named <= 8 * size / d * 1.002
