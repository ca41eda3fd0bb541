"""Trellis-coded quantization: one path through a trellis for all coordinates of a vector."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import one_of
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.tiles import TILE_ROWS
from vq_benchmark.quantizers.kernels.viterbi import LANES
from vq_benchmark.quantizers.parts.scales import HALF_BYTES
from vq_benchmark.quantizers.parts.segment_distortions import SegmentErrors
from vq_benchmark.quantizers.parts.segmented_base import SegmentedParameters, SegmentedQuantizer
from vq_benchmark.quantizers.parts.trellis_books import segment_errors
from vq_benchmark.quantizers.parts.trellis_paths import paths_of
from vq_benchmark.quantizers.scans.path_code import PathScan, path_code


class TrellisParameters(SegmentedParameters):
    """Parameters of `trellis`."""

    states: Annotated[int, one_of(8, 10, 12)] = Field(
        default=8, description="2^states states: 8, 10 or 12; each step up encodes about four times slower."
    )


class Trellis(SegmentedQuantizer):
    """Levels along the best path through a bit-shift trellis, on principal axes with bits by their variance.

    A scalar code rounds each coordinate alone. Here the level of a coordinate depends on its own bits and on those
    before it, the last L in all; the Viterbi algorithm finds the bits whose levels are nearest to the whole vector.
    With 256 states this removes most of the 1.1 to 1.7 dB that scalar rounding loses to the rate–distortion bound.

    Marcellin & Fischer, "Trellis coded quantization of memoryless and Gauss–Markov sources" (IEEE Trans. Comm. 38,
    1990). The bit-shift trellis and its closed path are those of Tseng et al., "QTIP" (NeurIPS 2024, arXiv
    2406.11235). The conditioner is that of segmented EDEN. Its segments share one path, along which the bits of a
    step change; half a bit and 1.5 bits per axis are steps that emit two levels.

    The plan minimises Σ variance^1.5·D, between the error of vectors (power 1) and of scores (power 2), which has
    the best recall on MiniLM embeddings over 0.5 to 3 bits.
    """

    name = "trellis"
    title = "Trellis-coded quantization (PCA, bits by variance)"
    paper = "Marcellin & Fischer: TCQ, IEEE Trans. Comm. 1990; Tseng et al.: QTIP, NeurIPS 2024, arXiv 2406.11235"
    parameters_type = TrellisParameters
    power = 1.5

    @property
    def errors(self) -> SegmentErrors:
        return segment_errors(self.parameters.states)

    def footprint(self, n: int, d: int) -> Footprint:
        found = super().footprint(n, d)
        choices = (LANES << (self.parameters.states - 1)) // TILE_ROWS  # bytes per axis and row
        return replace(found, row_in_flight=found.row_in_flight + choices * d)

    def scan_code(self) -> PathScan | None:
        side = HALF_BYTES * self._units.size
        return PathScan(path_code(self._paths), side, self._scan_factors) if self._paths.bits else None

    def _scan_factors(self, codes: CodeArray) -> tuple[FloatArray, FloatArray]:
        factors = self._factors(codes)
        return factors[:, :-2], factors[:, -1]

    def _prepare_code(self) -> int:
        sizes, rates = [s.size for s in self.segments], [s.bits for s in self.segments]
        weights = [
            1 / self.errors.at(s.size, s.bits) for s in self.segments
        ]  # a good plan has equal errors everywhere
        self._paths = paths_of(sizes, rates, weights, self.parameters.states)
        return self._paths.code_bytes

    def _encode_segments(self, y: FloatArray, codes: CodeArray) -> FloatArray:
        return self._paths.encode(y, codes)

    def _decode_segments(self, codes: CodeArray, radii: FloatArray, out: FloatArray) -> None:
        self._paths.decode(codes, np.ascontiguousarray(radii), out)
