"""Sums over each row, the same whatever rows come with it (BLAS and numpy promise no such thing)."""

import numpy as np
from numba import prange

from vq_benchmark.arrays import DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import ROWS_PER_TASK, rows_kernel


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


@rows_kernel
def _dots(rows: FloatArray, vector: DoubleArray, out: DoubleArray) -> None:
    n = rows.shape[0]
    for task in prange((n + ROWS_PER_TASK - 1) // ROWS_PER_TASK):
        for i in range(task * ROWS_PER_TASK, min(n, (task + 1) * ROWS_PER_TASK)):
            total = 0.0
            for j in range(vector.size):
                total += rows[i, j] * vector[j]
            out[i] = total


@rows_kernel
def _norms(rows: FloatArray, shift: FloatArray, out: DoubleArray) -> None:
    n, d = rows.shape
    for task in prange((n + ROWS_PER_TASK - 1) // ROWS_PER_TASK):
        for i in range(task * ROWS_PER_TASK, min(n, (task + 1) * ROWS_PER_TASK)):
            total = 0.0
            for j in range(d):
                difference = np.float64(rows[i, j] - shift[j])
                total += difference * difference
            out[i] = np.sqrt(total)
