"""Orthogonal maps of vectors, determined by a seed or a matrix, with their exact inverses."""

from typing import Literal, Protocol

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.hadamard import rotate, unrotate
from vq_benchmark.quantizers.kernels.matmul import multiply, panels_of
from vq_benchmark.quantizers.kernels.orthogonal import orthonormalise
from vq_benchmark.quantizers.kernels.tiles import in_tiles

RotationKind = Literal["hadamard", "qr"]

_ROUNDS = 3
_TILE_ROWS = 240
"""Rows that a thread multiplies at a time: enough to amortise reading the matrix."""


class Rotation(Protocol):
    """A map of (n, d) float32 to (n, e) float32 with orthonormal rows, e ≤ d."""

    def forward(self, vectors: FloatArray, shift: FloatArray) -> FloatArray:
        """P(x − shift) for each row x of vectors (n, d), with shift (d,) float32."""

    def inverse(self, rotated: FloatArray, shift: FloatArray) -> FloatArray:
        """Pᵀy + shift for each row y of rotated (n, e)."""


class HadamardRotation:
    """A pseudo-random rotation in O(d log d), for any d.

    Three rounds of: random signs; a Walsh–Hadamard transform of the first and of the last 2^⌊log₂ d⌋ elements,
    which overlap; and butterflies between the two halves, without which the ends would hardly mix when d is just
    under a power of two (the Kac-walk construction of Yang et al., RaBitQ library, after Ailon & Chazelle 2009).
    """

    def __init__(self, d: int, seed: int) -> None:
        self._size = 1 << (d.bit_length() - 1)
        rng = seeded_generator("rotation", seed)
        self._signs = (1 - 2 * rng.integers(0, 2, size=(_ROUNDS, d))).astype(np.float32)
        self._pairs = np.stack([rng.permutation(d) for _ in range(_ROUNDS)])

    def forward(self, vectors: FloatArray, shift: FloatArray) -> FloatArray:
        out = np.empty(vectors.shape, np.float32)

        def rotate_tile(tile: slice) -> None:
            rotate(vectors[tile], shift, self._signs, self._pairs, self._size, out[tile])

        in_tiles(len(vectors), rotate_tile)
        return out

    def inverse(self, rotated: FloatArray, shift: FloatArray) -> FloatArray:
        out = np.empty(rotated.shape, np.float32)

        def unrotate_tile(tile: slice) -> None:
            unrotate(rotated[tile], shift, self._signs, self._pairs, self._size, out[tile])

        in_tiles(len(rotated), unrotate_tile)
        return out


class DenseRotation:
    """Multiplication by a matrix (e, d): a rotation if its rows are orthonormal, which `inverse` assumes.

    The matrix is kept twice, in panels for each direction: 8·d·e bytes.
    """

    def __init__(self, matrix: FloatArray) -> None:
        self._e, self._d = matrix.shape
        self._forward, self._inverse = panels_of(matrix.T), panels_of(matrix)

    def forward(self, vectors: FloatArray, shift: FloatArray) -> FloatArray:
        out = np.empty((vectors.shape[0], self._e), np.float32)
        in_tiles(len(out), lambda tile: multiply(vectors[tile], shift, self._forward, out[tile]), _TILE_ROWS)
        return out

    def inverse(self, rotated: FloatArray, shift: FloatArray) -> FloatArray:
        out = np.empty((rotated.shape[0], self._d), np.float32)
        zero = np.zeros(self._e, np.float32)
        in_tiles(len(out), lambda tile: multiply(rotated[tile], zero, self._inverse, out[tile]), _TILE_ROWS)
        out += shift
        return out


def seeded_rotation(kind: RotationKind, d: int, seed: int) -> Rotation:
    """The rotation of dimension d that the seed determines; its state is the seed alone."""
    if kind == "hadamard":
        return HadamardRotation(d, seed)
    return DenseRotation(random_orthogonal(d, seed).astype(np.float32))


def random_orthogonal(d: int, seed: int) -> DoubleArray:
    """A (d, d) orthogonal matrix from the Haar measure: Q of a Gaussian matrix, for the R with a positive diagonal
    (Mezzadri 2007)."""
    columns = np.ascontiguousarray(seeded_generator("rotation", seed).standard_normal((d, d)).T)
    orthonormalise(columns)
    return columns.T


def orthogonal_bytes(d: int) -> int:
    """The approximate bytes that `random_orthogonal` takes: two float64 matrices at once."""
    return 2 * 8 * d * d


def seeded_generator(purpose: str, seed: int) -> np.random.Generator:
    """A separate generator for each purpose, so that data drawn from the same seed never gets the same numbers."""
    return np.random.default_rng([seed, *purpose.encode()])
