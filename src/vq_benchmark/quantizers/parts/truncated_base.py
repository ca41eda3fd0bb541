"""Fewer dimensions, each on a uniform grid: the common part of Matryoshka and PCA truncation."""

from abc import abstractmethod
from dataclasses import replace
from typing import Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import whole_bytes
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.rows import row_dots
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.packing import pack_row, packed_bytes, unpack_row
from vq_benchmark.quantizers.parts.uniform_grids import grids_bytes, uniform_grids

PREFERRED_BITS = 4
"""Bits per kept dimension for which a budget is used first. With fewer, more of the kept variance is lost than the
further dimensions hold; with more, the reverse."""


class TruncatedParameters(Parameters):
    """The number of kept dimensions, and the bits of each."""

    k: int | None = Field(default=None, ge=1, description="Number of dimensions to keep, default half.")
    bits: int = Field(default=PREFERRED_BITS, ge=1, le=8, description="Bits per kept dimension.")

    def check_dimension(self, d: int) -> None:
        if self.k is not None and self.k > d:
            raise InputError(f"k={self.k} is more than the dimension d={d}; k can be 1 to {d}.")

    def kept(self, d: int) -> int:
        """The number of dimensions kept out of d."""
        return -(-d // 2) if self.k is None else self.k


class TruncatedQuantizer(Quantizer):
    """A code of z, k coordinates of x − mean, each on a grid of 2^bits cells of its own width, centred on zero.

    A subclass chooses the coordinates. All others decode to those of the training mean. Scores are computed in the
    kept coordinates, ⟨Q, mean⟩ + ⟨Q's coordinates, z⟩, and equal those of the decoded vectors.
    """

    parameters_type = TruncatedParameters

    mean: FloatArray
    """(d,) the training mean."""
    cell: FloatArray
    """(k,) the width of the cells of each coordinate."""

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> TruncatedParameters:
        """As many dimensions of 4 bits as fit; if all d fit, as many bits for each as fit."""
        available = 8 * whole_bytes(cls.name, bits_per_dim, d)
        bits = min(max(PREFERRED_BITS, available // d), 8)
        k = min(available // bits, d)
        return TruncatedParameters(k=k, bits=bits)

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        d = train.shape[1]
        self.restore({**self._axes_of(train), "cell": np.zeros(self.parameters.kept(d), np.float32)}, d)
        self.cell = uniform_grids(self._keep(train, self.mean), self.parameters.bits)["cell"]
        return self

    def footprint(self, n: int, d: int) -> Footprint:
        k = self.parameters.kept(d)
        fitting = 4 * n * k + grids_bytes(n, k)
        found = super().footprint(n, d)
        return replace(found, fitting=fitting, row=0, row_in_flight=4 * (k + d), score_columns=k + 1)

    def state(self) -> State:
        return {"mean": self.mean, "cell": self.cell}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.k = self.parameters.kept(d)
        self.mean, self.cell = state["mean"], state["cell"]
        self.code_bytes = packed_bytes(self.k, self.parameters.bits)

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        codes = np.empty((vectors.shape[0], self.code_bytes), np.uint8)
        in_tiles(len(codes), lambda tile: self._encode_tile(vectors[tile], codes[tile]))
        return codes

    def _encode_tile(self, vectors: FloatArray, codes: CodeArray) -> None:
        _encode_grid(self._keep(vectors, self.mean), self.cell, self.parameters.bits, codes)

    def decode(self, codes: CodeArray) -> FloatArray:
        out = np.empty((codes.shape[0], self.d), np.float32)
        in_tiles(len(codes), lambda tile: self._decode_tile(codes[tile], out[tile]))
        return out

    def _decode_tile(self, codes: CodeArray, out: FloatArray) -> None:
        z = np.empty((codes.shape[0], self.k), np.float32)
        _decode_grid(codes, self.cell, self.parameters.bits, z)
        out[:] = self._expand(z)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[the kept coordinates of Q, ⟨Q, mean⟩], (q, k + 1)."""
        kept = self._keep(np.ascontiguousarray(queries, np.float32), np.zeros(self.d, np.float32))
        return np.column_stack([kept, row_dots(queries, self.mean).astype(np.float32)])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self.k,)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """[z(x), 1], (n, k + 1)."""
        scores = np.empty((codes.shape[0], self.k + 1), np.float32)
        scores[:, self.k] = 1
        in_tiles(len(codes), lambda tile: _decode_grid(codes[tile], self.cell, self.parameters.bits, scores[tile]))
        return scores

    @abstractmethod
    def _axes_of(self, train: FloatArray) -> State:
        """The state except `cell`, learned from train (n, d)."""

    @abstractmethod
    def _keep(self, vectors: FloatArray, shift: FloatArray) -> FloatArray:
        """The kept coordinates (n, k) of vectors (n, d) − shift (d,)."""

    @abstractmethod
    def _expand(self, z: FloatArray) -> FloatArray:
        """The vectors (n, d) that z (n, k) represents."""


@tile_kernel
def _encode_grid(z: FloatArray, cell: FloatArray, bits: int, codes: CodeArray) -> None:
    n, k = z.shape
    half, top = np.float32(1 << (bits - 1)), np.float32((1 << bits) - 1)
    integers = np.empty(k, np.uint8)
    for i in range(n):
        for j in range(k):
            width = cell[j] if cell[j] > 0 else np.float32(np.inf)
            level = np.floor(z[i, j] / width) + half
            integers[j] = np.int32(min(max(level, np.float32(0)), top))
        pack_row(integers, bits, codes[i])


@tile_kernel
def _decode_grid(codes: CodeArray, cell: FloatArray, bits: int, out: FloatArray) -> None:
    n, k = out.shape[0], cell.size
    centre = np.float32(0.5) - np.float32(1 << (bits - 1))
    integers = np.empty(k, np.uint8)
    for i in range(n):
        unpack_row(codes[i], bits, integers)
        for j in range(k):
            out[i, j] = (np.float32(integers[j]) + centre) * cell[j]
