"""binary: one bit per dimension, its sign, as vector databases ship it."""

from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray, pieces
from vq_benchmark.quantizers.base import Parameters, Quantizer, State, one_of
from vq_benchmark.quantizers.budget import whole_bits
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_norms
from vq_benchmark.quantizers.parts.packing import aligned_bytes, packed_bytes, padded
from vq_benchmark.quantizers.parts.query_levels import QUERY_LEVELS, symmetric_levels
from vq_benchmark.quantizers.scans.scan_code import ScanCode, ScanRows, no_rows


class BinaryParameters(Parameters):
    """Parameters of `binary`."""

    centre: Literal["zero", "mean"] = Field(
        default="zero", description="Threshold of each dimension: zero, as databases have it, or the training mean."
    )
    queries: Literal["hamming", "float", "scalar4", "scalar8"] = Field(
        default="hamming",
        description="hamming: queries become bits too; float: they meet the signs as they are; scalar4, scalar8: as "
        "integers of so many bits, as in Qdrant.",
    )
    align: Annotated[int, one_of(1, 8, 16)] = Field(
        default=1, description="Bytes that a code is padded to a multiple of: 1, 8 (Weaviate) or 16 (Qdrant)."
    )

    def code_bytes(self, d: int) -> int:
        """Bytes of one code of vectors of dimension d."""
        return aligned_bytes(packed_bytes(d, 1), self.align)


class Binary(Quantizer):
    """The bit of a dimension is x > threshold, packed with the first dimension in the most significant bit.

    These are the bytes of pgvector's `binary_quantize`, of Vespa's `binarize` and `pack_bits`, and of
    sentence-transformers' `ubinary`. They rank by Hamming distance h, under every metric. The score must be linear
    in the bits, so it is that of `simhash`: cos(πh/d) replaced by its tangent π/2·(1 − 2h/d), times the lengths about
    the threshold. With float queries the score is the inner product with `decode`, which ranks as the inner product
    with bits does: so MongoDB, Vespa and sentence-transformers re-rank. Integer queries lie on a grid between −m and
    m, the largest of their magnitudes.

    `decode` is threshold + s·sign, with one s, the mean of |x − threshold| in training: the least-squares choice.
    """

    name = "binary"
    title = "Signs (pgvector, Vespa, Qdrant, sentence-transformers)"
    paper = "no paper; pgvector 0.8, Vespa 8, Qdrant 1.19, sentence-transformers 6.2"
    parameters_type = BinaryParameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        d = train.shape[1]
        mean = self.parameters.centre == "mean"
        centre = train.mean(axis=0, dtype=np.float64).astype(np.float32) if mean else np.zeros(d, np.float32)
        absolute = sum(np.abs(train[piece] - centre).sum(dtype=np.float64) for piece in pieces(len(train)))
        length = np.concatenate([row_norms(train[piece], centre) for piece in pieces(len(train))]).mean()
        state = {"step": np.array(absolute / train.size), "length": np.array(length)}
        self.restore({**state, "centre": centre} if mean else state, d)
        return self

    def state(self) -> State:
        return self._state

    def restore(self, state: State, d: int) -> None:
        self.d, self.code_bytes, self._state = d, self.parameters.code_bytes(d), state
        self._centre = state.get("centre", np.zeros(d, np.float32))
        self._step, self._length = np.float32(state["step"]), float(state["length"])

    def footprint(self, n: int, d: int) -> Footprint:
        return replace(super().footprint(n, d), model=8 * d, fitting=0, row=2 * d, score_columns=d)

    def encode(self, vectors: FloatArray) -> CodeArray:
        return padded(np.packbits(self._check_rows(vectors) > self._centre, axis=1), self.code_bytes)

    def decode(self, codes: CodeArray) -> FloatArray:
        return self._signs(codes) * self._step + self._centre

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """Q, Q on a grid, or ‖Q − threshold‖·sign(Q − threshold), (q, d)."""
        if self.parameters.queries == "float":
            return queries
        if self.parameters.queries in QUERY_LEVELS:
            return symmetric_levels(queries, QUERY_LEVELS[self.parameters.queries])
        lengths = row_norms(np.ascontiguousarray(queries, np.float32), self._centre).astype(np.float32)
        return np.where(queries > self._centre, lengths[:, None], -lengths[:, None])

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """`decode`, its signs times s, or π/(2d)·mean length·sign(x − threshold), (n, d)."""
        if self.parameters.queries == "float":
            return self.decode(codes)
        if self.parameters.queries in QUERY_LEVELS:
            return self._signs(codes) * self._step
        return self._signs(codes) * np.float32(self._length * np.pi / (2 * self.d))

    def scan_code(self) -> ScanCode:
        is_hamming = self.parameters.queries == "hamming"
        step = self._length * np.pi / (2 * self.d) if is_hamming else float(self._step)
        return ScanCode(self.d, 1, np.array([-step, step]), self._scan_rows)

    def _scan_rows(self, codes: CodeArray) -> ScanRows:
        none = no_rows(len(codes))
        return ScanRows(np.unpackbits(codes, axis=1, count=self.d), none + 1, none, none)

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """Those of `decode`, or the mean length squared, with which L2 ranks by Hamming distance too."""
        if self.parameters.queries == "float":
            return super().squared_norms(codes)
        return np.full(len(codes), self._length**2)

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> BinaryParameters:
        whole_bits(cls.name, bits_per_dim, d, [1], side_bytes=0)
        return BinaryParameters()

    def _signs(self, codes: CodeArray) -> FloatArray:
        """−1 and 1, (n, d)."""
        bits = np.unpackbits(codes, axis=1, count=self.d)
        return np.array([-1, 1], np.float32)[bits]
