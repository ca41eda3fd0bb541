"""The rule of a sweep: which configuration of a method is measured at a budget of bits per dimension.

A method is measured with its largest code within the budget. If that takes less than 80 % of the budget, and the next
larger code takes at most 25 % more than the budget, the larger one is measured instead: it is over the budget, and
reports mark it. So a method of whole bits and some side information has a code near each budget.
"""

import math
from typing import Literal

from vq_benchmark.errors import InfeasibleBudget
from vq_benchmark.quantizers.base import Parameters, Quantizer
from vq_benchmark.quantizers.budget import budget_bytes

BudgetRule = Literal["strict", "nominal"]
"""strict: the rule above. nominal: `for_nominal_budget`, which leaves side information out of the budget."""
NEAR = 1.25
"""Times a budget that a code may take which is measured at it; a code within the budget is near from 1/NEAR on."""


def chosen_parameters(
    method: type[Quantizer], budget: float, d: int, rule: BudgetRule = "strict", training_rows: int = 2**31
) -> Parameters:
    """Return the parameters that a method is measured with at a budget, for vectors of dimension d.

    Args:
        training_rows: vectors that there are to train on; default, as many as any code needs.

    Raises:
        InfeasibleBudget: the method has no code near the budget, and none below; the message names a budget that
            would do.
        InputError: the method does not support budgets.
    """
    if rule == "nominal":
        return method.for_nominal_budget(budget, d)
    try:
        within = method.for_budget_and_rows(budget, d, training_rows)
    except InfeasibleBudget:
        larger = _larger(method, None, budget, d, training_rows)
        if larger is None:
            raise
        return larger
    least = math.ceil(budget * d / 8 / NEAR - 1e-9) - 1
    if _at_bytes(method, least, d, training_rows) != within:
        return within
    return _larger(method, within, budget, d, training_rows) or within


def code_bytes_of(
    method: type[Quantizer], parameters: Parameters, budget: float, d: int, training_rows: int = 2**31
) -> int:
    """Return the bytes of a code with the parameters that `chosen_parameters` returned, without fitting them.

    By bisection: a method chooses them from the budget of exactly so many bytes on.
    """
    size = budget_bytes(budget, d)
    within = _at_bytes(method, size, d, training_rows)
    low, high = (0, size) if within == parameters else (size, budget_bytes(NEAR * budget, d))
    while high - low > 1:
        middle = (low + high) // 2
        found = _at_bytes(method, middle, d, training_rows)
        reached = found == parameters if within == parameters else found != within
        low, high = (low, middle) if reached else (middle, high)
    return high


def _larger(
    method: type[Quantizer], within: Parameters | None, budget: float, d: int, training_rows: int
) -> Parameters | None:
    """The smallest code above a budget that is near it, by bisection; None if there is none.

    A method chooses what it chose within the budget up to the size of its next larger code.
    """
    low, high = budget_bytes(budget, d), budget_bytes(NEAR * budget, d)
    found = _at_bytes(method, high, d, training_rows)
    if found == within:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        parameters = _at_bytes(method, middle, d, training_rows)
        if parameters == within:
            low = middle
        else:
            high, found = middle, parameters
    return found


def _at_bytes(method: type[Quantizer], size: int, d: int, training_rows: int) -> Parameters | None:
    """The largest code of at most so many bytes; None if there is none."""
    try:
        return method.for_budget_and_rows(_bits_of(size, d), d, training_rows) if size > 0 else None
    except InfeasibleBudget:
        return None


def _bits_of(size: int, d: int) -> float:
    """The budget of so many bytes; times d it is never less, whatever the rounding."""
    bits = 8 * size / d
    return bits if bits * d >= 8 * size else math.nextafter(bits, math.inf)
