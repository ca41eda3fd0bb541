"""Codes of half-integers with RaBitQ's factors and estimator: the common part of RaBitQ and CAQ."""

import math
from abc import abstractmethod

import numpy as np

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import row_kernel
from vq_benchmark.quantizers.kernels.rows import row_dots, row_norms, squared_length
from vq_benchmark.quantizers.kernels.sums import dot, dot_and_square
from vq_benchmark.quantizers.parts.packing import packed_bytes, unpack
from vq_benchmark.quantizers.parts.rotated_base import RotatedQuantizer
from vq_benchmark.quantizers.parts.scales import (
    HALF_BYTES,
    power_of_two_near,
    read_halves,
    scale_levels,
    squared_cosine,
    write_halves,
)
from vq_benchmark.quantizers.scans.scan_code import MOST_BITS, ScanCode, ScanRows, along_levels, no_rows

_FACTORS = 3
FACTOR_BYTES = HALF_BYTES * _FACTORS


class UniformQuantizer(RotatedQuantizer):
    """A code of y by a vector q of half-integers, which a subclass chooses. Parameters have `bits`.

    Scores are RaBitQ's unbiased estimate ⟨Q, c⟩ + ⟨x − c, c⟩ + ‖y‖²/⟨q, y⟩·⟨P(Q − c), q⟩ (Gao & Long, SIGMOD 2024).
    Three 16-bit factors per vector, as in the authors' library: the radius ‖y‖/cos, the relative error
    e = √(1/cos² − 1), and ⟨x − c, c⟩, so that only Q − c is multiplied with the code.
    """

    unbiased_scores = True
    side_bytes = FACTOR_BYTES

    def _prepare(self) -> None:
        self._levels = uniform_levels(self.parameters.bits)
        centre_unit = power_of_two_near(math.sqrt(squared_length(self.rotated_centre)))
        self._units = np.array([self.unit, 1, self.unit * centre_unit], np.float32)
        self._score_columns = self.d + 2
        self.code_bytes = FACTOR_BYTES + packed_bytes(self.d, self.parameters.bits)

    @abstractmethod
    def _round(self, y: FloatArray, centre: FloatArray, codes: CodeArray, factors: FloatArray) -> None:
        """Pack the integers of q for each row of y (n, d) after FACTOR_BYTES of codes; fill factors (n, 3)."""

    def _encode_rotated(self, y: FloatArray, codes: CodeArray) -> None:
        factors = np.empty((y.shape[0], _FACTORS), np.float32)
        self._round(y, self.rotated_centre.astype(np.float32), codes, factors)
        write_halves(factors, self._units, codes)

    def _decode_rotated(self, codes: CodeArray, out: FloatArray) -> None:
        radii, errors, _ = self._factors(codes)
        self._scale(codes, radii * squared_cosine(errors), out)

    def _decode_tile_for_scores(self, codes: CodeArray, out: FloatArray) -> None:
        """[Sq, ⟨x − c, c⟩, 1] with the unbiased scale S."""
        radii, _, out[:, self.d] = self._factors(codes)
        out[:, self.d + 1] = 1
        self._scale(codes, radii, out)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[P(Q − c), 1, ⟨Q, c⟩], (q, d + 2)."""
        rotated = self._rotation.forward(np.ascontiguousarray(queries, np.float32), self.centre)
        along_centre = row_dots(queries, self.centre).astype(np.float32)
        return np.column_stack([rotated, np.ones(len(queries), np.float32), along_centre])

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """n² + 2⟨x − c, c⟩ + ‖c‖², all from stored factors."""
        radii, errors, along_centre = self._factors(codes)
        n2 = radii.astype(np.float64) ** 2 * squared_cosine(errors)
        return np.asarray(n2 + 2 * along_centre + squared_length(self.rotated_centre))

    def score_error_bound(self, queries: FloatArray, codes: CodeArray, epsilon: float = 2.75) -> FloatArray:
        """(q, d) and (n, code_bytes) -> (q, n): ‖Q − c‖·‖x − c‖·√((1 − cos²)/cos²)·epsilon/√(d − 1).

        The error of an estimated inner product is nearly normal with epsilon = 1 as its standard deviation
        (RaBitQ, theorem 3.2), so the default covers 99.4 % of pairs. The authors' 1.9 covers 94 % of pairs, and 97 %
        of one-sided errors, which is what pruning needs.
        """
        radii, errors, _ = self._factors(codes)
        spread = radii * np.sqrt(squared_cosine(errors)) * errors * epsilon / math.sqrt(max(self.d - 1, 1))
        lengths = row_norms(np.ascontiguousarray(queries, np.float32), self.centre)
        return np.outer(lengths, spread).astype(np.float32)

    def _factors(self, codes: CodeArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        factors = read_halves(codes, self._units)
        return factors[:, 0], factors[:, 1], factors[:, 2]

    def scan_code(self) -> ScanCode | None:
        bits = self.parameters.bits
        return ScanCode(self.d, bits, self._levels, self._scan_rows) if bits <= MOST_BITS else None

    def _scan_rows(self, codes: CodeArray) -> ScanRows:
        integers = unpack(codes[:, FACTOR_BYTES:], self.d, self.parameters.bits).astype(np.uint8)
        radii, _, along_centre = self._factors(codes)
        return ScanRows(integers, along_levels(integers, self._levels, radii), no_rows(len(codes)), along_centre)

    def _scale(self, codes: CodeArray, radii: Array, out: FloatArray) -> None:
        radii = radii.astype(np.float32)
        scale_levels(codes, FACTOR_BYTES, self.parameters.bits, self._levels, radii, 0.0, out, 0, self.d)


def uniform_levels(bits: int) -> FloatArray:
    """The levels c + ½ − 2^(bits−1) of the integers c below 2^bits: symmetric, one apart."""
    count = 1 << bits
    return np.arange(count, dtype=np.float32) + np.float32(0.5 - count / 2)


@row_kernel
def write_factors(
    y: FloatArray, centre: FloatArray, integers: Array, zero_level: float, levels: FloatArray, factors: FloatArray
) -> None:
    """factors = ‖y‖/cos, √(1/cos² − 1), ⟨y, centre⟩, for the levels q = integers + zero_level; levels (d,) float32 is
    scratch."""
    zero = np.float32(zero_level)
    for j in range(y.size):
        levels[j] = np.float32(integers[j]) + zero
    ip, l2 = dot_and_square(levels, y)
    scale = ip / l2
    factors[0] = dot(y, y) * np.sqrt(l2) / ip if ip > 0 else np.float32(0)
    factors[2] = dot(y, centre)
    for j in range(y.size):
        levels[j] = y[j] - scale * levels[j]
    residual = dot(levels, levels)  # 1 − cos² would lose it to rounding if the code is good
    factors[1] = np.sqrt(residual / l2) / scale if ip > 0 else np.float32(0)
