"""Codes made of signs of projections: the common part of SimHash, ITQ and QJL."""

from abc import abstractmethod

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.base import Parameters, Quantizer
from vq_benchmark.quantizers.budget import whole_bytes
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.packing import pack, packed_bytes
from vq_benchmark.quantizers.parts.rotations import DenseRotation, seeded_generator
from vq_benchmark.quantizers.parts.scales import scale_levels

_SIGNS = np.array([-1, 1], np.float32)


class SignParameters(Parameters):
    """Parameters of the methods that store signs of random projections."""

    bits: float = Field(default=1, gt=0, le=16, description="Signs per dimension: m = bits·d projections.")

    def check_dimension(self, d: int) -> None:
        if self.signs(d) < 1:
            raise InputError(f"bits={self.bits:g} stores no sign at d={d}; bits must be at least {1 / d:.4g}.")

    def signs(self, d: int) -> int:
        """m, the number of signs of a vector of dimension d."""
        return round(self.bits * d)


class SignQuantizer(Quantizer):
    """A code of m signs of projections W(x − shift), after the numbers that a subclass stores first."""

    parameters_type = SignParameters

    side_bytes: int = 0
    """Bytes before the signs."""

    def _set_projection(self, matrix: FloatArray, shift: FloatArray) -> None:
        """Set W (m, d) float32 and shift (d,)."""
        self.m, self.d = matrix.shape
        self._projection = DenseRotation(matrix)
        self._shift = shift
        self.code_bytes = self.side_bytes + packed_bytes(self.m, 1)

    def footprint(self, n: int, d: int) -> Footprint:
        m = self.parameters.signs(d)
        in_flight, matrix = 8 * m + 4 * d, 4 * m * d
        return Footprint(2 * matrix, fitting=matrix, row=0, row_in_flight=in_flight, score_columns=m + 1, code=m // 8)

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        codes = np.empty((vectors.shape[0], self.code_bytes), np.uint8)
        in_tiles(len(codes), lambda tile: self._encode_tile(vectors[tile], codes[tile]))
        return codes

    def _encode_tile(self, vectors: FloatArray, codes: CodeArray) -> None:
        codes[:, self.side_bytes :] = pack(self._projection.forward(vectors, self._shift) >= 0, 1)
        self._write_side(vectors, codes)

    def decode(self, codes: CodeArray) -> FloatArray:
        """shift + f·Wᵀs, with s the signs and f the least-squares factor."""
        out = np.empty((codes.shape[0], self.d), np.float32)
        in_tiles(len(codes), lambda tile: self._decode_tile(codes[tile], out[tile]))
        return out

    def _decode_tile(self, codes: CodeArray, out: FloatArray) -> None:
        signs = np.empty((codes.shape[0], self.m), np.float32)
        self._scale_signs(codes, self._decoding_factors(codes), signs)
        out[:] = self._projection.inverse(signs, self._shift)

    def _scaled_signs(self, codes: CodeArray, factors: FloatArray, extra: int = 0) -> FloatArray:
        """(n, m + extra): factors (n,) times signs, then extra columns for the caller to fill."""
        out = np.empty((codes.shape[0], self.m + extra), np.float32)
        in_tiles(len(codes), lambda tile: self._scale_signs(codes[tile], factors[tile], out[tile]))
        return out

    def _scale_signs(self, codes: CodeArray, factors: FloatArray, out: FloatArray) -> None:
        scale_levels(codes, self.side_bytes, 1, _SIGNS, factors.astype(np.float32), 1.0, out, 0, self.m)

    @abstractmethod
    def _decoding_factors(self, codes: CodeArray) -> FloatArray:
        """f of each row, (n,)."""

    def _write_side(self, vectors: FloatArray, codes: CodeArray) -> None:
        """Fill the first side_bytes of each row of codes."""


def signs_for_budget(method: str, bits_per_dim: float, d: int, most: float, side_bytes: int = 0) -> float:
    """The bits per dimension of the whole bytes of signs that the budget leaves beside the side bytes, or `most`.

    Raises:
        InfeasibleBudget: not even one byte per vector is left.
    """
    return min(8 * whole_bytes(method, bits_per_dim, d, side_bytes) / d, most)


def gaussian_projection(m: int, d: int, seed: int) -> FloatArray:
    """(m, d) float32 standard normal numbers, determined by the seed."""
    return seeded_generator("projection", seed).standard_normal((m, d), np.float32)


def least_squares_factor(m: int, d: int) -> float:
    """f such that f·‖x‖·Gᵀsign(Gx) has the least expected squared error, for G (m, d) standard normal.

    E⟨x, Gᵀs⟩ = m‖x‖√(2/π) and E‖Gᵀs‖² = md + m(m − 1)·2/π, because E[sign(⟨g, x⟩) g] = √(2/π)·x/‖x‖.
    """
    return float(np.sqrt(2 / np.pi) / (d + (m - 1) * 2 / np.pi))
