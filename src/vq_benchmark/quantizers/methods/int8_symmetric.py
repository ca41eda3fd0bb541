"""int8-symmetric: the raw integers of sentence-transformers' int8 embeddings, multiplied as they are."""

from dataclasses import replace
from typing import Literal, Self

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray, pieces
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import whole_bits
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_dots, row_squares

_ZERO = 128
"""The byte of the integer 0: bytes are unsigned here, so the integer k is stored as k + 128."""
_SCALE_ROWS = 256
"""Training rows from which the factor of scores is estimated."""


class Int8SymmetricParameters(Parameters):
    """Parameters of `int8-symmetric`."""

    release: Literal["6.2", "5.2"] = Field(
        default="6.2",
        description="Of sentence-transformers. 6.2 rounds down and clips; 5.2 truncates and wraps around.",
    )
    queries: Literal["int8", "float"] = Field(
        default="int8", description="int8: queries become integers too; float: they meet the integers as they are."
    )


class Int8Symmetric(Quantizer):
    """k_j = ⌊(x_j − min_j)/step_j⌋ − 128, step_j = (max_j − min_j)/255, with the range of each dimension in training.

    This is `quantize_embeddings(precision="int8")`. The integers are then multiplied without decoding,
    ⟨k(Q), k(x)⟩: so `semantic_search_usearch` finds candidates, and so do databases with an index of int8 vectors.
    A dimension then weighs 1/step_j² instead of 1, and is centred on the middle of its range. Decoded, the same
    bytes are as good as those of `sq-faiss`. Release 5.2 re-ranks by `queries="float"`; 6.2 re-ranks decoded vectors.

    Scores here are the integer product times one factor, plus a term of the query alone. So they rank as the product
    does and are near the inner products. Under L2 they rank by the product too.
    """

    name = "int8-symmetric"
    title = "Raw int8 product (sentence-transformers)"
    paper = "no paper; sentence-transformers 6.2, util.quantize_embeddings"
    parameters_type = Int8SymmetricParameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        mean = train.mean(axis=0, dtype=np.float64).astype(np.float32)
        squares = [row_squares(train[piece]) for piece in pieces(len(train))]
        state = {"low": train.min(axis=0), "high": train.max(axis=0), "mean": mean, "scale": np.array(1.0)}
        self.restore({**state, "square": np.array(np.concatenate(squares).mean())}, train.shape[1])
        with threadpool_limits(1, user_api="blas"):  # BLAS rounds differently for other numbers of threads
            scale = self._score_scale(train[:: -(-len(train) // _SCALE_ROWS)])
        self.restore({**self._state, "scale": np.array(scale)}, train.shape[1])
        return self

    def state(self) -> State:
        return self._state

    def restore(self, state: State, d: int) -> None:
        self.d, self.code_bytes, self._state = d, d, state
        self._low: FloatArray = state["low"]
        self._cell: FloatArray = (state["high"] - self._low) / np.float32(255)
        self._step: FloatArray = np.where(self._cell == 0, np.float32(1), self._cell)
        self._middle = (state["mean"] - self._low) / self._step - np.float32(_ZERO)

    def footprint(self, n: int, d: int) -> Footprint:
        return replace(
            super().footprint(n, d), model=20 * d, fitting=16 * _SCALE_ROWS * d, row=8 * d, score_columns=d + 1
        )

    def encode(self, vectors: FloatArray) -> CodeArray:
        steps = (self._check_rows(vectors) - self._low) / self._step
        if self.parameters.release == "5.2":
            return np.bitwise_xor(wrapped(steps - np.float32(_ZERO)), np.uint8(_ZERO))
        codes: CodeArray = np.clip(np.floor(steps), 0, 255).astype(np.uint8)
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        """The middles of the cells. The top integer stands for the largest value alone."""
        steps = codes.astype(np.float32)
        if self.parameters.release == "5.2":
            steps += np.sign(steps - _ZERO) * np.float32(0.5)
        else:
            steps += np.float32(0.5)
        return np.clip(steps, 0, 255) * self._cell + self._low

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[αu, ⟨Q, μ⟩ − α⟨u, k(μ)⟩], (q, d + 1), with u = k(Q) or Q, the training mean μ, and α from training."""
        queries = np.ascontiguousarray(queries, np.float32)
        u, scale = self._query_numbers(queries), float(self._state["scale"])
        rest = row_dots(queries, self._state["mean"]) - scale * row_dots(u, self._middle)
        return np.column_stack([u * np.float32(scale), rest.astype(np.float32)])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self.d,)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """[k, 1], (n, d + 1)."""
        return np.column_stack([self._integers(codes), np.ones(len(codes), np.float32)])

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """The mean of ‖x‖² in training: L2 ranks by the product too."""
        return np.full(len(codes), float(self._state["square"]))

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Int8SymmetricParameters:
        whole_bits(cls.name, bits_per_dim, d, [8], side_bytes=0)
        return Int8SymmetricParameters()

    def _score_scale(self, rows: FloatArray) -> float:
        """α, with which products follow the inner products of rows (n, d) about their mean with slope 1."""
        offsets = (rows - self._state["mean"]).astype(np.float64)
        numbers = (self._integers(self.encode(rows)) - self._middle).astype(np.float64)
        exact, found = rows @ offsets.T, self._query_numbers(rows) @ numbers.T
        slope = float((exact * found).sum())
        return float(np.square(exact).sum()) / slope if slope > 0 else 1.0

    def _query_numbers(self, queries: FloatArray) -> FloatArray:
        """u, (q, d)."""
        return self._integers(self.encode(queries)) if self.parameters.queries == "int8" else queries

    def _integers(self, codes: CodeArray) -> FloatArray:
        return codes.astype(np.float32) - np.float32(_ZERO)


def wrapped(values: FloatArray) -> CodeArray:
    """float32 -> the bytes of int8 as C casts it on x86: toward zero, modulo 256, and 0 beyond 32 bits."""
    fits = np.abs(values) < 2**31
    return np.where(fits, values, 0).astype(np.int64).astype(np.uint8)
