"""Formats scaled by the largest magnitude of a vector or block: the common part of int8, fp8 and nf4."""

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Quantizer, State
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.packing import packed_bytes
from vq_benchmark.quantizers.parts.scales import scale_levels

SCALE_BYTES = 4


class AbsmaxQuantizer(Quantizer):
    """x ≈ s·level, s = max|x| / largest level, over blocks of dimensions. Nothing is learned and no model is stored.

    A row holds its scales, float32, then the packed indices of its levels. A subclass defines the levels and rounds.
    """

    bits: ClassVar[int]
    """Bits per dimension, 4 or 8."""
    levels: ClassVar[FloatArray]
    """(2^bits,) float32, the value of each integer."""

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        self.restore({}, train.shape[1])
        return self

    def state(self) -> State:
        return {}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self._block = self._block_size(d)
        self._blocks = -(-d // self._block)
        self._offset = SCALE_BYTES * self._blocks
        self.code_bytes = self._offset + packed_bytes(d, self.bits)

    def footprint(self, n: int, d: int) -> Footprint:
        return replace(super().footprint(n, d), fitting=0, row=0)

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        codes = np.empty((vectors.shape[0], self.code_bytes), np.uint8)
        in_tiles(len(codes), lambda tile: self._encode_tile(vectors[tile], codes[tile]))
        return codes

    def _encode_tile(self, vectors: FloatArray, codes: CodeArray) -> None:
        scales = np.empty((vectors.shape[0], self._blocks), np.float32)
        _absmax(vectors, self._block, self.levels.max(), scales)
        codes[:, : self._offset] = scales.astype("<f4", copy=False).view(np.uint8)
        self._round(vectors, scales, codes[:, self._offset :])

    def decode(self, codes: CodeArray) -> FloatArray:
        out = np.empty((codes.shape[0], self.d), np.float32)
        in_tiles(len(codes), lambda tile: self._decode_tile(codes[tile], out[tile]))
        return out

    def _decode_tile(self, codes: CodeArray, out: FloatArray) -> None:
        scales = np.ascontiguousarray(codes[:, : self._offset]).view("<f4").astype(np.float32, copy=False)
        for block in range(self._blocks):
            first = block * self._block
            offset = self._offset + first * self.bits // 8
            count = min(self._block, self.d - first)
            scale_levels(codes, offset, self.bits, self.levels, scales[:, block].copy(), 1.0, out, first, count)

    def _block_size(self, d: int) -> int:
        """Dimensions that share a scale: all of them unless a subclass says otherwise."""
        return d

    @abstractmethod
    def _round(self, vectors: FloatArray, scales: FloatArray, codes: CodeArray) -> None:
        """Fill codes (n, packed bytes) with the indices of the levels nearest to vectors (n, d) / their scales."""


@tile_kernel
def _absmax(vectors: FloatArray, block: int, largest_level: np.float32, scales: FloatArray) -> None:
    """scales (n, blocks) = the largest magnitude in each block / largest_level."""
    n, d = vectors.shape
    for i in range(n):
        for b in range(scales.shape[1]):
            largest = np.float32(0)
            for j in range(b * block, min(d, (b + 1) * block)):
                largest = max(largest, abs(vectors[i, j]))
            scales[i, b] = largest / largest_level
