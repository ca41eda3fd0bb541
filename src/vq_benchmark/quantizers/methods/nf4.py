"""nf4: the 4-bit NormalFloat of QLoRA, one scale per block."""

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.budget import largest_within, nominal_bits
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.parts.absmax_base import SCALE_BYTES, AbsmaxQuantizer
from vq_benchmark.quantizers.parts.packing import pack_row, packed_bytes

_GRANULE = 64
_NOMINAL_SCALE_BITS = 64
"""Bits per vector that scales may take on top of a nominal budget."""


class Nf4Parameters(Parameters):
    """Parameters of `nf4`."""

    block: int = Field(
        default=_GRANULE,
        ge=_GRANULE,
        multiple_of=_GRANULE,
        description="Dimensions that share a float32 scale; a multiple of 64.",
    )


class Nf4(AbsmaxQuantizer):
    """x_j ≈ s·l_j, s = max|x| of each block of 64 dimensions (float32), l_j the nearest of 16 levels in [−1, 1].

    Dettmers et al., "QLoRA" (NeurIPS 2023), section 3; the levels, of appendix E, are averages of quantiles of the
    normal distribution, with an exact zero. Scales are not quantized again. A budget gets the smallest blocks whose
    scales fit in it.
    """

    name = "nf4"
    title = "4-bit NormalFloat, one scale per block"
    paper = "Dettmers et al.: QLoRA, NeurIPS 2023, arXiv 2305.14314"
    parameters_type = Nf4Parameters
    bits = 4
    levels = np.array(
        [
            -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
            -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
            0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
            0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
        ],
        np.float32,
    )  # fmt: skip

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Nf4Parameters:
        """The smallest block, a multiple of 64, whose scales fit in the budget."""
        blocks = range(-(-d // _GRANULE) * _GRANULE, 0, -_GRANULE)
        block = largest_within(
            cls.name, bits_per_dim, d, blocks, lambda block: SCALE_BYTES * -(-d // block) + packed_bytes(d, cls.bits)
        )
        return Nf4Parameters(block=block)

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> Nf4Parameters:
        """The smallest block, a multiple of 64, whose scales fit in the budget or in _NOMINAL_SCALE_BITS."""
        nominal_bits(cls.name, bits_per_dim, cls.bits, cls.bits)
        scales = max(int(bits_per_dim * d) - cls.bits * d, _NOMINAL_SCALE_BITS) // (8 * SCALE_BYTES)
        return Nf4Parameters(block=-(-d // (scales * _GRANULE)) * _GRANULE)

    def _block_size(self, d: int) -> int:
        return int(self.parameters.block)

    def _round(self, vectors: FloatArray, scales: FloatArray, codes: CodeArray) -> None:
        _round_to_levels(vectors, scales, self._block, (self.levels[1:] + self.levels[:-1]) / 2, codes)


@tile_kernel
def _round_to_levels(
    vectors: FloatArray, scales: FloatArray, block: int, thresholds: FloatArray, codes: CodeArray
) -> None:
    n, d = vectors.shape
    integers = np.empty(d, np.uint8)
    scaled = np.empty(d, np.float32)
    for i in range(n):
        for b in range(scales.shape[1]):
            scale = scales[i, b] if scales[i, b] > 0 else np.float32(np.inf)
            for j in range(b * block, min(d, (b + 1) * block)):
                scaled[j] = vectors[i, j] / scale
        integers[:] = 0
        for threshold in thresholds:
            for j in range(d):
                integers[j] += np.uint8(scaled[j] > threshold)
        pack_row(integers, 4, codes[i])
