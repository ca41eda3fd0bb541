"""unit-int8: one fixed grid of bytes for the numbers of unit vectors, as usearch and sqlite-vec have it."""

from dataclasses import replace
from typing import Literal, Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray, pieces
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import whole_bits
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_norms, row_squares
from vq_benchmark.quantizers.parts.score_scale import BYTES_PER_COLUMN, score_scale

_ZERO = 128
"""The byte of the integer 0."""
_STEP = np.float32(2 / 255)


class UnitInt8Parameters(Parameters):
    """Parameters of `unit-int8`."""

    grid: Literal["usearch", "sqlite-vec"] = Field(
        default="usearch", description="usearch: ⌊127·x/‖x‖⌋ toward 0; sqlite-vec: ⌊(x + 1)·255/2 − 128⌋ toward 0."
    )
    product: Literal["cosine", "ip", "l2"] = Field(
        default="cosine",
        description="What scores are of the integers: cosine, inner product, or (under L2) distance.",
    )


class UnitInt8(Quantizer):
    """k = trunc(127·x/‖x‖), usearch's i8, or k = trunc((x + 1)·255/2 − 128), sqlite-vec's `vec_quantize_int8`.

    Nothing is learned from the vectors. Of the 256 integers few are used: at d = 384 the numbers of a unit vector are
    near ±0.05, so codes are within ±25, less than 6 bits. Truncation toward 0 makes every vector shorter. Queries are
    coded too, and the integers are compared as they are. Both expect unit vectors: usearch normalises, sqlite-vec
    clips numbers beyond ±1.

    Scores are the cosine or the product of the integers, times ‖Q‖ and a factor from training. For L2 distances of
    the integers, `product=l2` puts both sides in one unit. `decode` puts each number in the middle of its cell.
    """

    name = "unit-int8"
    title = "Bytes on the unit grid (usearch, sqlite-vec)"
    paper = "no paper; usearch 2.26 (i8), sqlite-vec 0.1.9 (vec_quantize_int8)"
    parameters_type = UnitInt8Parameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        d = train.shape[1]
        lengths = np.concatenate([_lengths(train[piece]) for piece in pieces(len(train))])
        self.restore({"length": np.array(lengths.mean()), "scale": np.array(1.0)}, d)
        self.restore({**self.state(), "scale": np.array(score_scale(self, train))}, d)
        return self

    def state(self) -> State:
        return {"length": np.array(self._length), "scale": np.array(self._scale)}

    def restore(self, state: State, d: int) -> None:
        self.d, self.code_bytes = d, d
        self._length, self._scale = float(state["length"]), float(state["scale"])

    def footprint(self, n: int, d: int) -> Footprint:
        return replace(
            super().footprint(n, d), model=16, fitting=BYTES_PER_COLUMN * d, row=16 * d, score_columns=d, code=d
        )

    def encode(self, vectors: FloatArray) -> CodeArray:
        return (self._integers(self._check_rows(vectors)) + _ZERO).astype(np.uint8)

    def decode(self, codes: CodeArray) -> FloatArray:
        integers = codes.astype(np.float32) - np.float32(_ZERO)
        middles = integers + np.sign(integers) * np.float32(0.5)
        if self.parameters.grid == "usearch":
            return np.asarray(middles * np.float32(self._length / 127), np.float32)
        return np.asarray((middles + np.float32(0.5)) * _STEP, np.float32)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """‖Q‖ times the integers of Q over 127, or over their length, (q, d); with `product=l2` in the unit of x."""
        queries = np.ascontiguousarray(queries, np.float32)
        if self.parameters.product == "l2":
            return self._scaled(self._integers(queries).astype(np.float32))
        lengths = _lengths(queries).astype(np.float32)[:, None]
        return self._scaled(self._integers(queries).astype(np.float32)) * lengths

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """The integers of x over 127, or over their length, times one factor, (n, d)."""
        scaled = self._scaled(codes.astype(np.float32) - np.float32(_ZERO))
        return scaled if self.parameters.product == "l2" else scaled * np.float32(self._scale)

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """Those of `decode_for_scores`."""
        return row_squares(self.decode_for_scores(codes))

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> UnitInt8Parameters:
        whole_bits(cls.name, bits_per_dim, d, [8], side_bytes=0)
        return UnitInt8Parameters()

    def _integers(self, vectors: FloatArray) -> DoubleArray:
        values = vectors.astype(np.float64)
        if self.parameters.grid == "sqlite-vec":
            return np.trunc(np.clip((values + 1) / float(_STEP) - _ZERO, -128, 127))
        lengths = _lengths(vectors)[:, None]
        return np.trunc(np.divide(127 * values, lengths, out=np.zeros_like(values), where=lengths > 0))

    def _scaled(self, integers: FloatArray) -> FloatArray:
        if self.parameters.product == "l2":
            return integers * (_STEP if self.parameters.grid == "sqlite-vec" else np.float32(self._length / 127))
        if self.parameters.product == "ip":
            return integers / np.float32(127)
        lengths = np.sqrt(row_squares(integers)).astype(np.float32)[:, None]
        return np.divide(integers, lengths, out=np.zeros_like(integers), where=lengths > 0)


def _lengths(rows: FloatArray) -> DoubleArray:
    return row_norms(rows, np.zeros(rows.shape[1], np.float32))
