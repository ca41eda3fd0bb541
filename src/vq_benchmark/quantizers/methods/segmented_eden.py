"""Segmented EDEN: EDEN on runs of principal axes, each with the bits that its variance deserves."""

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.methods.eden import encode_lloyd_max
from vq_benchmark.quantizers.parts.bit_allocation import Segment
from vq_benchmark.quantizers.parts.lloyd_max import MAX_BITS, lloyd_max
from vq_benchmark.quantizers.parts.segmented_base import SegmentedParameters, SegmentedQuantizer


class SegmentedEdenParameters(SegmentedParameters):
    """Parameters of `segmented-eden`."""

    block: int = Field(default=32, ge=1, description="Segments begin at multiples of this many principal axes.")


class SegmentedEden(SegmentedQuantizer):
    """Lloyd–Max levels in each segment, whose error falls as variance·4^−bits.

    It combines the code of EDEN (Vargaftik et al., ICML 2022) with the segments of SAQ (Li et al., SIGMOD 2026,
    arXiv 2509.12086).
    """

    name = "segmented-eden"
    title = "Segmented EDEN (PCA, bits by variance)"
    paper = "Vargaftik et al.: EDEN, ICML 2022, arXiv 2108.08842; Li et al.: SAQ, SIGMOD 2026, arXiv 2509.12086"
    parameters_type = SegmentedEdenParameters
    base = 4.0
    max_segment_bits = MAX_BITS

    def levels(self, bits: int) -> FloatArray:
        return lloyd_max(bits).levels.astype(np.float32)

    def encode_segment(self, y: FloatArray, segment: Segment, offset: int, codes: CodeArray) -> FloatArray:
        norms, cosines = (np.empty(y.shape[0], np.float32) for _ in range(2))
        size = segment.stop - segment.start
        tables = lloyd_max(segment.bits).rounding
        encode_lloyd_max(y, segment.start, size, tables, segment.bits, offset, codes, norms, cosines)
        return norms / cosines
