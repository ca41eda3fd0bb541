"""The allocator against a search over every plan."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.parts.bit_allocation import Costs, Segment, allocate


def every_plan(d: int, count: int, costs: Costs) -> list[list[Segment]]:
    edges = [*range(0, d, costs.block), d]
    plans = []
    for stops in itertools.combinations(edges[1:], count):
        starts = (0, *stops[:-1])
        for bits in itertools.product(range(1, costs.max_bits + 1), repeat=count):
            plans.append([Segment(*of) for of in zip(starts, stops, bits, strict=True)])
    return plans


def penalised(variances: np.ndarray, plan: list[Segment], costs: Costs) -> float:
    return costs.error(variances, plan) * (1 - costs.minimal_gain) ** -len(plan)


def brute_force(variances: np.ndarray, budget: int, costs: Costs) -> float:
    blocks = -(-variances.size // costs.block)
    plans = [plan for count in range(1, blocks + 1) for plan in every_plan(variances.size, count, costs)]
    within = [plan for plan in plans if costs.bits(plan) <= budget]
    return min(penalised(variances, plan, costs) for plan in [[], *within])


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    d=st.integers(1, 22),
    budget=st.integers(0, 90),
    base=st.sampled_from([2.0, 4.0]),
    segment_bits=st.sampled_from([0, 3, 8]),
)
def test_no_plan_is_better(seed: int, d: int, budget: int, base: float, segment_bits: int) -> None:
    variances = np.sort(np.random.default_rng(seed).exponential(size=d) ** 2)[::-1]
    costs = Costs(base=base, block=4, segment_bits=segment_bits, max_bits=4)
    plan = allocate(variances, budget, costs)
    assert costs.bits(plan) <= budget
    assert penalised(variances, plan, costs) == pytest.approx(brute_force(variances, budget, costs), rel=1e-9)
    assert all(a.stop == b.start for a, b in itertools.pairwise(plan))
    assert not plan or plan[0].start == 0


def test_more_budget_never_hurts() -> None:
    variances = np.geomspace(1, 1e-4, 256)
    costs = Costs(base=4.0, block=32, segment_bits=16, max_bits=8, minimal_gain=0.0)
    errors = [costs.error(variances, allocate(variances, budget, costs)) for budget in range(0, 2000, 100)]
    assert errors == sorted(errors, reverse=True)


def test_a_budget_too_small_for_one_block_gives_no_plan() -> None:
    assert allocate(np.ones(8), 7, Costs(base=2.0, block=8, segment_bits=0, max_bits=2)) == []
