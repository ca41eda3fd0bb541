"""Sums over each row, independent of the other rows (BLAS and numpy do not guarantee this)."""

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot64


def row_dots(rows: Array, vector: Array) -> DoubleArray:
    """⟨rows[i, :d], vector⟩ in float64, for rows (n, ≥ d) and vector (d,), each float32 or float64: (n,)."""
    out = np.empty(rows.shape[0])
    _dots(np.ascontiguousarray(rows), vector, out)
    return out


def row_norms(rows: FloatArray, shift: FloatArray) -> DoubleArray:
    """‖rows[i] − shift‖ in float64, for rows (n, d) and shift (d,) float32: (n,)."""
    return np.sqrt(row_squares(rows, shift))


def row_squares(rows: Array, shift: FloatArray | None = None) -> DoubleArray:
    """‖rows[i] − shift‖² in float64, for rows (n, d) float32 or float64, and shift (d,) float32: (n,)."""
    out = np.empty(rows.shape[0])
    _squares(rows, np.zeros(rows.shape[1], np.float32) if shift is None else shift, out)
    return out


def squared_length(vector: Array) -> float:
    """‖vector‖² in float64."""
    return float(row_squares(vector[None])[0])


@tile_kernel
def _dots(rows: Array, vector: Array, out: DoubleArray) -> None:
    n = rows.shape[0]
    for i in range(n):
        out[i] = dot64(vector, rows[i])


@tile_kernel
def _squares(rows: Array, shift: FloatArray, out: DoubleArray) -> None:
    n, d = rows.shape
    differences = np.empty(d, rows.dtype)
    for i in range(n):
        for j in range(d):
            differences[j] = rows[i, j] - shift[j]
        out[i] = dot64(differences, differences)
