"""Segments that are coded alone, each with the integers of a scalar code, packed one segment after another."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.parts.bit_allocation import Segment
from vq_benchmark.quantizers.parts.packing import packed_bytes
from vq_benchmark.quantizers.parts.scales import scale_levels
from vq_benchmark.quantizers.parts.segment_distortions import SegmentErrors
from vq_benchmark.quantizers.parts.segmented_base import SegmentedQuantizer


class ScalarSegments(SegmentedQuantizer):
    """A segmented quantizer whose codes are integers of `bits` bits, one for each axis of a segment."""

    errors: ClassVar[SegmentErrors]

    @abstractmethod
    def levels(self, bits: int) -> FloatArray:
        """(2^bits,) the levels of the integers in a segment's code."""

    @abstractmethod
    def encode_segment(self, y: FloatArray, segment: Segment, offset: int, codes: CodeArray) -> FloatArray:
        """Pack the integers of the segment's columns of y (n, e + 1) into codes[:, offset:]; return ‖z‖/cos (n,)."""

    def _prepare_code(self) -> int:
        self._levels = [self.levels(int(s.bits)) for s in self.segments]
        self._offsets = np.cumsum([0, *(packed_bytes(s.size, int(s.bits)) for s in self.segments)])
        return int(self._offsets[-1])

    def _encode_segments(self, y: FloatArray, codes: CodeArray) -> FloatArray:
        radii = np.empty((y.shape[0], len(self.segments)), np.float32)
        for index, segment in enumerate(self.segments):
            radii[:, index] = self.encode_segment(y, segment, int(self._offsets[index]), codes)
        return radii

    def _decode_segments(self, codes: CodeArray, radii: FloatArray, out: FloatArray) -> None:
        for index, s in enumerate(self.segments):
            radius, offset = np.ascontiguousarray(radii[:, index]), int(self._offsets[index])
            scale_levels(codes, offset, int(s.bits), self._levels[index], radius, 0.0, out, s.start, s.size)
