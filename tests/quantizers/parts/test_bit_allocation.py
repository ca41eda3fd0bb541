"""The allocator against a search over every plan."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.quantizers.parts.bit_allocation import Costs, Segment, allocate
from vq_benchmark.quantizers.parts.segment_distortions import CAQ, LLOYD_MAX, SegmentErrors

HALVES = SegmentErrors((0.5, 1, 1.5, 2), np.outer([0.55, 0.28, 0.15, 0.07], np.ones(8)))
"""Rates at which a segment must have an even number of dimensions."""


def every_plan(d: int, count: int, costs: Costs) -> list[list[Segment]]:
    edges = [*range(0, d, costs.block), d]
    plans = []
    for stops in itertools.combinations(edges[1:], count):
        starts = (0, *stops[:-1])
        for bits in itertools.product(costs.errors.rates, repeat=count):
            plans.append([Segment(*of) for of in zip(starts, stops, bits, strict=True)])
    return plans


def brute_force(variances: np.ndarray, budget: int, costs: Costs, most_segments: int) -> float:
    plans = [plan for count in range(1, most_segments + 1) for plan in every_plan(variances.size, count, costs)]
    within = [plan for plan in plans if costs.bytes(plan) <= budget]
    return min(costs.error(variances, plan) for plan in [[], *within])


@settings(deadline=None, max_examples=60)
@given(
    errors=st.sampled_from([SegmentErrors(CAQ.rates[:4], CAQ.table[:4]), HALVES]),
    seed=st.integers(0, 1000),
    d=st.integers(1, 22),
    budget=st.integers(0, 14),
    power=st.sampled_from([1.0, 1.5, 2.0]),
    segment_bytes=st.integers(0, 2),
    most_segments=st.integers(1, 6),
)
def test_no_plan_is_better(
    errors: SegmentErrors, seed: int, d: int, budget: int, power: float, segment_bytes: int, most_segments: int
) -> None:
    variances = np.sort(np.random.default_rng(seed).exponential(size=d) ** 2)[::-1]
    costs = Costs(errors, power, block=4, segment_bytes=segment_bytes)
    plan = allocate(variances, budget, costs, most_segments)
    assert costs.bytes(plan) <= budget
    assert len(plan) <= most_segments
    best = brute_force(variances, budget, costs, min(most_segments, -(-d // costs.block)))
    assert costs.error(variances, plan) == pytest.approx(best, rel=1e-9)
    assert all(a.stop == b.start for a, b in itertools.pairwise(plan))
    assert not plan or plan[0].start == 0


def test_a_budget_too_small_for_one_block_gives_no_plan() -> None:
    costs = Costs(LLOYD_MAX, power=1.0, block=8, segment_bytes=2)
    assert allocate(np.ones(8), 2, costs) == []
    assert allocate(np.ones(8), -1, costs) == []
    assert allocate(np.ones(8), 3, costs) == [Segment(0, 8, 1)]
