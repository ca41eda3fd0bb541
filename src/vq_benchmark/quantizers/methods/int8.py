"""int8: one byte per dimension and one scale per vector."""

import numpy as np

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.budget import nominal_bits, whole_bits
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.parts.absmax_base import SCALE_BYTES, AbsmaxQuantizer

_ZERO = 128
"""The byte of zero: bytes are unsigned here, so the integer k is stored as k + 128."""


class Int8(AbsmaxQuantizer):
    """x_j ≈ s·k_j, s = max|x|/127, k_j = round(x_j/s) in −127…127, ties to even; s is one float32 per vector.

    The symmetric ("absmax") integer quantization of Dettmers et al., "LLM.int8()" (NeurIPS 2022), section 2.
    """

    name = "int8"
    title = "8-bit integers, one scale per vector"
    paper = "Dettmers et al.: LLM.int8(), NeurIPS 2022, arXiv 2208.07339, section 2"
    bits = 8
    levels = np.arange(-_ZERO, _ZERO, dtype=np.float32)

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        whole_bits(cls.name, bits_per_dim, d, [cls.bits], SCALE_BYTES)
        return Parameters()

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        nominal_bits(cls.name, bits_per_dim, cls.bits, cls.bits)
        return Parameters()

    def _round(self, vectors: FloatArray, scales: FloatArray, codes: CodeArray) -> None:
        _round_to_integers(vectors, scales, codes)


@tile_kernel
def _round_to_integers(vectors: FloatArray, scales: FloatArray, codes: CodeArray) -> None:
    n, d = vectors.shape
    largest = np.float32(127)  # beyond it only by the rounding of a scale that is hardly above zero
    for i in range(n):
        scale = scales[i, 0] if scales[i, 0] > 0 else np.float32(np.inf)
        for j in range(d):
            k = np.rint(vectors[i, j] / scale)
            codes[i, j] = np.int32(min(max(k, -largest), largest)) + _ZERO
