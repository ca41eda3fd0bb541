"""How many bits each run of dimensions gets: the best segmentation under a budget, by dynamic programming."""

import math
from dataclasses import dataclass

import numpy as np

from vq_benchmark.arrays import DoubleArray, IdArray


@dataclass(frozen=True)
class Segment:
    """Dimensions start to stop (not included), coded with `bits` bits each."""

    start: int
    stop: int
    bits: int


@dataclass(frozen=True)
class Costs:
    """What a plan costs in error and in bits. A segment of summed variance v costs v·base^−bits in error."""

    base: float
    """2 or 4: the factor by which one more bit lowers the error."""
    block: int
    """Segments begin at multiples of this many dimensions."""
    segment_bits: int
    """Bits per vector that each segment takes besides its code."""
    max_bits: int
    """Most bits per dimension of a segment; the least is 1."""
    minimal_gain: float = 0.01
    """One more segment must lower the error by more than this fraction."""

    def error(self, variances: DoubleArray, plan: list[Segment]) -> float:
        """The error of a plan: its segments', and all the variance of the dimensions after the last."""
        coded = sum(float(variances[s.start : s.stop].sum()) * self.base**-s.bits for s in plan)
        return coded + float(variances[plan[-1].stop if plan else 0 :].sum())

    def bits(self, plan: list[Segment]) -> int:
        """Bits per vector of a plan."""
        return sum((s.stop - s.start) * s.bits + self.segment_bits for s in plan)


def allocate(variances: DoubleArray, budget: int, costs: Costs, max_segments: int | None = None) -> list[Segment]:
    """The plan of least error within `budget` bits per vector, for variances (d,) of successive dimensions.

    Segments follow one another from dimension 0; the dimensions after the last are dropped. Plans of 1, 2, …
    segments, up to max_segments, are found in turn, each optimal for its number, until one more gains too little.
    Empty if the budget
    is too small for any segment. The programme is that of SAQ (Li et al., SIGMOD 2026, arXiv 2509.12086).
    """
    edges = np.append(np.arange(0, variances.size, costs.block), variances.size)
    unit = math.gcd(costs.segment_bits, *(int(size) for size in np.diff(edges)))
    summed = np.concatenate([[0.0], np.cumsum(variances)])[edges]
    tails = summed[-1] - summed
    least = np.full((edges.size, budget // unit + 1), np.inf)  # least[k, m]: of the first k blocks within m units
    least[0] = 0.0
    choices: list[IdArray] = []
    plan: list[Segment] = []
    error = float(summed[-1])
    while len(plan) != max_segments:
        least, choice = _one_more_segment(least, edges, summed, unit, costs)
        choices.append(choice)
        last = int((least[:, -1] + tails).argmin())
        with_more = float(least[last, -1] + tails[last])
        if not (math.isfinite(with_more) and with_more < (1 - costs.minimal_gain) * error):
            break
        plan, error = _trace(choices, edges, last, unit, costs), with_more
    return plan


def _one_more_segment(
    least: DoubleArray, edges: IdArray, summed: DoubleArray, unit: int, costs: Costs
) -> tuple[DoubleArray, IdArray]:
    """least after one more segment, and the (first block, bits) of that segment, as first·(max_bits + 1) + bits."""
    more = np.full_like(least, np.inf)
    choice = np.zeros(least.shape, np.int64)
    width = least.shape[1]
    for first in range(edges.size - 1):
        if not np.isfinite(least[first, -1]):
            continue
        for after in range(first + 1, edges.size):
            for bits in range(1, costs.max_bits + 1):
                used = (int(edges[after] - edges[first]) * bits + costs.segment_bits) // unit
                if used >= width:
                    break
                error = least[first, : width - used] + (summed[after] - summed[first]) * costs.base**-bits
                better = error < more[after, used:]
                more[after, used:][better] = error[better]
                choice[after, used:][better] = first * (costs.max_bits + 1) + bits
    return more, choice


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
