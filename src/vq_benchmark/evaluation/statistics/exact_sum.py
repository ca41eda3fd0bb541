"""Sums of float64 numbers without rounding: any order and any grouping give the same bits."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.quantizers.kernels.compile import row_kernel

UNIT_EXPONENT = 1127
"""The unit is 2**-1127: 53 bits of mantissa below the smallest float64 exponent, so every shift is to the left."""
LOW_BITS = 26
EXPONENTS = 2047
"""Values of the exponent field of finite float64 numbers."""


@dataclass
class ExactSum:
    """A running sum, kept as an integer number of units of 2**-1127."""

    units: int = 0

    def add(self, values: DoubleArray) -> None:
        """Add all of values (n,) float64, n < 2**26.

        Raises:
            ValueError: a value is not finite.
        """
        high, low = np.zeros((2, EXPONENTS), dtype=np.int64)
        if not _add_mantissas(np.ascontiguousarray(values, dtype=np.float64).view(np.int64), high, low):
            raise ValueError("cannot sum a value that is not finite")
        for exponent in np.flatnonzero((high != 0) | (low != 0)).tolist():
            mantissa = (int(high[exponent]) << LOW_BITS) + int(low[exponent])
            self.units += mantissa << (exponent - 1075 + UNIT_EXPONENT)  # 2**-1074 is the smallest float64

    def merge(self, other: Self) -> None:
        """Add another sum."""
        self.units += other.units

    @property
    def value(self) -> float:
        """The sum, rounded once to the nearest float64."""
        return self.units / (1 << UNIT_EXPONENT)


@row_kernel
def _add_mantissas(bits: Any, high: Any, low: Any) -> bool:
    """Add the mantissas of float64 numbers, in two halves, by exponent; False if a number is not finite."""
    for word in bits:
        exponent = (word >> 52) & 2047
        if exponent == EXPONENTS:
            return False
        mantissa = word & ((1 << 52) - 1)
        if exponent:
            mantissa |= 1 << 52
        else:
            exponent = 1  # subnormal numbers have the unit of the smallest normal ones
        if word < 0:
            mantissa = -mantissa
        high[exponent] += mantissa >> LOW_BITS
        low[exponent] += mantissa & ((1 << LOW_BITS) - 1)
    return True
