"""What a scan must know of a method's codes: integers of a few bits, their levels, and a few numbers of each row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vq_benchmark.arrays import Array, CodeArray, DoubleArray
from vq_benchmark.quantizers.kernels.integer_dots import MOST_LEVEL
from vq_benchmark.quantizers.kernels.rows import row_squares

MOST_BITS = 4
"""Bits of the integers that scans read."""


class ScanRows(NamedTuple):
    """What a scan reads of n codes."""

    integers: CodeArray
    """(n, e) uint8."""
    scales: Array
    """(n,) of the levels."""
    shifts: Array
    """(n,) added to every level of a row, after its scale."""
    offsets: Array
    """(n,) added to the score of a row."""


@dataclass(frozen=True)
class ScanCode:
    """A row whose score is Σ_j w_j·(scale·level[k_j] + shift) + offset, up to a number that only the query decides.

    w_j is number j of the projected query, times `weights[j]` where there are weights.
    """

    columns: int
    """e, integers of a row."""
    bits: int
    """Bits of the integers k, 1 to 4."""
    levels: Array
    """(2^bits,) ascending."""
    read: Callable[[CodeArray], ScanRows]
    """What codes (n, code_bytes) hold."""
    weights: Array | None = None
    """(e,)"""

    @property
    def steps(self) -> "Steps":
        """The levels as integers."""
        levels = np.asarray(self.levels, np.float64)
        low, width = levels[0], levels[-1] - levels[0]
        if np.allclose(np.diff(levels), width / (levels.size - 1), rtol=1e-5):
            return Steps(float(low), float(width / (levels.size - 1)), _sixteen(np.arange(levels.size)), True)
        step = width / MOST_LEVEL
        return Steps(float(low), float(step), _sixteen(np.rint((levels - low) / step)), False)


class Steps(NamedTuple):
    """Levels as low + step·integers: exactly where levels are equally far apart, else rounded to 7 bits."""

    low: float
    step: float
    integers: CodeArray
    """(16,) uint8, padded with zeros."""
    is_uniform: bool
    """Whether each integer is its own place."""


def no_rows(count: int) -> DoubleArray:
    """Zeros, for what a method's rows do not have."""
    return np.zeros(count)


def along_levels(integers: CodeArray, levels: Array, lengths: Array) -> DoubleArray:
    """The scales with which the levels of rows (n, e) have the given lengths (n,); 0 where all levels are."""
    squares = row_squares(np.asarray(levels, np.float32)[integers])
    return np.divide(lengths, np.sqrt(squares), out=np.zeros(len(integers)), where=squares > 0)


def _sixteen(values: Array) -> CodeArray:
    out = np.zeros(16, np.uint8)
    out[: values.size] = values
    return out
