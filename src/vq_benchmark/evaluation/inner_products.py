"""Inner products and squared distances of float32 vectors in float64, added in one fixed order on every processor."""

from typing import Any

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray, IdArray
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.pairwise_sums import DEPTH, leaves, squared_distance
from vq_benchmark.quantizers.kernels.sums import dot64
from vq_benchmark.quantizers.kernels.tiles import in_tiles


def pair_products(a: FloatArray, b: FloatArray, rows_a: IdArray, rows_b: IdArray) -> DoubleArray:
    """(p,) float64 products of the rows a[rows_a[p]] and b[rows_b[p]] of two C-contiguous float32 matrices."""
    products = np.empty(len(rows_a))
    in_tiles(len(products), lambda part: _pair_products(a, b, rows_a[part], rows_b[part], products[part]))
    return products


def squared_norms(vectors: FloatArray) -> DoubleArray:
    """(n,) float64 squared Euclidean norms of (n, d) float32 vectors; ‖x‖² has the bits of ⟨x, x⟩."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    squares = np.empty(len(vectors))
    in_tiles(len(vectors), lambda part: _squared_norms(vectors[part], squares[part]))
    return squares


def squared_distances(a: FloatArray, b: FloatArray, rows_a: IdArray, rows_b: IdArray) -> DoubleArray:
    """(p,) float64 ‖a[rows_a[p]] − b[rows_b[p]]‖² of two C-contiguous float32 matrices."""
    squares, tree = np.empty(len(rows_a)), leaves(a.shape[1])
    in_tiles(len(squares), lambda part: _pair_distances(a, b, rows_a[part], rows_b[part], tree, squares[part]))
    return squares


def errors_and_norms(vectors: FloatArray, decoded: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """(n,) float64 ‖x − x̂‖², and ‖x̂‖² as `squared_norms`, of C-contiguous (n, d) float32 matrices in one loop."""
    tree, errors, norms = leaves(vectors.shape[1]), np.empty(len(vectors)), np.empty(len(vectors))

    def compute(part: slice) -> None:
        _errors_and_norms(vectors[part], decoded[part], tree, errors[part], norms[part])

    in_tiles(len(vectors), compute)
    return errors, norms


@tile_kernel
def _pair_products(a: Any, b: Any, rows_a: Any, rows_b: Any, products: Any) -> None:
    for pair in range(len(rows_a)):
        products[pair] = dot64(a[rows_a[pair]], b[rows_b[pair]])


@tile_kernel
def _squared_norms(vectors: Any, squares: Any) -> None:
    for row in range(len(vectors)):
        squares[row] = dot64(vectors[row], vectors[row])


@tile_kernel
def _pair_distances(a: Any, b: Any, rows_a: Any, rows_b: Any, tree: Any, squares: Any) -> None:
    sums = np.empty(DEPTH)
    for pair in range(len(rows_a)):
        squares[pair] = squared_distance(a[rows_a[pair]], b[rows_b[pair]], tree, sums)


@tile_kernel
def _errors_and_norms(vectors: Any, decoded: Any, tree: Any, errors: Any, norms: Any) -> None:
    sums = np.empty(DEPTH)
    for row in range(len(vectors)):
        errors[row] = squared_distance(vectors[row], decoded[row], tree, sums)
        norms[row] = dot64(decoded[row], decoded[row])
