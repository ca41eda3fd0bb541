"""How many bits each run of dimensions gets: the best segmentation under a budget, by dynamic programming."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, IdArray
from vq_benchmark.quantizers.kernels.compile import row_kernel
from vq_benchmark.quantizers.parts.segment_distortions import SegmentErrors


@dataclass(frozen=True)
class Segment:
    """Dimensions start to stop (not included), coded with `bits` bits each, which may be fractional."""

    start: int
    stop: int
    bits: float

    @property
    def size(self) -> int:
        """Its number of dimensions."""
        return self.stop - self.start


@dataclass(frozen=True)
class Costs:
    """What a plan costs in error and in bytes.

    A segment of m dimensions with mean variance v, at a relative error D, costs m·v^power·D; a dropped dimension
    costs v^power. With power 1 that is the squared error of vectors. With power 2 it is the squared error of inner
    products with queries that are distributed like the vectors.
    """

    errors: SegmentErrors
    """The relative errors of the code, and the bits per dimension that a segment may take."""
    power: float
    block: int
    """Segments begin at multiples of this many dimensions."""
    segment_bytes: int
    """Bytes per vector that each segment takes besides its code."""

    def error(self, variances: DoubleArray, plan: list[Segment]) -> float:
        """The error of a plan: its segments', and that of the dimensions after the last."""
        error = float((variances[plan[-1].stop if plan else 0 :] ** self.power).sum())
        for s in plan:
            error += float(s.size * variances[s.start : s.stop].mean() ** self.power * self.errors.at(s.size, s.bits))
        return error

    def bytes(self, plan: list[Segment]) -> int:
        """Bytes per vector of a plan."""
        return sum(math.ceil(s.size * s.bits / 8) + self.segment_bytes for s in plan)


def allocate(variances: DoubleArray, budget: int, costs: Costs, max_segments: int = 16) -> list[Segment]:
    """The plan of least error within `budget` bytes per vector, for variances (d,) of successive dimensions.

    Segments follow one another from dimension 0; the dimensions after the last are dropped. It is found by dynamic
    programming, as in SAQ (Li et al., SIGMOD 2026, arXiv 2509.12086): for any number of segments, and then for each
    number up to max_segments if that is more. Empty if the budget is too small for any segment.
    """
    search = _Search(variances, costs)
    least, choice = search.add_segment(search.start(budget), in_place=True)
    plan = search.trace(least, repeat(choice))
    if len(plan) <= max_segments:
        return plan
    plans: list[list[Segment]] = [[]]
    least, choices = search.start(budget), []
    for _ in range(max_segments):
        least, choice = search.add_segment(least)
        choices.append(choice)
        plans.append(search.trace(least, reversed(choices)))
    return min(plans, key=lambda each: costs.error(variances, each))


def plan_bytes(budget: int, d: int, costs: Costs, max_segments: int) -> int:
    """The most that `allocate` takes: tables of errors, and one of choices for each number of segments."""
    blocks = -(-d // costs.block)
    return 4 * (blocks + 1) * (budget + 1) * (min(max_segments, blocks) + 4) + 8 * d * (len(costs.errors.rates) + 4)


class _Search:
    """The tables of the dynamic programme. Row k of a table belongs to the first k blocks, column m to m bytes."""

    def __init__(self, variances: DoubleArray, costs: Costs) -> None:
        d = variances.size
        self._costs = costs
        self._edges = np.append(np.arange(0, d, costs.block), d)
        self._summed = np.concatenate([[0.0], np.cumsum(variances)])[self._edges]
        self._dropped = np.append(np.cumsum(variances[::-1] ** costs.power)[::-1], 0.0)[self._edges]
        self._relative = costs.errors.of(np.arange(1, d + 1))
        self._rates = np.array(costs.errors.rates, np.float64)

    def start(self, budget: int) -> DoubleArray:
        """The least errors with no segment."""
        least = np.full((self._edges.size, max(budget, 0) + 1), np.inf)
        least[0] = 0.0
        return least

    def add_segment(self, least: DoubleArray, *, in_place: bool = False) -> tuple[DoubleArray, Array]:
        """The least errors with one segment more, or, in place, with any number; and what the last one is."""
        more, choice = least if in_place else np.full_like(least, np.inf), np.zeros(least.shape, np.int32)
        costs, tables = self._costs, (self._edges, self._summed, self._relative, self._rates)
        _add_segment(least, *tables, costs.power, costs.segment_bytes, more, choice)
        return more, choice

    def trace(self, least: DoubleArray, choices: Iterable[Array]) -> list[Segment]:
        """The best plan of the last table, from what each segment is, the last first."""
        plan: list[Segment] = []
        after, left = int((least[:, -1] + self._dropped).argmin()), least.shape[1] - 1
        for choice in choices if after else ():
            first, rate = divmod(int(choice[after, left]), len(self._costs.errors.rates))
            bits = self._costs.errors.rates[rate]
            plan.append(Segment(int(self._edges[first]), int(self._edges[after]), bits))
            left -= self._costs.bytes(plan[-1:])
            after = first
            if after == 0:
                break
        return plan[::-1]


@row_kernel
def _add_segment(
    least: DoubleArray,
    edges: IdArray,
    summed: DoubleArray,
    relative: DoubleArray,
    rates: DoubleArray,
    power: float,
    segment_bytes: int,
    more: DoubleArray,
    choice: Array,
) -> None:
    """Lower more to `least` after one more segment, and set choice to its first·(rates) + its place in rates.

    With more = least that makes the best of any number of segments: a row is final when the loop comes to it.
    """
    width, count = least.shape[1], rates.size
    for first in range(edges.size - 1):
        for after in range(first + 1, edges.size):
            size = edges[after] - edges[first]
            weight = size * max((summed[after] - summed[first]) / size, 0.0) ** power
            for rate in range(count):
                used = int(np.ceil(size * rates[rate] / 8)) + segment_bytes
                error = weight * relative[size - 1, rate]
                for spent in range(used, width):
                    total = least[first, spent - used] + error
                    if total < more[after, spent]:
                        more[after, spent] = total
                        choice[after, spent] = first * count + rate
