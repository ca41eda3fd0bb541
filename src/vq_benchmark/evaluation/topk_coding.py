"""Candidates as integers that compress well, bit for bit: they are most of what a chunk's result takes on disk.

Scores become integers in the same order, so that neighbours in a sorted list differ little, and an estimate differs
little from the exact score. What remains are the low bits of the scores, which no coding makes smaller. Exact scores
that nobody needs (`TopCandidates.without_idle`) take no room.
"""

from collections.abc import Mapping

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, IdArray
from vq_benchmark.evaluation.topk import NO_ID, TOP_ARRAYS, TopCandidates
from vq_benchmark.machine.byte_planes import from_planes, to_planes

IDLE = "idle"
"""Name of the packed bits that say which exact scores are NO_ROW although there is a row; absent if none is."""
ALL_BUT_SIGN = np.int64(np.iinfo(np.int64).max)


def coded(top: TopCandidates) -> dict[str, Array]:
    """The arrays of candidates by name, each as (8, q, size) uint8; `exact` is absent if it equals `scores`."""
    idle = np.isneginf(top.exact) & ~np.isneginf(top.scores)
    scores, exact = _ordered(top.scores), _ordered(np.where(idle, top.scores, top.exact))
    numbers = {"ids": top.ids - NO_ID, "scores": _steps(scores)}
    if not np.array_equal(exact, scores):
        numbers["exact"] = _unsigned(exact - scores)
    if top.second is not None:
        numbers["second"] = _unsigned(_ordered(top.second) - exact)
    planes = {name: to_planes(each) for name, each in numbers.items()}
    return planes | ({IDLE: np.packbits(idle, axis=1)} if idle.any() else {})


def decoded(arrays: Mapping[str, Array]) -> TopCandidates:
    """The candidates that `coded` was given.

    Raises:
        KeyError, ValueError: an array is missing or has another shape.
    """
    numbers = {name: from_planes(arrays[name]) for name in TOP_ARRAYS if name in arrays}
    if len({each.shape for each in numbers.values()}) != 1 or numbers["ids"].ndim != 2:
        raise ValueError(f"the shapes of candidates differ: {[each.shape for each in numbers.values()]}")
    ordered = _summed(numbers["scores"])
    scores = exact = _floats(ordered)
    if "exact" in numbers:
        ordered = ordered + _signed(numbers["exact"])
        exact = _floats(ordered)
    second = _floats(ordered + _signed(numbers["second"])) if "second" in numbers else None
    if IDLE in arrays:
        exact = np.where(_unpacked(arrays[IDLE], exact.shape), -np.inf, exact)
    return TopCandidates(scores, numbers["ids"] + NO_ID, exact, second)


def _unpacked(bits: Array, shape: tuple[int, ...]) -> Array:
    queries, size = shape
    if bits.dtype != np.uint8 or bits.shape != (queries, -(-size // 8)):
        raise ValueError(f"the shape of {IDLE} is {bits.shape}, which does not fit candidates of shape {shape}")
    return np.unpackbits(bits, axis=1, count=size).astype(bool)


def _ordered(scores: DoubleArray) -> IdArray:
    """int64 numbers in the order of float64 scores, one for each of their bit patterns."""
    bits = np.ascontiguousarray(scores, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, bits ^ ALL_BUT_SIGN, bits)


def _floats(ordered: IdArray) -> DoubleArray:
    return np.where(ordered < 0, ordered ^ ALL_BUT_SIGN, ordered).view(np.float64)


def _steps(ordered: IdArray) -> IdArray:
    """The first number of every row, then how far each is below the one before; differences wrap around."""
    return np.concatenate([ordered[:, :1], ordered[:, :-1] - ordered[:, 1:]], axis=1)


def _summed(steps: IdArray) -> IdArray:
    return np.asarray(np.cumsum(np.concatenate([steps[:, :1], -steps[:, 1:]], axis=1), axis=1))


def _unsigned(numbers: IdArray) -> IdArray:
    """Small numbers of either sign as small numbers without one: 0, −1, 1, −2 become 0, 1, 2, 3."""
    return (numbers << 1) ^ (numbers >> 63)


def _signed(numbers: IdArray) -> IdArray:
    return (numbers.view(np.uint64) >> np.uint64(1)).view(np.int64) ^ -(numbers & 1)
