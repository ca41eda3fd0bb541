"""Sums over each row, the same whatever rows come with it (BLAS and numpy promise no such thing)."""

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import tile_kernel


def row_dots(rows: FloatArray, vector: DoubleArray) -> DoubleArray:
    """⟨rows[i, :d], vector⟩ in float64, for rows (n, ≥ d) float32 and vector (d,) float64: (n,)."""
    out = np.empty(rows.shape[0])
    _dots(rows, vector, out)
    return out


def row_norms(rows: FloatArray, shift: FloatArray) -> DoubleArray:
    """‖rows[i] − shift‖ in float64, for rows (n, d) and shift (d,) float32: (n,)."""
    out = np.empty(rows.shape[0])
    _norms(rows, shift, out)
    return out


@tile_kernel
def _dots(rows: FloatArray, vector: DoubleArray, out: DoubleArray) -> None:
    n = rows.shape[0]
    for i in range(n):
        total = 0.0
        for j in range(vector.size):
            total += rows[i, j] * vector[j]
        out[i] = total


@tile_kernel
def _norms(rows: FloatArray, shift: FloatArray, out: DoubleArray) -> None:
    n, d = rows.shape
    for i in range(n):
        total = 0.0
        for j in range(d):
            difference = np.float64(rows[i, j] - shift[j])
            total += difference * difference
        out[i] = np.sqrt(total)
