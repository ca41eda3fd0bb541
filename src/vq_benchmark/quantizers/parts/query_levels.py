"""Queries on a grid: between their extremes, or symmetric as Qdrant codes them to meet the bits of vectors."""

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray

QUERY_LEVELS = {"scalar4": 15, "scalar8": 255}
"""Levels less one, by the name of the coding."""


def symmetric_levels(queries: FloatArray, top: int) -> FloatArray:
    """Decoded integers of each row y (q, e): ŷ = m(2k/top − 1), m = max|y|, k = round((y + m)/(2m/top)), halves up.

    Places on the grid are float32, as in Qdrant: numbers near 0 lie between two integers, and rounding decides.
    """
    values = queries.astype(np.float32)
    most = np.abs(values).max(axis=1, keepdims=True)
    step = np.where(most > 0, 2 * most / np.float32(top), np.float32(1))
    integers = np.floor(((values + most) / step).astype(np.float64) + 0.5)
    return np.asarray(most * (2 * integers / top - 1), dtype=np.float32)


def range_integers(rows: FloatArray, bits: int) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Codes k = rint((y − m)/s) of rows y (q, e), m = min y, s = (max y − m)/(2^bits − 1); returns m, s (q, 1) and k.

    The decoded row is m + s·k; s is 0, and so are the codes, where all numbers of a row are equal.
    """
    values = rows.astype(np.float64)
    low = values.min(axis=1, keepdims=True)
    step = (values.max(axis=1, keepdims=True) - low) / (2**bits - 1)
    return low, step, np.rint((values - low) / np.where(step > 0, step, 1))
