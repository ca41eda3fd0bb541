"""TurboQuant: Lloyd–Max levels on a random rotation, with or without a one-bit sketch of what is left."""

import math
from dataclasses import replace
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_dots, row_norms, squared_length
from vq_benchmark.quantizers.methods.eden import encode_lloyd_max
from vq_benchmark.quantizers.parts.lloyd_max import lloyd_max
from vq_benchmark.quantizers.parts.packing import pack, packed_bytes, unpack
from vq_benchmark.quantizers.parts.rotated_base import RotatedParameters, RotatedQuantizer
from vq_benchmark.quantizers.parts.rotations import DenseRotation, seeded_generator
from vq_benchmark.quantizers.parts.scales import HALF_BYTES, read_halves, scale_levels, write_halves
from vq_benchmark.quantizers.scans.scan_code import MOST_BITS, ScanCode, ScanRows, no_rows

_SIGNS = np.array([-1, 1], np.float32)


class TurboquantParameters(RotatedParameters):
    """Parameters of `turboquant`."""

    variant: Literal["mse", "prod"] = Field(
        default="mse",
        description="mse: levels only; prod: one bit goes to a sketch for unbiased scores, which decode ignores.",
    )

    @model_validator(mode="after")
    def _prod_needs_two_bits(self) -> Self:
        if self.variant == "prod" and self.bits < 2:
            raise ValueError("variant=prod needs at least 2 bits, because one of them is the sketch")
        return self


class Turboquant(RotatedQuantizer):
    """ŷ = ‖y‖/√d·q with q the Lloyd–Max levels of √d·y/‖y‖ and ‖y‖ in 16 bits.

    Zandieh et al., "TurboQuant" (ICLR 2026, arXiv 2504.19874). mse is its algorithm 1. prod (algorithm 2) takes one
    bit less for q, and adds the signs of Gr, r = y − ŷ and G Gaussian, and ‖r‖ in 16 bits. Its scores
    ⟨PQ, ŷ⟩ + ‖r‖·√(π/2)/d·⟨GPQ, sign(Gr)⟩ are unbiased (theorem 2), while `decode` is ŷ alone, whose error is less.
    """

    name = "turboquant"
    title = "TurboQuant"
    paper = "Zandieh et al.: TurboQuant, ICLR 2026, arXiv 2504.19874"
    parameters_type = TurboquantParameters
    side_bytes = HALF_BYTES

    @property
    def unbiased_scores(self) -> bool:  # type: ignore[override]
        return self._is_sketched

    @property
    def _is_sketched(self) -> bool:
        return bool(self.parameters.variant == "prod")

    def footprint(self, n: int, d: int) -> Footprint:
        found = super().footprint(n, d)
        if not self._is_sketched:
            return found
        in_flight = found.row_in_flight + 8 * d
        return replace(found, model=found.model + 12 * d * d, row_in_flight=in_flight, score_columns=2 * d + 1)

    def _prepare(self) -> None:
        self._level_bits = self.parameters.bits - self._is_sketched
        self._table = lloyd_max(self._level_bits)
        self._levels = self._table.levels.astype(np.float32)
        self._units = np.full(1 + self._is_sketched, self.unit, np.float32)
        self._score_columns = self.d * self._units.size + 1
        self._offset = HALF_BYTES * self._units.size
        self._sketch_offset = self.code_bytes = self._offset + packed_bytes(self.d, self._level_bits)
        if self._is_sketched:
            gaussian = seeded_generator("sketch", self._seed).standard_normal((self.d, self.d), np.float32)
            self._sketch = DenseRotation(gaussian)
            self.code_bytes += packed_bytes(self.d, 1)

    def _encode_rotated(self, y: FloatArray, codes: CodeArray) -> None:
        norms, cosines = (np.empty(y.shape[0], np.float32) for _ in range(2))
        encode_lloyd_max(y, 0, self.d, self._table.rounding, self._level_bits, self._offset, codes, norms, cosines)
        write_halves(norms[:, None], self._units[:1], codes)
        if self._is_sketched:
            residual = np.empty_like(y)
            self._decode_rotated(codes, residual)
            np.subtract(y, residual, out=residual)
            signs = self._sketch.forward(residual, np.zeros(self.d, np.float32)) >= 0
            codes[:, self._sketch_offset :] = pack(signs, 1)
            lengths = row_norms(residual, np.zeros(self.d, np.float32))
            write_halves(np.column_stack([norms, lengths.astype(np.float32)]), self._units, codes)

    def _decode_rotated(self, codes: CodeArray, out: FloatArray) -> None:
        norms = read_halves(codes, self._units[:1])[:, 0]
        length = math.sqrt(self.d)
        scale_levels(codes, self._offset, self._level_bits, self._levels, norms, length, out, 0, self.d)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[PQ, ⟨Q, c⟩] for mse, [PQ, GPQ, ⟨Q, c⟩] for prod."""
        projected = super().project_queries(queries)
        if not self._is_sketched:
            return projected
        rotated = np.ascontiguousarray(projected[:, : self.d])
        sketched = self._sketch.forward(rotated, np.zeros(self.d, np.float32))
        return np.column_stack([rotated, sketched, projected[:, self.d]])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self.d, self.d) if self._is_sketched else (self.d,)

    def _decode_tile_for_scores(self, codes: CodeArray, out: FloatArray) -> None:
        """[ŷ, 1] for mse, [ŷ, ‖r‖·√(π/2)/d·sign(Gr), 1] for prod."""
        d = self.d
        self._decode_rotated(codes, out)
        if self._is_sketched:
            lengths = read_halves(codes, self._units)[:, 1]
            scale_levels(codes, self._sketch_offset, 1, _SIGNS, lengths, d / math.sqrt(math.pi / 2), out, d, d)
        out[:, -1] = 1

    def scan_code(self) -> ScanCode | None:
        bits = self._level_bits
        return (
            None if self._is_sketched or bits > MOST_BITS else ScanCode(self.d, bits, self._levels, self._scan_rows)
        )

    def _scan_rows(self, codes: CodeArray) -> ScanRows:
        integers = unpack(codes[:, self._offset :], self.d, self._level_bits).astype(np.uint8)
        scales = read_halves(codes, self._units[:1])[:, 0] / math.sqrt(self.d)
        return ScanRows(integers, scales, no_rows(len(codes)), no_rows(len(codes)))

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """‖y‖² + 2⟨Pc, ŷ⟩ + ‖c‖²."""
        norms = read_halves(codes, self._units[:1])[:, 0].astype(np.float64)
        along_centre = row_dots(self.decode_for_scores(codes), self.rotated_centre)
        return np.asarray(norms**2 + 2 * along_centre + squared_length(self.rotated_centre))
