"""Turn a budget of bits per dimension, side information included, into the choice of a method."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.quantizers.parts.packing import packed_bytes

Choice = TypeVar("Choice")


def budget_bytes(bits_per_dim: float, d: int) -> int:
    """Return the whole bytes per vector that a budget allows; rounding of the budget itself costs no byte."""
    return math.floor(bits_per_dim * d / 8 + 1e-9)


def largest_within(
    method: str, bits_per_dim: float, d: int, choices: Sequence[Choice], code_bytes: Callable[[Choice], int]
) -> Choice:
    """Return the last choice whose code fits in the budget. Choices are in order of `code_bytes`, their whole code.

    Raises:
        InfeasibleBudget: not even the first choice fits.
    """
    most = budget_bytes(bits_per_dim, d)
    fitting = [choice for choice in choices if code_bytes(choice) <= most]
    if not fitting:
        raise too_small(method, code_bytes(choices[0]), bits_per_dim, d)
    return fitting[-1]


def whole_bits(method: str, bits_per_dim: float, d: int, choices: Sequence[int], side_bytes: int) -> int:
    """Return the most bits per dimension, out of ascending choices, whose packed code and side information fit.

    Raises:
        InfeasibleBudget: not even the fewest bits fit.
    """
    return largest_within(method, bits_per_dim, d, choices, lambda bits: side_bytes + packed_bytes(d, bits))


def nominal_bits(method: str, bits_per_dim: float, lowest: int, highest: int) -> int:
    """Return the most bits per dimension, from lowest to highest, within a budget that leaves side information out.

    Raises:
        InfeasibleBudget: the budget is below the lowest.
    """
    bits = min(math.floor(bits_per_dim), highest)
    if bits < lowest:
        raise InfeasibleBudget(
            f"{method} needs at least {lowest} bits per dimension; the budget is {bits_per_dim:g}."
        )
    return bits


def whole_bytes(method: str, bits_per_dim: float, d: int, side_bytes: int = 0) -> int:
    """Return the bytes within the budget that are left for a code beside its side information, at least one.

    Raises:
        InfeasibleBudget: not even one byte is left.
    """
    count = budget_bytes(bits_per_dim, d) - side_bytes
    if count < 1:
        raise too_small(method, side_bytes + 1, bits_per_dim, d)
    return count


def too_small(method: str, least_bytes: int, bits_per_dim: float, d: int) -> InfeasibleBudget:
    """Return the refusal of a budget by a method whose smallest code takes least_bytes; it names one that does."""
    return InfeasibleBudget(
        f"{method} needs at least {enough_bits(least_bytes, d)} bits per dimension at d={d}, not {bits_per_dim:g}."
    )


def enough_bits(code_bytes: int, d: int) -> str:
    """Return the bits per dimension of a code as text, rounded up, so that they are a budget that it fits in."""
    bits = 8 * code_bytes / d
    text = f"{bits:.4g}"
    if float(text) >= bits:
        return text
    unit = 10.0 ** (math.floor(math.log10(bits)) - 3)
    return f"{(math.floor(bits / unit) + 1) * unit:.4g}"
