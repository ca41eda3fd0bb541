"""SAQ: CAQ on runs of principal axes, each with the bits that its variance deserves."""

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot, dot_and_square
from vq_benchmark.quantizers.methods.caq import adjusted_code
from vq_benchmark.quantizers.parts.bit_allocation import Segment
from vq_benchmark.quantizers.parts.packing import pack_row
from vq_benchmark.quantizers.parts.scalar_segments import ScalarSegments
from vq_benchmark.quantizers.parts.segment_distortions import CAQ
from vq_benchmark.quantizers.parts.segmented_base import SegmentedParameters
from vq_benchmark.quantizers.parts.uniform_base import uniform_levels


class SaqParameters(SegmentedParameters):
    """Parameters of `saq`."""

    rounds: int = Field(default=6, ge=0, le=100, description="Most rounds of adjustment; 0 leaves the grid.")


class Saq(ScalarSegments):
    """CAQ's code in each segment of 8 axes or more, at 1 to 13 bits.

    The plan minimises Σ variance^1.25·D, between the error of vectors (power 1) and of scores (power 2). On MiniLM
    embeddings it has better recall than power 1 at 2 and 4 bits, better than power 2 at 1 bit, and a squared error
    near the least.

    Li et al., "SAQ: Pushing the Limits of Vector Quantization through Code Adjustment and Dimension Segmentation"
    (SIGMOD 2026, arXiv 2509.12086). The paper stores two 32-bit factors per segment. Here one 16-bit factor is
    enough, so that is the cost of a segment. The paper's plan takes the error of b bits as variance·2^−b.
    """

    name = "saq"
    title = "SAQ (PCA, bits by variance, code adjustment)"
    paper = "Li et al.: SAQ, SIGMOD 2026, arXiv 2509.12086"
    parameters_type = SaqParameters
    errors = CAQ
    power = 1.25

    def levels(self, bits: int) -> FloatArray:
        return uniform_levels(bits)

    def encode_segment(self, y: FloatArray, segment: Segment, offset: int, codes: CodeArray) -> FloatArray:
        radii = np.empty(y.shape[0], np.float32)
        size = segment.size
        _encode(y, segment.start, size, int(segment.bits), self.parameters.rounds, offset, codes, radii)
        return radii


@tile_kernel
def _encode(
    y: FloatArray,
    column: int,
    count: int,
    bits: int,
    rounds: int,
    offset: int,
    codes: CodeArray,
    radii: FloatArray,
) -> None:
    """Pack CAQ's integers for z = y[i, column : column + count] into codes[i, offset:]; radii (n,) gets ‖z‖/cos."""
    n = y.shape[0]
    zero = np.float32(0.5 - (1 << (bits - 1)))
    integers, levels = np.empty(count, np.uint16), np.empty(count, np.float32)
    for i in range(n):
        z = y[i, column : column + count]
        adjusted_code(z, bits, rounds, integers, levels)
        for j in range(count):
            levels[j] = np.float32(integers[j]) + zero
        ip, l2 = dot_and_square(levels, z)
        radii[i] = dot(z, z) * np.sqrt(l2) / ip if ip > 0 else np.float32(0)
        pack_row(integers, bits, codes[i, offset:])
