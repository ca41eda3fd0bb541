"""Segmented EDEN: EDEN on runs of principal axes, each with the bits that its variance deserves."""

import numpy as np

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.methods.eden import encode_lloyd_max
from vq_benchmark.quantizers.parts.bit_allocation import Segment
from vq_benchmark.quantizers.parts.lloyd_max import lloyd_max
from vq_benchmark.quantizers.parts.scalar_segments import ScalarSegments
from vq_benchmark.quantizers.parts.segment_distortions import LLOYD_MAX
from vq_benchmark.quantizers.parts.segmented_base import SegmentedParameters


class SegmentedEden(ScalarSegments):
    """Lloyd–Max levels in each segment of 8 axes or more, planned for the least squared error of vectors.

    It combines the code of EDEN (Vargaftik et al., ICML 2022) with the segments of SAQ (Li et al., SIGMOD 2026,
    arXiv 2509.12086).
    """

    name = "segmented-eden"
    title = "Segmented EDEN (PCA, bits by variance)"
    paper = "Vargaftik et al.: EDEN, ICML 2022, arXiv 2108.08842; Li et al.: SAQ, SIGMOD 2026, arXiv 2509.12086"
    parameters_type = SegmentedParameters
    errors = LLOYD_MAX
    power = 1.0

    def levels(self, bits: int) -> FloatArray:
        return lloyd_max(bits).levels.astype(np.float32)

    def encode_segment(self, y: FloatArray, segment: Segment, offset: int, codes: CodeArray) -> FloatArray:
        norms, cosines = (np.empty(y.shape[0], np.float32) for _ in range(2))
        size = segment.size
        tables = lloyd_max(int(segment.bits)).rounding
        encode_lloyd_max(y, segment.start, size, tables, int(segment.bits), offset, codes, norms, cosines)
        return norms / cosines
