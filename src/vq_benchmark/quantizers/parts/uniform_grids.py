"""Uniform grids of one cell width per dimension, trained by least squares; used by SQ and truncation."""

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray, pieces
from vq_benchmark.quantizers.base import State

HALF_WIDTHS = np.geomspace(1.5, 10, 32)
"""Half-widths of the grid that `fit` tries, in standard deviations of the dimension."""
SAMPLE_ROWS = 4096
"""Number of training rows on which `fit` tries them."""


def uniform_grids(train: FloatArray, bits: int) -> State:
    """Per dimension, a grid of 2^bits cells around the mean of train (n, d).

    All grids reach the same number of standard deviations to both sides: the one with the least squared error on a
    sample of the rows. The tail of a single dimension occurs too rarely to choose a number for each.

    Returns:
        `lowest` (d,) float32, the lower end of the first cell; `cell` (d,) float32, the width of a cell.
    """
    center = train.mean(axis=0, dtype=np.float64)
    deviation = np.sqrt(_squared_deviations(train, center) / len(train))
    offsets = train[:: -(-len(train) // SAMPLE_ROWS)] - center.astype(np.float32)
    errors = [_squared_error(offsets, half_width * deviation / 2 ** (bits - 1), bits) for half_width in HALF_WIDTHS]
    cell = HALF_WIDTHS[np.argmin(errors)] * deviation / 2 ** (bits - 1)
    lowest = center - 2 ** (bits - 1) * cell
    return {"lowest": lowest.astype(np.float32), "cell": cell.astype(np.float32)}


def grids_bytes(n: int, d: int) -> int:
    """The approximate bytes that `uniform_grids` takes: some float32 copies of the sample."""
    return 12 * min(n, SAMPLE_ROWS) * d


def _squared_deviations(train: FloatArray, center: DoubleArray) -> DoubleArray:
    """Σ (x − center)² in each dimension of train (n, d), without a float64 copy of all of it."""
    sums = np.zeros(train.shape[1])
    for piece in pieces(len(train)):
        sums = np.vstack([sums, np.square(train[piece] - center)]).sum(axis=0)
    return sums


def _squared_error(offsets: FloatArray, cell: DoubleArray, bits: int) -> float:
    """Sum of squared errors on offsets (n, d) of grids of 2^bits cells of width cell (d,), centred on zero."""
    width = np.where(cell == 0, 1, cell).astype(np.float32)
    half = 2 ** (bits - 1)
    levels = np.clip(np.floor(offsets / width), -half, half - 1) + np.float32(0.5)
    return float(np.square(offsets - levels * width).sum(dtype=np.float64))
