"""Turn a budget of bits into whole bits per dimension or whole bytes per vector."""

import math

from vq_benchmark.errors import InfeasibleBudget

SCALE_BITS = 64
"""Bits per vector that the scales of a code may take on top of a budget."""


def whole_bits(method: str, bits_per_dim: float, lowest: int, highest: int) -> int:
    """Return the most bits per dimension, from lowest to highest, whose code fits in the budget.

    The budget of such a method counts the bits of the code only. Its scales, at most SCALE_BITS per vector (160 in
    the control `rabitq-faiss`), come on top; otherwise a budget of 2 would leave each method at 1 bit.
    `Quantizer.bits_per_dim` counts everything, so comparisons still see the true 2 + 64/d.

    Raises:
        InfeasibleBudget: the budget is below the lowest.
    """
    bits = min(math.floor(bits_per_dim), highest)
    if bits < lowest:
        raise InfeasibleBudget(
            f"{method} needs at least {lowest} bits per dimension; the budget is {bits_per_dim:g}."
        )
    return bits


def whole_bytes(method: str, bits_per_dim: float, d: int) -> int:
    """Return the bytes of a code within the budget.

    Raises:
        InfeasibleBudget: not even one byte fits.
    """
    count = int(bits_per_dim * d / 8)
    if count < 1:
        raise InfeasibleBudget(
            f"{method} needs at least {8 / d:.4g} bits per dimension at d={d} (one byte per vector), "
            f"not {bits_per_dim:g}."
        )
    return count
