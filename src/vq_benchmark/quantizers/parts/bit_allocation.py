"""Bits for each run of dimensions: the best segmentation under a budget, by dynamic programming."""

import math
from dataclasses import dataclass

import numpy as np

from vq_benchmark.arrays import DoubleArray, IdArray
from vq_benchmark.quantizers.kernels.compile import row_kernel


@dataclass(frozen=True)
class Segment:
    """Dimensions start to stop (not included), coded with `bits` bits each."""

    start: int
    stop: int
    bits: int


@dataclass(frozen=True)
class Costs:
    """The cost of a plan in error and in bits. A segment of summed variance v costs v·base^−bits in error."""

    base: float
    """2 or 4: the factor by which one more bit lowers the error."""
    block: int
    """Segments begin at multiples of this many dimensions."""
    segment_bits: int
    """Bits per vector that each segment takes in addition to its code."""
    max_bits: int
    """Maximum bits per dimension of a segment; the minimum is 1."""
    minimal_gain: float = 0.01
    """Each segment must lower the error by more than this fraction."""

    def error(self, variances: DoubleArray, plan: list[Segment]) -> float:
        """The error of a plan: that of its segments, plus all the variance of the dimensions after the last."""
        coded = sum(float(variances[s.start : s.stop].sum()) * self.base**-s.bits for s in plan)
        return coded + float(variances[plan[-1].stop if plan else 0 :].sum())

    def bits(self, plan: list[Segment]) -> int:
        """Bits per vector of a plan."""
        return sum((s.stop - s.start) * s.bits + self.segment_bits for s in plan)


def allocate(variances: DoubleArray, budget: int, costs: Costs, max_segments: int = 16) -> list[Segment]:
    """The plan with the least error within `budget` bits per vector, for variances (d,) of successive dimensions.

    Segments follow one another from dimension 0; the dimensions after the last are dropped. The best plan of each
    number of segments is found by the dynamic programme of SAQ (Li et al., SIGMOD 2026, arXiv 2509.12086); of these,
    the one with the least error·(1 − minimal_gain)^−segments is chosen. SAQ stops at the first number that gains too
    little, but two segments may not fit where three do. The plan is empty if the budget is too small for any segment.
    """
    edges = np.append(np.arange(0, variances.size, costs.block), variances.size)
    unit = math.gcd(costs.segment_bits, *(int(size) for size in np.diff(edges)))
    summed = np.concatenate([[0.0], np.cumsum(variances)])[edges]
    least = np.full((edges.size, budget // unit + 1), np.inf)  # least[k, m]: of the first k blocks within m units
    least[0] = 0.0
    choices: list[IdArray] = []
    plan: list[Segment] = []
    best = float(summed[-1])
    for count in range(1, min(max_segments, edges.size - 1) + 1):
        more, choice = np.full_like(least, np.inf), np.zeros(least.shape, np.int64)
        _add_segment(least, edges, summed, unit, costs.base, costs.segment_bits, costs.max_bits, more, choice)
        least = more
        choices.append(choice)
        errors = least[:, -1] + (summed[-1] - summed)
        last = int(errors.argmin())
        penalised = float(errors[last]) * (1 - costs.minimal_gain) ** -count
        if penalised < best:
            best, plan = penalised, _trace(choices, edges, last, unit, costs)
    return plan


def plan_bytes(budget: int, d: int, costs: Costs, max_segments: int) -> int:
    """The bytes that `allocate` takes: two tables of numbers, and one of choices for each number of segments."""
    blocks = -(-d // costs.block)
    unit = math.gcd(costs.segment_bits, min(costs.block, d), d % costs.block)
    return 8 * (blocks + 1) * (budget // unit + 1) * (min(max_segments, blocks) + 2)


@row_kernel
def _add_segment(
    least: DoubleArray,
    edges: IdArray,
    summed: DoubleArray,
    unit: int,
    base: float,
    segment_bits: int,
    max_bits: int,
    more: DoubleArray,
    choice: IdArray,
) -> None:
    """Fill more with `least` after one more segment, and choice with its first·(max_bits + 1) + bits."""
    width = least.shape[1]
    for first in range(edges.size - 1):
        for after in range(first + 1, edges.size):
            for bits in range(1, max_bits + 1):
                used = ((edges[after] - edges[first]) * bits + segment_bits) // unit
                error = (summed[after] - summed[first]) * base**-bits
                for units in range(used, width):
                    total = least[first, units - used] + error
                    if total < more[after, units]:
                        more[after, units] = total
                        choice[after, units] = first * (max_bits + 1) + bits


def _trace(choices: list[IdArray], edges: IdArray, last: int, unit: int, costs: Costs) -> list[Segment]:
    plan: list[Segment] = []
    after, units = last, choices[0].shape[1] - 1
    for choice in reversed(choices):
        first, bits = divmod(int(choice[after, units]), costs.max_bits + 1)
        segment = Segment(int(edges[first]), int(edges[after]), bits)
        plan.append(segment)
        units -= ((segment.stop - segment.start) * bits + costs.segment_bits) // unit
        after = first
    return plan[::-1]
