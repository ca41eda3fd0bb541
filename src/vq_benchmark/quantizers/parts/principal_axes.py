"""Principal component analysis in one pass over the rows, in float64."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import DoubleArray, FloatArray

_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class PrincipalAxes:
    """The axes of greatest variance of some rows."""

    mean: DoubleArray
    """(d,)."""
    axes: DoubleArray
    """(d, d) orthogonal: row i is the axis of the i-th largest variance; its largest entry is positive."""
    variances: DoubleArray
    """(d,) descending: the population variance along each axis."""


def axes_bytes(n: int, d: int) -> int:
    """The approximate bytes that `principal_axes` takes: one block of rows and eight matrices (d, d), in float64."""
    return 8 * min(n, _BLOCK_ROWS) * d + 8 * 8 * d * d


def principal_axes(rows: FloatArray) -> PrincipalAxes:
    """The principal axes of rows (n ≥ 1, d), which do not depend on the number of threads.

    Sums are taken relative to the first row, so that a mean far from zero does not cost the variance its precision.
    """
    n, d = rows.shape
    origin = rows[0].astype(np.float64)
    total, products = np.zeros(d), np.zeros((d, d))
    with threadpool_limits(1, user_api="blas"):
        for start in range(0, n, _BLOCK_ROWS):
            block = rows[start : start + _BLOCK_ROWS] - origin
            total += block.sum(axis=0)
            products += block.T @ block
        shift = total / n
        variances, axes = descending_axes(products / n - np.outer(shift, shift))
    return PrincipalAxes(origin + shift, axes, variances)


def descending_axes(covariance: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """The eigenvalues (d,) of a covariance (d, d), descending, and its axes (d, d), whose largest entries are > 0."""
    variances, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, ::-1].T
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]
    return np.maximum(variances[::-1], 0.0), axes
