"""Initial codebooks for k-means: with sub-vectors of one or two numbers, they affect the error most."""

import numpy as np
from numba import prange

from vq_benchmark.arrays import DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import row_kernel, rows_kernel

ROWS_PER_ENTRY = 10
"""Rows per entry from which the entries are drawn."""


def starting_codebooks(parts: FloatArray, centroids: int, rng: np.random.Generator) -> FloatArray:
    """Codebooks (m, centroids, w) float32 for parts (m, n, w) with rows in random order, n >= centroids."""
    m, _, w = parts.shape
    if w == 1:
        return np.stack([companded(part[:, 0], centroids)[:, None] for part in parts])
    codebooks = np.empty((m, centroids, w), np.float32)
    _draw_far_apart(
        np.ascontiguousarray(parts[:, : ROWS_PER_ENTRY * centroids]), rng.random((m, centroids)), codebooks
    )
    return codebooks


def companded(values: FloatArray, count: int) -> FloatArray:
    """`count` numbers spread over values (n,) with a density of p^⅓, the best for many levels (Panter & Dite 1951).

    p is 1/(n·gap) between two neighbours, so each gap has a share of gap·p^⅓ ∝ gap^⅔.
    """
    ordered = np.sort(values).astype(np.float64)
    shares = np.concatenate([[0.0], np.cumsum(np.diff(ordered) ** (2 / 3))])
    levels = np.interp((np.arange(count) + 0.5) / count * shares[-1], shares, ordered)
    return np.asarray(levels, dtype=np.float32)


@rows_kernel
def _draw_far_apart(parts: FloatArray, uniforms: DoubleArray, codebooks: FloatArray) -> None:
    """k-means++ (Arthur & Vassilvitskii 2007): each entry is a row drawn with a probability proportional to its
    squared distance from the nearest entry so far, by uniforms (m, k) in [0, 1)."""
    m, n, w = parts.shape
    for j in prange(m):
        nearest = np.full(n, np.inf, np.float32)
        for t in range(codebooks.shape[1]):
            row = int(uniforms[j, 0] * n) if t == 0 else _draw(nearest, uniforms[j, t])
            codebooks[j, t] = parts[j, row]
            for i in range(n):
                squared = np.float32(0)
                for s in range(w):
                    difference = parts[j, i, s] - codebooks[j, t, s]
                    squared += difference * difference
                nearest[i] = min(nearest[i], squared)


@row_kernel
def _draw(weights: FloatArray, uniform: float) -> int:
    """The index of weights (n,) at which their running sum exceeds uniform times their sum."""
    target = uniform * weights.sum()
    reached = 0.0
    for i in range(weights.size - 1):
        reached += weights[i]
        if reached > target:
            return i
    return int(weights.size) - 1
