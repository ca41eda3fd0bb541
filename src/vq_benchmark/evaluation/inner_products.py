"""Inner products of float32 vectors in float64, added in one fixed order: the same bits on every processor."""

from typing import Any

import numba
import numpy as np

from vq_benchmark.quantizers.kernels.sums import dot64


@numba.njit(cache=True, parallel=True)
def pair_products(a: Any, b: Any, rows_a: Any, rows_b: Any) -> Any:
    """Return (p,) float64 products of the rows a[rows_a[p]] and b[rows_b[p]] of two C-contiguous float32 matrices."""
    products = np.empty(len(rows_a))
    for pair in numba.prange(len(rows_a)):
        products[pair] = dot64(a[rows_a[pair]], b[rows_b[pair]])
    return products
