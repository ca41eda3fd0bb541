"""float16 to float32 in a compiled, parallel loop: numpy's is serial, and several times slower on many processors."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types, u4
from numba.extending import intrinsic

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.tiles import in_tiles


def fill_from_half(out: FloatArray, values: Array) -> None:
    """Fill `out` (n, d) float32 with values (n, d) float16, both C-contiguous, with the bits that numpy gives."""
    bits, words = values.view(np.uint16), out.view(np.uint32)
    in_tiles(len(out), lambda part: _convert(bits[part].reshape(-1), words[part].reshape(-1)))


@intrinsic
def _scaled(context: Any, word: Any) -> Any:
    """The bits of 2^112 times the float32 number with the bits `word`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = builder.bitcast(arguments[0], ir.FloatType())
        return builder.bitcast(builder.fmul(number, ir.Constant(ir.FloatType(), float(2**112))), ir.IntType(32))

    return types.uint32(types.uint32), code


@tile_kernel
def _convert(bits: Any, words: Any) -> None:
    """A magnitude, moved by 13 bits, is 2^-112 times its value: float32 has 8 bits of exponent, with bias 127, and
    float16 has 5, with bias 15. That holds for subnormal numbers too; infinities and NaN get the highest exponent."""
    for i in range(len(bits)):
        word = u4(bits[i])
        special = u4(0x7F800000) if (word & u4(0x7C00)) == u4(0x7C00) else u4(0)
        words[i] = _scaled((word & u4(0x7FFF)) << u4(13)) | special | ((word & u4(0x8000)) << u4(16))
