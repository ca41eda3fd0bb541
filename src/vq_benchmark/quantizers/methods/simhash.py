"""simhash: signs of random projections, compared with signs of the query."""

from typing import Self

import numpy as np

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray, pieces
from vq_benchmark.quantizers.base import State
from vq_benchmark.quantizers.kernels.rows import row_norms
from vq_benchmark.quantizers.parts.sign_base import (
    SignParameters,
    SignQuantizer,
    gaussian_projection,
    least_squares_factor,
    signs_for_budget,
)


class SimHash(SignQuantizer):
    """sign(Gx), G (m, d) standard normal. No norm is stored, so it ranks by angle under every metric.

    Charikar (STOC 2002): the signs of x and Q differ with probability angle/π, so if h of m differ, then cos(x, Q) ≈
    cos(πh/m). Queries are reduced to signs, as in the paper, and the score ranks as the Hamming distance does. The
    score must be linear in the query's signs, so cos(πh/m) = sin(π/2·(1 − 2h/m)) is replaced by its tangent at zero,
    π/2·(1 − 2h/m), times ‖Q‖ and the mean norm in training. `qjl` is the same code with float queries: better scores,
    slower search.
    """

    name = "simhash"
    title = "SimHash (signs of random projections)"
    paper = "Charikar: Similarity estimation techniques from rounding algorithms, STOC 2002"

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> SignParameters:
        return SignParameters(bits=signs_for_budget(cls.name, bits_per_dim, d, 16))

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        squares = [np.square(train[piece], dtype=np.float64).sum(axis=1) for piece in pieces(len(train))]
        norm = np.sqrt(np.concatenate(squares)).mean()
        self.restore({"norm": np.array(norm), "seed": np.array(seed, np.int64)}, train.shape[1])
        return self

    def state(self) -> State:
        return {"norm": np.array(self._norm), "seed": np.array(self._seed, np.int64)}

    def restore(self, state: State, d: int) -> None:
        self._norm, self._seed = float(state["norm"]), int(state["seed"])
        matrix = gaussian_projection(self.parameters.signs(d), d, self._seed)
        self._set_projection(matrix, np.zeros(d, np.float32))

    def _decoding_factors(self, codes: CodeArray) -> FloatArray:
        return np.full(codes.shape[0], self._norm * least_squares_factor(self.m, self.d), np.float32)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """‖Q‖·sign(GQ), (q, m)."""
        queries = np.ascontiguousarray(queries, np.float32)
        projected = self._projection.forward(queries, self._shift)
        lengths = row_norms(queries, self._shift).astype(np.float32)
        return np.asarray(np.where(projected >= 0, 1, -1).astype(np.float32) * lengths[:, None])

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """π/(2m)·mean norm·sign(Gx), (n, m)."""
        return self._scaled_signs(codes, np.full(codes.shape[0], self._norm * np.pi / (2 * self.m)))

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """The mean norm squared: L2 ranks by angle too."""
        return np.full(codes.shape[0], self._norm**2)
