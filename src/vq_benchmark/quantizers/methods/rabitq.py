"""RaBitQ with 1 to 8 bits per dimension: the vector of half-integers nearest in angle."""

import math
from typing import Literal

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot, dot_and_square
from vq_benchmark.quantizers.parts.packing import pack_row
from vq_benchmark.quantizers.parts.rotated_base import RotatedParameters
from vq_benchmark.quantizers.parts.uniform_base import FACTOR_BYTES, UniformQuantizer, write_factors

_UNIFORM_STEP = (2.0, 1.596, 0.9957, 0.5860, 0.3352, 0.1881, 0.1041, 0.0569, 0.0308)
"""Step of the best uniform quantizer of N(0, 1) with 2^bits levels (Max 1960): where the best scale is near."""
_COARSE = np.linspace(0.68, 1.5, 8)
"""Scales tried first, in units of 1/_UNIFORM_STEP."""
_FINE = np.linspace(-1, 1, 18)[1:-1] * (_COARSE[1] - _COARSE[0])
"""Scales tried next, around the best of the coarse ones."""


class RabitqParameters(RotatedParameters):
    """Parameters of `rabitq`."""

    search: Literal["grid", "exact"] = Field(
        default="grid",
        description="grid: the best of 8 and then 16 scales; exact: the best of all, 10 to 1000 times slower.",
    )


class Rabitq(UniformQuantizer):
    """q_j = sign(y_j)·(min(⌊t·|y_j|/‖y‖⌋, 2^(bits−1) − 1) + ½), with t chosen for each vector to maximise cos(q, y).

    Gao & Long, "RaBitQ" (SIGMOD 2024) is the case of 1 bit; Gao et al., "Practical and Asymptotically Optimal
    Quantization" (SIGMOD 2025, arXiv 2409.09913) the rest. `search="exact"` is its algorithm 1.
    """

    name = "rabitq"
    title = "Extended RaBitQ"
    paper = (
        "Gao & Long: RaBitQ, SIGMOD 2024, arXiv 2405.12497; Gao et al.: Practical and asymptotically optimal "
        "quantization, SIGMOD 2025, arXiv 2409.09913"
    )
    parameters_type = RabitqParameters

    def _round(self, y: FloatArray, centre: FloatArray, codes: CodeArray, factors: FloatArray) -> None:
        bits = self.parameters.bits
        if self.parameters.search == "exact":
            _encode_exact(y, centre, bits, codes, factors)
        else:
            unit = math.sqrt(self.d) / _UNIFORM_STEP[bits]
            coarse, fine = ((unit * grid).astype(np.float32) for grid in (_COARSE, _FINE))
            _encode_grid(y, centre, bits, coarse, fine, codes, factors)


@row_kernel
def _squared_cosine(magnitudes: FloatArray, step: float, top: float, levels: FloatArray) -> np.float32:
    """⟨q, |y|⟩²/‖q‖² for q = min(⌊step·|y|⌋, top) + ½: ‖y‖² times the squared cosine; levels (d,) is scratch."""
    for j in range(magnitudes.size):
        levels[j] = np.floor(min(magnitudes[j] * step, top)) + np.float32(0.5)
    ip, l2 = dot_and_square(levels, magnitudes)
    squared: np.float32 = ip * ip / l2
    return squared


@row_kernel
def _best_step(
    magnitudes: FloatArray, start: float, offsets: FloatArray, norm: float, top: float, levels: FloatArray
) -> float:
    """start, or start + offset/norm, whichever gives the largest cosine."""
    best_step, best = start, _squared_cosine(magnitudes, start, top, levels)
    for offset in offsets:
        step = start + offset / norm
        value = _squared_cosine(magnitudes, step, top, levels)
        if value > best:
            best_step, best = step, value
    return best_step


@tile_kernel
def _encode_grid(
    y: FloatArray,
    centre: FloatArray,
    bits: int,
    coarse: FloatArray,
    fine: FloatArray,
    codes: CodeArray,
    factors: FloatArray,
) -> None:
    """For each row of y (n, d), the best t of coarse, then of t + fine; factors (n, 3)."""
    n, d = y.shape
    half = 1 << (bits - 1)
    top = np.float32(half - 1)
    integers = np.empty(d, np.uint8)
    magnitudes, levels = np.empty(d, np.float32), np.empty(d, np.float32)
    for i in range(n):
        norm = np.sqrt(dot(y[i], y[i]))
        step = np.float32(0)
        if norm > 0 and half > 1:
            for j in range(d):
                magnitudes[j] = abs(y[i, j])
            step = _best_step(magnitudes, np.float32(0), coarse, norm, top, levels)
            step = _best_step(magnitudes, step, fine, norm, top, levels)
        for j in range(d):
            k = np.int32(min(abs(y[i, j]) * step, top))
            integers[j] = half + k if y[i, j] >= 0 else half - 1 - k
        write_factors(y[i], centre, integers, 0.5 - half, levels, factors[i])
        pack_row(integers, bits, codes[i, FACTOR_BYTES:])


@tile_kernel
def _encode_exact(y: FloatArray, centre: FloatArray, bits: int, codes: CodeArray, factors: FloatArray) -> None:
    n, d = y.shape
    half = 1 << (bits - 1)
    integers = np.empty(d, np.uint8)
    levels = np.empty(d, np.float32)
    magnitudes = np.empty(d, np.float64)
    steps = np.empty(d, np.int64)
    heap = np.empty(d, np.int64)
    keys = np.empty(d, np.float64)
    for i in range(n):
        for j in range(d):
            magnitudes[j] = abs(y[i, j])
        sweep_critical_values(magnitudes, half - 1, steps, heap, keys)
        for j in range(d):
            integers[j] = half + steps[j] if y[i, j] >= 0 else half - 1 - steps[j]
        write_factors(y[i], centre, integers, 0.5 - half, levels, factors[i])
        pack_row(integers, bits, codes[i, FACTOR_BYTES:])


@row_kernel
def sweep_critical_values(magnitudes: DoubleArray, top: int, steps: Array, heap: Array, keys: DoubleArray) -> None:
    """steps_j = min(⌊t·magnitudes_j⌋, top) for the t > 0 that maximises the cosine of steps + ½ and magnitudes.

    The steps change only at t = k/magnitudes_j, which are visited in ascending order (ties by j) with a heap of
    the next one of each j; sums in float64. heap and keys (d,) are scratch.
    """
    d = magnitudes.size
    size = 0
    ip, l2 = 0.0, d * 0.25
    for j in range(d):
        ip += 0.5 * magnitudes[j]
        steps[j] = 0
        if top > 0 and magnitudes[j] > 0:
            keys[j] = 1 / magnitudes[j]
            heap[size] = j
            size += 1
    for start in range(size // 2 - 1, -1, -1):
        _sift_down(heap, keys, start, size)
    best, best_key, best_j = ip * ip / l2, 0.0, -1
    while size > 0:
        j = heap[0]
        key = keys[j]
        steps[j] += 1
        ip += magnitudes[j]
        l2 += 2.0 * steps[j]
        if ip * ip / l2 > best:
            best, best_key, best_j = ip * ip / l2, key, j
        if steps[j] < top:
            keys[j] = (steps[j] + 1) / magnitudes[j]
        else:
            size -= 1
            heap[0] = heap[size]
        _sift_down(heap, keys, 0, size)
    for j in range(d):
        a = magnitudes[j]
        k = min(top, int(best_key * a)) if a > 0 else 0
        while k > 0 and not _is_visited(k / a, j, best_key, best_j):
            k -= 1
        while a > 0 and k < top and _is_visited((k + 1) / a, j, best_key, best_j):
            k += 1
        steps[j] = k


@row_kernel
def _is_visited(key: float, j: int, last_key: float, last_j: int) -> bool:
    return key < last_key or (key == last_key and j <= last_j)


@row_kernel
def _sift_down(heap: Array, keys: DoubleArray, start: int, size: int) -> None:
    parent = start
    while True:
        child = 2 * parent + 1
        if child >= size:
            return
        if child + 1 < size and _precedes(heap[child + 1], heap[child], keys):
            child += 1
        if not _precedes(heap[child], heap[parent], keys):
            return
        heap[parent], heap[child] = heap[child], heap[parent]
        parent = child


@row_kernel
def _precedes(i: int, j: int, keys: DoubleArray) -> bool:
    return keys[i] < keys[j] or (keys[i] == keys[j] and i < j)
