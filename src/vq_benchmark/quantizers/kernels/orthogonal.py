"""Gram–Schmidt in a fixed order: codes depend on the matrix, and LAPACK's last bits depend on its BLAS."""

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot, fma

_BLOCK = 32
"""Number of finished rows that stay in the cache while all others are made orthogonal to them."""


@tile_kernel
def orthonormalise(rows: DoubleArray) -> None:
    """Make the rows (n, d ≥ n), linearly independent, orthonormal in place, each in the span of those up to it.

    Modified Gram–Schmidt: the error in orthogonality is the precision times the condition number (Björck 1967).
    """
    n, d = rows.shape
    for first in range(0, n, _BLOCK):
        stop = min(n, first + _BLOCK)
        for i in range(first, n):
            row = rows[i]
            for j in range(first, min(i, stop)):
                other = rows[j]
                along = -dot(other, row)
                for k in range(d):
                    row[k] = fma(along, other[k], row[k])
            if i < stop:
                scale = 1 / np.sqrt(dot(row, row))
                for k in range(d):
                    row[k] *= scale
