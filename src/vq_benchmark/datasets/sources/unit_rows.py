"""Rows divided by their norm in a compiled, parallel loop."""

from typing import Any

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.pairwise_sums import DEPTH, leaves, squared_distance
from vq_benchmark.quantizers.kernels.tiles import in_tiles


def fill_unit_rows(out: FloatArray, vectors: FloatArray) -> None:
    """Fill `out` (n, d) float32 with vectors (n, d) float32, each divided by its Euclidean norm unless that is zero.

    Norms and quotients are computed in float64. A row with an infinite value becomes NaN.
    """
    vectors, tree = np.ascontiguousarray(vectors, dtype=np.float32), leaves(vectors.shape[1])
    in_tiles(len(out), lambda part: _divide(vectors[part], tree, out[part]))


@tile_kernel
def _divide(vectors: Any, tree: Any, out: Any) -> None:
    sums, zero = np.empty(DEPTH), np.zeros(vectors.shape[1], np.float32)
    for row in range(len(vectors)):
        norm = np.sqrt(squared_distance(vectors[row], zero, tree, sums))
        if norm == 0:
            norm = 1.0
        for j in range(vectors.shape[1]):
            out[row, j] = np.float64(vectors[row, j]) / norm
