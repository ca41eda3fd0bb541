"""Queries on a symmetric grid, as Qdrant codes them to meet the bits of vectors."""

import numpy as np

from vq_benchmark.arrays import FloatArray

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
