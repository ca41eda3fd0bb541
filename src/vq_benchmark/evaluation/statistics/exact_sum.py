"""Sums of float64 numbers without rounding: any order and any grouping give the same bits."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from vq_benchmark.arrays import DoubleArray

UNIT_EXPONENT = 1127
"""The unit is 2**-1127: 53 bits of mantissa below the smallest float64 exponent, so every shift is to the left."""
LOW_BITS = 26


@dataclass
class ExactSum:
    """A running sum, kept as an integer number of units of 2**-1127."""

    units: int = 0

    def add(self, values: DoubleArray) -> None:
        """Add all of values (n,) float64, n < 2**26.

        Raises:
            ValueError: a value is not finite.
        """
        if not np.isfinite(values).all():
            raise ValueError("cannot sum a value that is not finite")
        if not len(values):
            return
        fractions, exponents = np.frexp(values)
        mantissas = np.ldexp(fractions, 53).astype(np.int64)
        least = int(exponents.min())
        # bincount sums in float64, which is exact for the two halves: 2**27 * n < 2**53.
        high = np.bincount(exponents - least, weights=mantissas >> LOW_BITS)
        low = np.bincount(exponents - least, weights=mantissas & ((1 << LOW_BITS) - 1))
        for above_least in np.flatnonzero((high != 0) | (low != 0)).tolist():
            mantissa = (int(high[above_least]) << LOW_BITS) + int(low[above_least])
            self.units += mantissa << (least + above_least - 53 + UNIT_EXPONENT)

    def merge(self, other: Self) -> None:
        """Add another sum."""
        self.units += other.units

    @property
    def value(self) -> float:
        """The sum, rounded once to the nearest float64."""
        return self.units / (1 << UNIT_EXPONENT)
