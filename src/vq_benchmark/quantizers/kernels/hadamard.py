"""The fast Walsh–Hadamard transform, on tiles of rows laid out column by column."""

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel

LANES = 64
"""Rows per tile: element j of all of them is contiguous, so every butterfly is a vector operation."""


@row_kernel
def _transform(tile: FloatArray, start: int, size: int) -> None:
    """Orthonormal Walsh–Hadamard transform of tile[start : start + size], size a power of two, in place."""
    scale = np.float32(1 / np.sqrt(size))
    for i in range(start, start + size):
        for lane in range(LANES):
            tile[i, lane] *= scale
    stride = size // 2
    while stride >= 2:  # two stages at once: half the memory traffic
        half = stride // 2
        for block in range(start, start + size, 2 * stride):
            for i in range(block, block + half):
                for lane in range(LANES):
                    a, b = tile[i, lane], tile[i + half, lane]
                    c, e = tile[i + stride, lane], tile[i + stride + half, lane]
                    tile[i, lane] = (a + c) + (b + e)
                    tile[i + half, lane] = (a + c) - (b + e)
                    tile[i + stride, lane] = (a - c) + (b - e)
                    tile[i + stride + half, lane] = (a - c) - (b - e)
        stride //= 4
    if stride == 1:
        _butterflies(tile, start, size)


@row_kernel
def _butterflies(tile: FloatArray, start: int, size: int) -> None:
    for i in range(start, start + size, 2):
        for lane in range(LANES):
            a, b = tile[i, lane], tile[i + 1, lane]
            tile[i, lane], tile[i + 1, lane] = a + b, a - b


@row_kernel
def _mix(tile: FloatArray, pairs: IdArray) -> None:
    """Orthonormal butterflies between the elements that are adjacent in pairs (d,)."""
    scale = np.float32(np.sqrt(0.5))
    for k in range(0, pairs.size - 1, 2):
        i, j = pairs[k], pairs[k + 1]
        for lane in range(LANES):
            a, b = tile[i, lane], tile[j, lane]
            tile[i, lane], tile[j, lane] = (a + b) * scale, (a - b) * scale


@row_kernel
def _flip(tile: FloatArray, signs: FloatArray) -> None:
    for i in range(signs.size):
        for lane in range(LANES):
            tile[i, lane] *= signs[i]


@tile_kernel
def rotate(
    vectors: FloatArray, shift: FloatArray, signs: FloatArray, pairs: IdArray, size: int, out: FloatArray
) -> None:
    """out = R(vectors − shift): for each row of signs (rounds, d), flip signs, transform the first and the last
    `size` elements, and mix the pairs (rounds, d). With size = d one transform covers all."""
    n, d = vectors.shape
    tile = np.zeros((d, LANES), np.float32)
    for first in range(0, n, LANES):
        after = min(n, first + LANES)
        for i in range(first, after):
            for j in range(d):
                tile[j, i - first] = vectors[i, j] - shift[j]
        for r in range(signs.shape[0]):
            _flip(tile, signs[r])
            _transform(tile, 0, size)
            if size < d:
                _transform(tile, d - size, size)
                _mix(tile, pairs[r])
        for i in range(first, after):
            for j in range(d):
                out[i, j] = tile[j, i - first]


@tile_kernel
def unrotate(
    rotated: FloatArray, shift: FloatArray, signs: FloatArray, pairs: IdArray, size: int, out: FloatArray
) -> None:
    """out = Rᵀ rotated + shift, the inverse of `rotate`: every step is its own inverse, applied in reverse order."""
    n, d = rotated.shape
    tile = np.zeros((d, LANES), np.float32)
    for first in range(0, n, LANES):
        after = min(n, first + LANES)
        for i in range(first, after):
            for j in range(d):
                tile[j, i - first] = rotated[i, j]
        for r in range(signs.shape[0] - 1, -1, -1):
            if size < d:
                _mix(tile, pairs[r])
                _transform(tile, d - size, size)
            _transform(tile, 0, size)
            _flip(tile, signs[r])
        for i in range(first, after):
            for j in range(d):
                out[i, j] = tile[j, i - first] + shift[j]
