"""EDEN: random rotation, Lloyd–Max levels, one scale."""

import math
from typing import Literal

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.rows import row_dots, squared_length
from vq_benchmark.quantizers.kernels.sums import dot
from vq_benchmark.quantizers.parts.lloyd_max import Rounding, lloyd_max, round_row
from vq_benchmark.quantizers.parts.packing import pack_row, packed_bytes, unpack
from vq_benchmark.quantizers.parts.rotated_base import RotatedParameters, RotatedQuantizer
from vq_benchmark.quantizers.parts.scales import HALF_BYTES, read_halves, scale_levels, write_halves
from vq_benchmark.quantizers.scans.scan_code import MOST_BITS, ScanCode, ScanRows, along_levels, no_rows


class EdenParameters(RotatedParameters):
    """Parameters of `eden`."""

    scale: Literal["unbiased", "biased"] = Field(
        default="unbiased",
        description="unbiased: scores are right on average over rotations; biased: least squared error.",
    )


class Eden(RotatedQuantizer):
    """Rounds each coordinate of √d·y/‖y‖ to the Lloyd–Max levels of N(0, 1) and stores one 16-bit radius per vector.

    Vargaftik et al., "DRIVE" (NeurIPS 2021) and "EDEN" (ICML 2022). Their scales are S = ‖y‖²/⟨y, q⟩ (unbiased,
    EDEN eq. 3) and S = ⟨y, q⟩/‖q‖² (least squares). Only the scale that `scale` names is stored. The other one
    follows from cos² = 1 − D, the Lloyd–Max distortion, around which cos² varies by O(1/√d).
    """

    name = "eden"
    title = "EDEN (Lloyd–Max on a random rotation)"
    paper = "Vargaftik et al.: DRIVE, NeurIPS 2021; EDEN, ICML 2022, arXiv 2108.08842"
    parameters_type = EdenParameters
    side_bytes = HALF_BYTES

    @property
    def unbiased_scores(self) -> bool:  # type: ignore[override]
        return bool(self.parameters.scale == "unbiased")

    def _prepare(self) -> None:
        self._table = lloyd_max(self.parameters.bits)
        self._levels = self._table.levels.astype(np.float32)
        self._units = np.array([self.unit], np.float32)
        self._score_columns = self.d + 1
        self.code_bytes = HALF_BYTES + packed_bytes(self.d, self.parameters.bits)

    def _encode_rotated(self, y: FloatArray, codes: CodeArray) -> None:
        norms, cosines = (np.empty(y.shape[0], np.float32) for _ in range(2))
        encode_lloyd_max(y, 0, self.d, self._table.rounding, self.parameters.bits, HALF_BYTES, codes, norms, cosines)
        radii = norms / cosines if self.parameters.scale == "unbiased" else norms * cosines
        write_halves(radii[:, None], self._units, codes)

    def _decode_rotated(self, codes: CodeArray, out: FloatArray) -> None:
        radii = read_halves(codes, self._units)[:, 0]
        if self.parameters.scale == "unbiased":
            radii *= np.float32(1 - self._table.distortion)
        self._scale(codes, radii, out)

    def _decode_tile_for_scores(self, codes: CodeArray, out: FloatArray) -> None:
        """[Sq, 1] with the stored scale S."""
        self._scale(codes, read_halves(codes, self._units)[:, 0], out)
        out[:, self.d] = 1

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """n² + 2⟨Pc, Sq⟩ + ‖c‖², with n² = radius²·(1 − D)^±1."""
        radii = read_halves(codes, self._units)[:, 0].astype(np.float64)
        cos2 = 1 - self._table.distortion
        n2 = radii**2 * (cos2 if self.parameters.scale == "unbiased" else 1 / cos2)
        along_centre = row_dots(self.decode_for_scores(codes), self.rotated_centre)
        return np.asarray(n2 + 2 * along_centre + squared_length(self.rotated_centre))

    def scan_code(self) -> ScanCode | None:
        bits = self.parameters.bits
        return ScanCode(self.d, bits, self._levels, self._scan_rows) if bits <= MOST_BITS else None

    def _scan_rows(self, codes: CodeArray) -> ScanRows:
        integers = unpack(codes[:, HALF_BYTES:], self.d, self.parameters.bits).astype(np.uint8)
        scales = along_levels(integers, self._levels, read_halves(codes, self._units)[:, 0])
        return ScanRows(integers, scales, no_rows(len(codes)), no_rows(len(codes)))

    def _scale(self, codes: CodeArray, radii: FloatArray, out: FloatArray) -> None:
        scale_levels(codes, HALF_BYTES, self.parameters.bits, self._levels, radii, 0.0, out, 0, self.d)


@tile_kernel
def encode_lloyd_max(
    y: FloatArray,
    column: int,
    count: int,
    tables: Rounding,
    bits: int,
    offset: int,
    codes: CodeArray,
    norms: FloatArray,
    cosines: FloatArray,
) -> None:
    """Round √d·z/‖z‖ to Lloyd–Max levels q, packed into codes[i, offset:], with z = y[i, column : column + d].

    y (n, ≥ column + d) with d = count; norms (n,) receives ‖z‖, and cosines (n,) those of q and z, 1 where z is zero.
    """
    n, d = y.shape[0], count
    integers = np.empty(d, np.uint8)
    scaled, levels = np.empty(d, np.float32), np.empty(d, np.float32)
    for i in range(n):
        z = y[i, column : column + d]
        norm = np.sqrt(dot(z, z))
        scale = math.sqrt(d) / norm if norm > 0 else 0.0
        ip, l2 = round_row(z, scale, tables, integers, scaled, levels)
        norms[i] = norm
        cosines[i] = ip / np.sqrt(d * l2) if norm > 0 else 1.0
        pack_row(integers, bits, codes[i, offset:])
