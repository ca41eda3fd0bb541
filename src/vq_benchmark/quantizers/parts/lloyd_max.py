"""Lloyd–Max quantizers of the standard normal distribution, computed once, and rounding to their levels."""

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import row_kernel
from vq_benchmark.quantizers.kernels.sums import dot_and_square

MAX_BITS = 8


class Rounding(NamedTuple):
    """The tables by which kernels round |z| to the k-th positive level. Symmetry gives the negative ones."""

    half_levels: FloatArray
    """(2^(bits−1),) the positive levels, ascending."""
    thresholds: FloatArray
    """(2^(bits−1),) |z| above thresholds[k] is rounded to a level above k; the last is infinite."""
    cells: Array
    """cells[⌊|z|·resolution⌋] is the level at the lower edge of that cell; no cell holds two thresholds."""
    resolution: np.float32


@dataclass(frozen=True)
class LloydMax:
    """The scalar quantizer of N(0, 1) with 2^bits levels and least mean squared error.

    Lloyd (1957, 1982), Max (1960): each level is the mean of its cell, each threshold halfway between two levels.
    """

    levels: DoubleArray
    """(2^bits,) ascending and symmetric."""
    thresholds: DoubleArray
    """(2^bits − 1,) ascending."""
    distortion: float
    """E (Z − Q(Z))² for Z ~ N(0, 1); then also E Q(Z)² = E Z·Q(Z) = 1 − distortion."""
    rounding: Rounding


@cache
def lloyd_max(bits: int) -> LloydMax:
    """The quantizer with 2^bits levels, bits 1 to 8, with float64 precision."""
    half = _converge(_starting_levels(bits))
    edges = np.concatenate([[0.0], (half[1:] + half[:-1]) / 2, [np.inf]])
    mass, _, _ = _cells(edges)
    distortion = 1 - 2 * float((mass * half * half).sum())
    levels = np.concatenate([-half[::-1], half])
    return LloydMax(levels, (levels[1:] + levels[:-1]) / 2, distortion, _tables(half, edges[1:]))


@row_kernel
def round_row(
    y: FloatArray, scale: float, tables: Rounding, codes: Array, scaled: FloatArray, levels: FloatArray
) -> tuple[np.float32, np.float32]:
    """Write the index of the nearest level to each scale·y into codes; return ⟨q, scale·y⟩ and ‖q‖².

    Scratch: scaled and levels (d,) float32, which hold the magnitudes of scale·y and of q afterwards.
    """
    half_levels, thresholds, cells, resolution = tables
    half = np.int32(half_levels.size)
    last = np.float32(cells.size - 1)
    factor = np.float32(scale)
    for j in range(y.size):
        z = abs(y[j]) * factor
        k = cells[np.int32(min(z * resolution, last))]
        k += np.int32(z > thresholds[k])
        scaled[j], levels[j] = z, half_levels[k]
        codes[j] = half + k if y[j] >= 0 else half - 1 - k
    ip, l2 = dot_and_square(levels, scaled)
    return ip, l2


def _starting_levels(bits: int) -> DoubleArray:
    """Panter and Dite's asymptotically optimal levels: quantiles of a normal of variance 3. The positive half."""
    count = 1 << bits
    wide = NormalDist(0, math.sqrt(3))
    return np.array([wide.inv_cdf((i + 0.5) / count) for i in range(count // 2, count)])


def _cells(edges: DoubleArray) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Mass and mean of N(0, 1) between consecutive edges ≥ 0, and its density at the edges."""
    density = np.array([math.exp(-edge * edge / 2) for edge in edges]) / math.sqrt(2 * math.pi)
    tail = np.array([math.erfc(edge / math.sqrt(2)) / 2 for edge in edges])
    mass = tail[:-1] - tail[1:]
    return mass, (density[:-1] - density[1:]) / mass, density


def _converge(half: DoubleArray) -> DoubleArray:
    """Newton's method for level = mean of its cell; Lloyd's own iteration takes thousands of rounds at 8 bits."""
    for _ in range(50):
        edges = np.concatenate([[0.0], (half[1:] + half[:-1]) / 2, [np.inf]])
        mass, mean, density = _cells(edges)
        by_lower = density[:-1] * (mean - edges[:-1]) / mass
        by_upper = np.append(density[1:-1] * (edges[1:-1] - mean[:-1]) / mass[:-1], 0.0)
        by_lower[0] = 0.0  # the edge at zero does not move
        step = _solve_tridiagonal(-by_lower[1:] / 2, 1 - (by_lower + by_upper) / 2, -by_upper[:-1] / 2, mean - half)
        half = half + step
        if np.abs(step).max() < 1e-14:
            break
    return half


def _solve_tridiagonal(
    lower: DoubleArray, diagonal: DoubleArray, upper: DoubleArray, right: DoubleArray
) -> DoubleArray:
    """x of the tridiagonal system with these diagonals (n − 1,), (n,), (n − 1,) and right side (n,): elimination
    without pivoting in a fixed order, because LAPACK's last bits depend on its BLAS."""
    pivots, solution = diagonal.copy(), right.copy()
    for i in range(1, right.size):
        factor = lower[i - 1] / pivots[i - 1]
        pivots[i] -= factor * upper[i - 1]
        solution[i] -= factor * solution[i - 1]
    solution[-1] /= pivots[-1]
    for i in range(right.size - 2, -1, -1):
        solution[i] = (solution[i] - upper[i] * solution[i + 1]) / pivots[i]
    return solution


def _tables(half: DoubleArray, upper_edges: DoubleArray) -> Rounding:
    thresholds = upper_edges.astype(np.float32)
    finite = thresholds[:-1]
    if finite.size == 0:
        return Rounding(half.astype(np.float32), thresholds, np.zeros(1, np.int32), np.float32(1))
    gaps = np.diff(finite, prepend=np.float32(0))
    resolution = np.float32(1.01 / gaps.min())
    # the same float32 product as in round_row, so that a threshold and a value fall into cells in the same order
    cell_of_threshold = (finite * resolution).astype(np.int32)
    cells = np.searchsorted(cell_of_threshold, np.arange(cell_of_threshold[-1] + 2), side="left")
    return Rounding(half.astype(np.float32), thresholds, cells.astype(np.int32), resolution)
