"""Which configuration to measure next, and when the smallest that reaches the goals is known.

Recall falls as a base grows, so what misses the goals on a part of the base misses them on all of it. More bits of a
method never mean less recall, so what is smaller than a miss of the same method is a miss too. A configuration that
reaches the goals makes all larger ones pointless. From these three rules follows what is still open.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from vq_benchmark.studies.cells import Cell
from vq_benchmark.studies.recommending.goals import Reading

MARGIN = 0.01
"""By how much a part must miss a goal, interval included, before the whole base counts as a miss."""
Level = Literal["part", "whole"]
Verdict = Literal["reaches", "undecided", "misses"]


@dataclass(frozen=True)
class Configuration:
    """A method with its parameters, and its size as far as it is known before it is fitted."""

    method: str
    """What bisection is over; of a setting of an engine its own name, since it has no larger or smaller codes."""
    label: str
    code_bytes: int
    least_model_bytes: int = field(default=0, compare=False)
    cell: Cell | None = field(default=None, compare=False)
    """On the whole base, with the first seed."""


@dataclass(frozen=True)
class Probe:
    """A measurement to make: of a configuration, on a part of the base or on all of it."""

    configuration: Configuration
    level: Level


@dataclass
class Search:
    """What has been measured so far. The same measurements always lead to the same next one."""

    grid: Sequence[Configuration]
    vectors: int
    """How many vectors will be stored; they share the model."""
    limit: float = math.inf
    """Most bytes of all codes and the model."""
    has_part: bool = False
    """Whether a part of the base is measured first."""
    best_that_fits: bool = False
    """Whether the largest code within the limit is wanted of every method, whatever it reaches."""
    parts: dict[Configuration, Reading] = field(default_factory=dict)
    wholes: dict[Configuration, Reading] = field(default_factory=dict)
    models: dict[Configuration, int] = field(default_factory=dict)
    """Bytes of the models that were fitted."""
    failed: set[Configuration] = field(default_factory=set)

    def size(self, configuration: Configuration) -> int:
        """Bytes of the codes and the model; at most those, before it is fitted."""
        model = self.models.get(configuration, configuration.least_model_bytes)
        return configuration.code_bytes * self.vectors + model

    def verdict(self, configuration: Configuration) -> Verdict | None:
        """Whether a configuration reaches the goals; None while that is open."""
        reading = self.wholes.get(configuration)
        if reading is not None:
            return "reaches" if reading.low >= 0 else "misses" if reading.high < 0 else "undecided"
        return "misses" if self.evidence(configuration) is not None else None

    def evidence(self, configuration: Configuration) -> Probe | None:
        """The measurement that rules a configuration out, of it or of a larger code of its method; None without."""
        for other in self.grid:
            if other.method == configuration.method and other.code_bytes >= configuration.code_bytes:
                if other in self.wholes and self.wholes[other].high < 0:
                    return Probe(other, "whole")
                if self.part_is_trusted and other in self.parts and self.parts[other].high + MARGIN < 0:
                    return Probe(other, "part")
        return None

    @property
    def part_is_trusted(self) -> bool:
        """Whether no configuration was better on the whole base than on the part: then the part is not typical."""
        return all(self.wholes[each].value <= self.parts[each].value + MARGIN for each in self._both())

    @property
    def drop(self) -> float:
        """The most that a configuration lost from the part to the whole base."""
        return max((self.parts[each].value - self.wholes[each].value for each in self._both()), default=0.0)

    def best(self) -> Configuration | None:
        """The smallest configuration that is known to reach the goals."""
        reaching = [each for each in self.wholes if self.wholes[each].low >= 0 and self.size(each) <= self.limit]
        return min(reaching, key=lambda each: (self.size(each), -self.wholes[each].value, each.label), default=None)

    def open(self, method: str) -> list[Configuration]:
        """The configurations of a method that could still be the answer, small codes first."""
        best = self.best()
        least = self.limit if best is None or self.best_that_fits else min(self.size(best), self.limit)
        return sorted(
            (
                each
                for each in self.grid
                if each.method == method
                and each not in self.failed
                and (self.size(each) < least or self.size(each) == least == self.limit)
                and each not in self.wholes
                and (self.best_that_fits or self.verdict(each) is None)
            ),
            key=lambda each: (each.code_bytes, each.label),
        )

    def next(self) -> Probe | None:
        """The next measurement to make; None if the answer is known."""
        for method in dict.fromkeys(each.method for each in self.grid):
            found = self._largest(method) if self.best_that_fits else self._probe(self.open(method), method)
            if found is not None:
                return found
        return None

    def wants(self, probe: Probe) -> bool:
        """Whether a measurement can still change the answer, now that the size of its model is known."""
        return probe.configuration in self.open(probe.configuration.method)

    def _largest(self, method: str) -> Probe | None:
        """The largest code of a method that fits, if that was not measured yet."""
        fitting = [each for each in self.wholes if each.method == method and self.size(each) <= self.limit]
        most = max((each.code_bytes for each in fitting), default=0)
        larger = [each for each in self.open(method) if each.code_bytes > most]
        return Probe(larger[-1], "whole") if larger else None

    def _probe(self, candidates: Sequence[Configuration], method: str) -> Probe | None:
        if not candidates:
            return None
        if self.has_part and self.part_is_trusted:
            return self._by_part(candidates)
        return Probe(candidates[self._middle(candidates, method)], "whole")

    def _by_part(self, candidates: Sequence[Configuration]) -> Probe:
        """Bisect on the part for the smallest code that promises to reach the goals, then measure that one.

        Where even the largest promises nothing, measuring it rules out all.
        """
        promising = [place for place, each in enumerate(candidates) if self._promises(each)]
        doubtful = [place for place, each in enumerate(candidates) if each in self.parts and not self._promises(each)]
        top = len(candidates) - 1
        if not promising:
            return Probe(candidates[top], "whole" if top in doubtful else "part")
        first = promising[0]
        below = max((place for place in doubtful if place < first), default=-1)
        if first - below > 1:
            return Probe(candidates[(below + first) // 2], "part")
        return Probe(candidates[first], "whole")

    def _promises(self, configuration: Configuration) -> bool:
        reading = self.parts.get(configuration)
        return reading is not None and reading.value - self.drop >= 0

    def _middle(self, candidates: Sequence[Configuration], method: str) -> int:
        """Where to bisect; at the largest code first, if another method set the size to beat."""
        best = self.best()
        return len(candidates) - 1 if best is not None and best.method != method else len(candidates) // 2

    def _both(self) -> list[Configuration]:
        return [each for each in self.parts if each in self.wholes]
