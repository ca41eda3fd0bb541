"""qjl: signs of random projections and a norm, with an unbiased estimator of inner products."""

import math
from typing import Self

import numpy as np

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.base import State
from vq_benchmark.quantizers.kernels.rows import row_norms
from vq_benchmark.quantizers.parts.scales import HALF_BYTES, norm_about, power_of_two_near, read_halves, write_halves
from vq_benchmark.quantizers.parts.sign_base import (
    SignParameters,
    SignQuantizer,
    gaussian_projection,
    least_squares_factor,
    signs_for_budget,
)


class Qjl(SignQuantizer):
    """sign(Gx), G (m, d) standard normal, and ‖x‖ in 16 bits; ⟨Q, x⟩ ≈ ‖x‖·√(π/2)/m·⟨GQ, sign(Gx)⟩, unbiased over G.

    Zandieh, Daliri & Han (AAAI 2025, arXiv 2406.03482), definition 3.1 and lemma 3.2. The query is not quantized.
    Decoding is ‖x‖·f·Gᵀsign(Gx), with the f of least expected squared error.
    """

    name = "qjl"
    title = "Quantized Johnson–Lindenstrauss"
    paper = "Zandieh et al.: QJL, AAAI 2025, arXiv 2406.03482, definition 3.1 and lemma 3.2"
    unbiased_scores = True
    side_bytes = HALF_BYTES

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> SignParameters:
        return SignParameters(bits=signs_for_budget(cls.name, bits_per_dim, d, 16, cls.side_bytes))

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> SignParameters:
        return SignParameters(bits=signs_for_budget(cls.name, bits_per_dim, d, 16))

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        d = train.shape[1]
        unit = power_of_two_near(norm_about(train, np.zeros(d)))
        self.restore({"unit": np.array(unit), "seed": np.array(seed, np.int64)}, d)
        return self

    def state(self) -> State:
        return {"unit": np.array(self._units[0]), "seed": np.array(self._seed, np.int64)}

    def restore(self, state: State, d: int) -> None:
        self._units, self._seed = np.full(1, state["unit"], np.float32), int(state["seed"])
        matrix = gaussian_projection(self.parameters.signs(d), d, self._seed)
        self._set_projection(matrix, np.zeros(d, np.float32))

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """GQ, (q, m)."""
        return self._projection.forward(np.ascontiguousarray(queries, np.float32), self._shift)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """‖x‖·√(π/2)/m·sign(Gx), (n, m)."""
        return self._scaled_signs(codes, self._norms(codes) * (math.sqrt(math.pi / 2) / self.m))

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """The stored norms, squared."""
        return np.square(self._norms(codes), dtype=np.float64)

    def _decoding_factors(self, codes: CodeArray) -> FloatArray:
        return self._norms(codes) * np.float32(least_squares_factor(self.m, self.d))

    def _norms(self, codes: CodeArray) -> FloatArray:
        return read_halves(codes, self._units)[:, 0]

    def _write_side(self, vectors: FloatArray, codes: CodeArray) -> None:
        norms = row_norms(vectors, np.zeros(self.d, np.float32)).astype(np.float32)
        write_halves(norms[:, None], self._units, codes)
