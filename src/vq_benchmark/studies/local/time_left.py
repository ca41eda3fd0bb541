"""Estimate how long the remaining cells of a sweep take, from what those done before them took."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean

from vq_benchmark.studies.cells import Cell


class Remaining:
    """The cells that wait, in order, and the seconds that earlier ones took.

    A cell is expected to take as long as the mean of its method's cells, or of all, if its method has none yet.
    """

    def __init__(self, cells: Sequence[Cell], clock: Callable[[], float] = time.monotonic) -> None:
        self.cells, self.clock = list(cells), clock
        self.took: defaultdict[str, list[float]] = defaultdict(list)
        self.began = clock()

    def start(self) -> None:
        """The first of the waiting cells begins now."""
        self.began = self.clock()

    def finish(self) -> None:
        """The first of the waiting cells is done."""
        self.took[self.cells.pop(0).method].append(self.clock() - self.began)

    def seconds(self) -> float | None:
        """The seconds left; None before a first cell is done."""
        if not self.took or not self.cells:
            return None if self.cells else 0.0
        current, *others = map(self._expected, self.cells)
        return max(current - (self.clock() - self.began), 0.0) + sum(others)

    def _expected(self, cell: Cell) -> float:
        every = [seconds for of_method in self.took.values() for seconds in of_method]
        return fmean(self.took.get(cell.method) or every)
