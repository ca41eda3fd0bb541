"""fp8: one 8-bit float per dimension and one scale per vector."""

import numpy as np

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.budget import nominal_bits, whole_bits
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.parts.absmax_base import SCALE_BYTES, AbsmaxQuantizer

LARGEST = 448.0
"""The largest finite e4m3 number, code 0x7e; 0x7f is not a number."""


def e4m3_values() -> FloatArray:
    """(256,) float32, the value of each e4m3 code: sign, 4 bits of exponent of bias 7, 3 bits of mantissa.

    Micikevicius et al. (2022), table 1. The two codes that are not a number stand for ±448 here: no encoder makes
    them.
    """
    exponent, mantissa = np.divmod(np.arange(128), 8)
    magnitude = np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7))
    magnitude = np.minimum(magnitude, LARGEST)
    return np.concatenate([magnitude, -magnitude]).astype(np.float32)


class Fp8(AbsmaxQuantizer):
    """x_j ≈ s·f_j with f_j the e4m3 number nearest to x_j/s, ties to even, and s = max|x|/448, a float32 per vector.

    e4m3 is the format of Micikevicius et al., "FP8 Formats for Deep Learning" (2022). Its precision is relative,
    3 bits of mantissa, so it beats int8 only if a vector's entries differ by orders of magnitude.
    """

    name = "fp8"
    title = "8-bit floats (e4m3), one scale per vector"
    paper = "Micikevicius et al.: FP8 Formats for Deep Learning, 2022, arXiv 2209.05433"
    bits = 8
    levels = e4m3_values()

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        whole_bits(cls.name, bits_per_dim, d, [cls.bits], SCALE_BYTES)
        return Parameters()

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        nominal_bits(cls.name, bits_per_dim, cls.bits, cls.bits)
        return Parameters()

    def _round(self, vectors: FloatArray, scales: FloatArray, codes: CodeArray) -> None:
        _round_to_e4m3(vectors, scales, codes)


@tile_kernel
def _round_to_e4m3(vectors: FloatArray, scales: FloatArray, codes: CodeArray) -> None:
    n, d = vectors.shape
    largest, smallest_normal = np.float32(LARGEST), np.float32(2.0**-6)
    magnitudes = np.empty(d, np.float32)
    words = magnitudes.view(np.int32)
    for i in range(n):
        scale = scales[i, 0] if scales[i, 0] > 0 else np.float32(np.inf)
        for j in range(d):
            magnitudes[j] = min(abs(vectors[i, j] / scale), largest)
        for j in range(d):
            # a normal number keeps 3 of its 23 bits of mantissa, and its exponent moves from bias 127 to 7
            word = words[j]
            normal = ((word + 0x7FFFF + ((word >> 20) & 1)) >> 20) - (120 << 3)
            subnormal = np.int32(np.rint(magnitudes[j] * np.float32(512)))
            code = normal if magnitudes[j] >= smallest_normal else subnormal
            codes[i, j] = code | (128 if vectors[i, j] < 0 else 0)
