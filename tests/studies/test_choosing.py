"""The rule of a sweep: the largest code within a budget, or a slightly larger one where that leaves much unused."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.quantizers.base import Parameters, Quantizer
from vq_benchmark.quantizers.registry import quantizer_class
from vq_benchmark.studies.cells import Grid, Machine, Options, cells_of
from vq_benchmark.studies.choosing import NEAR, chosen_parameters
from vq_benchmark.studies.measure_spec import MeasureSpec


class SizeParameters(Parameters):
    """Parameters of a method whose codes have given sizes."""

    size: int = Field(1, description="Bytes of a code.")


def method_of(sizes: list[int]) -> type[Quantizer]:
    """A method, as of a plugin, with nothing but `for_budget`, whose codes have these sizes."""

    class Method(Quantizer):
        name: ClassVar[str] = "sizes"
        parameters_type = SizeParameters

        @classmethod
        def for_budget(cls, bits_per_dim: float, d: int) -> SizeParameters:
            fitting = [size for size in sizes if 8 * size <= bits_per_dim * d]
            if not fitting:
                raise InfeasibleBudget(f"at least {8 * min(sizes) / d}")
            return SizeParameters(size=max(fitting))

    return Method


def expected(sizes: list[int], budget: float, d: int) -> int | None:
    """The rule, by trying all sizes."""
    within = max((size for size in sizes if 8 * size <= budget * d), default=None)
    above = min((size for size in sizes if budget * d < 8 * size <= NEAR * budget * d), default=None)
    if within is None:
        return above
    return within if above is None or 8 * within >= budget * d / NEAR else above


@given(
    sizes=st.lists(st.integers(1, 200), min_size=1, unique=True),
    eighths=st.integers(1, 100),
    d=st.sampled_from([8, 16, 37, 100, 384]),
)
def test_the_rule_is_that_of_trying_all_codes(sizes: list[int], eighths: int, d: int) -> None:
    budget = eighths / 8
    try:
        size = chosen_parameters(method_of(sizes), budget, d).size
    except InfeasibleBudget:
        size = None
    assert size == expected(sizes, budget, d)


@pytest.mark.parametrize(
    ("name", "budget", "d", "bits"),
    [
        ("rabitq", 1, 384, 1),  # 1.125
        ("rabitq", 2, 384, 2),  # 2.125
        ("rabitq", 4, 384, 4),  # 3.125 are 78 % of 4; 4.125
        ("rabitq", 8, 384, 7),  # 7.125 are 89 % of 8
        ("rabitq", 2, 128, 2),  # 2.375
        ("eden", 2.1, 384, 2),
        ("rabitq-faiss", 2, 384, 2),  # 2.42
        ("sq", 5, 384, 4),  # exactly 80 %
        ("sq", 5.1, 384, 6),
        ("saq", 2.7, 384, 2.7),
    ],
)
def test_known_choices(name: str, budget: float, d: int, bits: float) -> None:
    assert chosen_parameters(quantizer_class(name), budget, d).bits == bits


@pytest.mark.parametrize(("name", "budget", "d"), [("rabitq", 1, 128), ("sq", 2, 384), ("osq", 1, 384)])
def test_a_code_far_above_the_budget_is_not_measured(name: str, budget: float, d: int) -> None:
    with pytest.raises(InfeasibleBudget, match="at least"):
        chosen_parameters(quantizer_class(name), budget, d)


def test_a_nominal_budget_leaves_side_information_out() -> None:
    assert chosen_parameters(quantizer_class("rabitq"), 1, 128, "nominal").bits == 1
    assert chosen_parameters(quantizer_class("rabitq"), 8, 384, "nominal").bits == 8
    assert chosen_parameters(quantizer_class("pq"), 3, 384, "nominal").nbits == 8
    assert chosen_parameters(method_of([3]), 8, 8, "nominal").size == 3


def test_codes_that_need_more_training_vectors_are_passed_over() -> None:
    rows = (512, 511, 63, 31, 8)
    few = [chosen_parameters(quantizer_class("pq"), 3, 384, training_rows=n) for n in rows]
    assert [(each.m, each.nbits) for each in few] == [(128, 9), (192, 6), (192, 5), (192, 4), (192, 4)]
    assert chosen_parameters(quantizer_class("opq"), 1, 384, training_rows=255).nbits < 8


def test_cells_know_their_budget_and_equal_ones_keep_the_smallest() -> None:
    rows = np.random.default_rng(0).standard_normal((40, 16)).astype(np.float32)
    dataset = Dataset("made", ArraySource(rows), rows[:2].copy(), "l2", fingerprint="f", files=())
    grid = {"binary": [], "sq": [], "int8": [Parameters()]}
    options = Options(MeasureSpec(), Machine(Path("cache"), Path("codebooks")))
    cells, refusals = cells_of(Grid(grid, [8, 1, 4]), dataset, options, (0, 40))
    found = [(cell.method, cell.config.get("bits"), cell.budget) for cell in cells]
    assert found == [("binary", None, 1), ("sq", 8, 8), ("sq", 4, 4), ("int8", None, None)]
    assert [refusal.method for refusal in refusals] == ["sq"]
