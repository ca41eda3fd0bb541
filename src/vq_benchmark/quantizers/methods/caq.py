"""CAQ: a uniform grid over the range of each vector, then adjusted coordinate by coordinate."""

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import Array, CodeArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot64
from vq_benchmark.quantizers.parts.packing import pack_row
from vq_benchmark.quantizers.parts.rotated_base import RotatedParameters
from vq_benchmark.quantizers.parts.uniform_base import FACTOR_BYTES, UniformQuantizer, write_factors


class CaqParameters(RotatedParameters):
    """Parameters of `caq`."""

    rounds: int = Field(default=6, ge=0, le=100, description="Most rounds of adjustment; 0 leaves the grid.")


class Caq(UniformQuantizer):
    """c_j = ⌊(y_j + v)/Δ⌋ with v = max|y| and Δ = 2v/2^bits; then each c_j moves by one if that raises the cosine.

    Code adjustment quantization, Li et al., "SAQ" (SIGMOD 2026, arXiv 2509.12086), section 3. The scale cancels, so
    the code stands for the half-integers c + ½ − 2^(bits−1), with RaBitQ's estimator.
    """

    name = "caq"
    title = "CAQ (code adjustment)"
    paper = "Li et al.: SAQ, SIGMOD 2026, arXiv 2509.12086"
    parameters_type = CaqParameters

    def _round(self, y: FloatArray, centre: FloatArray, codes: CodeArray, factors: FloatArray) -> None:
        _encode(y, centre, self.parameters.bits, self.parameters.rounds, codes, factors)


@tile_kernel
def _encode(y: FloatArray, centre: FloatArray, bits: int, rounds: int, codes: CodeArray, factors: FloatArray) -> None:
    n, d = y.shape
    integers, levels = np.empty(d, np.uint16), np.empty(d, np.float32)
    for i in range(n):
        adjusted_code(y[i], bits, rounds, integers, levels)
        write_factors(y[i], centre, integers, 0.5 - (1 << (bits - 1)), levels, factors[i])
        pack_row(integers, bits, codes[i, FACTOR_BYTES:])


@row_kernel
def adjusted_code(y: FloatArray, bits: int, rounds: int, integers: Array, levels: FloatArray) -> None:
    """Write CAQ's integers, below 2^bits, for one row; a zero row gets the middle. levels (d,) float32 is scratch."""
    largest = np.float32(0)
    for j in range(y.size):
        largest = max(largest, abs(y[j]))
    count = 1 << bits
    per_step = np.float32(count / (2 * largest) if largest > 0 else 0.0)
    top = np.float32(count - 1)
    for j in range(y.size):
        integers[j] = np.uint16(min((y[j] + largest) * per_step, top)) if largest > 0 else count >> 1
    _adjust(y, integers, np.int64(count - 1), rounds, levels)


@row_kernel
def _adjust(y: FloatArray, integers: Array, top: int, rounds: int, levels: FloatArray) -> None:
    """Move integers by ±1 while that raises ⟨q, y⟩²/‖q‖² of q = integers − top/2, by coordinate descent."""
    middle = 0.5 * top
    for j in range(y.size):
        levels[j] = integers[j] - middle
    ip, l2 = dot64(levels, y), dot64(levels, levels)
    slack = 1e-8 * dot64(y, y)
    for _ in range(rounds):
        moved = False
        for j in range(y.size):
            q = integers[j] - middle
            move = 1.0 if y[j] * l2 > q * ip else -1.0  # as the gradient says; the other way only lowers the cosine
            new_ip, new_l2 = ip + move * y[j], l2 + move * 2 * q + 1
            inside = abs(q + move) <= middle
            if inside and new_ip * new_ip * l2 > (ip * ip + slack * l2) * new_l2:
                ip, l2 = new_ip, new_l2
                integers[j] = np.uint16(q + move + middle)
                moved = True
        if not moved:
            break
