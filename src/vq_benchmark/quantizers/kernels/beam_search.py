"""Residual codes by beam search: the BEAM best sums of each row continue to the next codebook.

The algorithm of faiss's ResidualQuantizer, with every sum in a fixed order; ties go to the lowest index.
"""

import numpy as np

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.matmul import add_product
from vq_benchmark.quantizers.kernels.sums import dot

BEAM = 5
"""Sums kept for each row, as in faiss."""
BLOCK_ROWS = 48
"""Rows searched together: their residuals are the rows that `matmul` packs at once."""


def beam_bytes(width: int, centroids: int) -> int:
    """The bytes that a search takes besides its rows: residuals (old, new, packed) and distances of a block."""
    return 4 * BEAM * BLOCK_ROWS * (3 * width + centroids)


@tile_kernel
def search_beam(rows: FloatArray, codebooks: FloatArray, panels: FloatArray, norms: FloatArray, out: Array) -> None:
    """Fill out (n, m) int32 with the entries of rows (n, w) in codebooks (m, k, w) with squared norms (m, k).

    Panels (m, ⌈k/width⌉, w, width) hold the transpose of each codebook. All arrays except out are float32.
    """
    n, w = rows.shape
    m, k, _ = codebooks.shape
    block = min(n, BLOCK_ROWS)
    residuals = np.empty((block * BEAM, w), np.float32)
    following = np.empty((block * BEAM, w), np.float32)
    products = np.empty((block * BEAM, k), np.float32)
    codes = np.empty((block, BEAM, m), np.int32)
    parents = np.empty((BEAM, m), np.int32)
    squares = np.empty(BEAM, np.float32)
    distances = np.empty(BEAM, np.float32)
    places = np.empty(BEAM, np.int64)
    scratch = np.empty(k, np.float32)
    zero = np.zeros(w, np.float32)
    for first in range(0, n, block):
        count = min(block, n - first)
        residuals[:count] = rows[first : first + count]
        beam = 1
        for step in range(m):
            kept = BEAM if step < m - 1 else 1
            products[: count * beam] = 0
            add_product(residuals[: count * beam], zero, panels[step], products[: count * beam])
            for i in range(count):
                own = residuals[i * beam : (i + 1) * beam]
                for b in range(beam):
                    squares[b] = dot(own[b], own[b])
                least = distances[:kept]
                _nearest(products[i * beam : (i + 1) * beam], squares, norms[step], scratch, least, places)
                parents[:beam] = codes[i, :beam]
                for b in range(kept):
                    parent, entry = places[b] // k, places[b] % k
                    codes[i, b, :step] = parents[parent, :step]
                    codes[i, b, step] = entry
                    if step < m - 1:
                        _subtract(own[parent], codebooks[step, entry], following[i * kept + b])
            residuals, following = following, residuals
            beam = kept
        out[first : first + count] = codes[:count, 0]


@row_kernel
def _nearest(
    products: FloatArray,
    squares: FloatArray,
    norms: FloatArray,
    scratch: FloatArray,
    distances: FloatArray,
    places: Array,
) -> None:
    """Fill distances, ascending, and places b·k + j with the smallest squares[b] + norms[j] − 2·products[b, j], for
    products (beam, k). Among equal distances, the lowest place comes first; scratch is (k,)."""
    beam, k = products.shape
    last = distances.size - 1
    distances[:] = np.inf
    places[:] = 0
    for b in range(beam):
        square, own = squares[b], products[b]
        for j in range(k):
            scratch[j] = square + norms[j] - np.float32(2) * own[j]
        worst = distances[last]
        for j in range(k):
            if scratch[j] < worst:
                _insert(scratch[j], b * k + j, last, distances, places)
                worst = distances[last]


@row_kernel
def _insert(distance: np.float32, place: int, last: int, distances: FloatArray, places: Array) -> None:
    """Insert a distance among those kept, after equal ones; the last one drops out."""
    at = last
    while at > 0 and distance < distances[at - 1]:
        distances[at] = distances[at - 1]
        places[at] = places[at - 1]
        at -= 1
    distances[at] = distance
    places[at] = place


@row_kernel
def _subtract(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    for j in range(out.size):
        out[j] = a[j] - b[j]
