"""Variances along principal axes on rows that the axes were not found from."""

import math

import numpy as np

from vq_benchmark.arrays import DoubleArray

_NEGLIGIBLE = 1e-9
"""Variances below this fraction of the largest are rounding errors."""
_LEAST_RATIO = 1.5
"""Fewest rows for each dimension with variance."""


def held_out_variances(variances: DoubleArray, n: int) -> DoubleArray:
    """Estimate the variances (d,) that other rows have along the principal axes of n rows; descending.

    The variances of the rows themselves, which `variances` (d,) holds in descending order, are too large along the
    first axes and too small along the last. This is the analytical nonlinear shrinkage of Ledoit & Wolf (Annals of
    Statistics 48, 2020). It is unstable where there are hardly more rows than
    dimensions with variance, so with fewer than 1.5 times as many nothing is changed.
    """
    kept = int((variances > _NEGLIGIBLE * variances[0]).sum())
    if kept == 0 or n < _LEAST_RATIO * kept:
        return variances
    found = variances[:kept]
    ratio = kept / n
    width = n ** (-1 / 3) * found  # of the Epanechnikov kernel about each variance
    x = (found[:, None] - found) / width
    root = math.sqrt(5)
    kernel = 1 - np.square(x) / 5
    density = (3 / (4 * root) * np.maximum(kernel, 0) / width).mean(axis=1)
    apart = np.abs(np.abs(x) - root) > 0  # the transform's second term vanishes at the kernel's ends
    logarithm = np.log(np.abs((root - x) / (root + x)), out=np.zeros_like(x), where=apart)
    transform = ((-3 / (10 * math.pi) * x + 3 / (4 * root * math.pi) * kernel * logarithm) / width).mean(axis=1)
    real, imaginary = 1 - ratio - math.pi * ratio * found * transform, math.pi * ratio * found * density
    shrunk = found / (np.square(real) + np.square(imaginary))
    return np.append(np.minimum.accumulate(shrunk), np.zeros(variances.size - kept))
