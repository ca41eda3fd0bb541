"""itq: signs of the principal components, after the rotation that brings them nearest to signs."""

from dataclasses import replace
from typing import Self

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import State
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_dots
from vq_benchmark.quantizers.parts.principal_axes import axes_bytes, principal_axes
from vq_benchmark.quantizers.parts.procrustes import closest_rotation
from vq_benchmark.quantizers.parts.rotations import orthogonal_bytes, random_orthogonal, seeded_generator
from vq_benchmark.quantizers.parts.sign_base import SignParameters, SignQuantizer, signs_for_budget

TRAINING_ROWS = 20_000
"""Rows, drawn by seed, that the rotation is learned from: more cost time and change little."""


class ItqParameters(SignParameters):
    """Parameters of `itq`."""

    bits: float = Field(default=1, gt=0, le=1, description="Signs per dimension: m = bits·d components.")
    iterations: int = Field(default=50, ge=0, description="Rounds of training, 50 in the paper.")


class Itq(SignQuantizer):
    """sign(RA(x − mean)), where A holds the m ≤ d leading principal axes and R minimises ‖B − VR‖² for the signs B.

    Iterative quantization, Gong & Lazebnik (CVPR 2011), section 3. R starts random; B = sign(VR) and R from the SVD
    of BᵀV alternate, 50 times in the paper. The paper compares signs with signs by Hamming distance. Here the query
    stays in floats: ⟨Q, mean⟩ + f·⟨RAQ, s⟩ is the score of the decoded vector mean + f·(RA)ᵀs, with f fitted by
    least squares in training. The paper's own objective makes VR ≈ f·B. RA is stored and used in half precision.
    """

    name = "itq"
    title = "Iterative quantization (learned binary codes)"
    paper = "Gong & Lazebnik: Iterative quantization, CVPR 2011, section 3"
    parameters_type = ItqParameters

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> ItqParameters:
        """As many signs as fit, at most one per dimension."""
        return ItqParameters(bits=signs_for_budget(cls.name, bits_per_dim, d, 1))

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        d = train.shape[1]
        pca = principal_axes(train)
        axes = pca.axes[: self.parameters.signs(d)]
        rows = train[seeded_generator("itq", seed).permutation(len(train))[:TRAINING_ROWS]]
        with threadpool_limits(1, user_api="blas"):
            components = (rows - pca.mean.astype(np.float32)) @ axes.T.astype(np.float32)
            rotation = learn_rotation(components, self.parameters.iterations, seed)
            matrix = (rotation.T @ axes).astype(np.float16)
            factor = np.abs(components @ rotation.astype(np.float32)).mean(dtype=np.float64)
        self.restore({"mean": pca.mean.astype(np.float32), "matrix": matrix, "factor": np.array(factor)}, d)
        return self

    def footprint(self, n: int, d: int) -> Footprint:
        m = self.parameters.signs(d)
        learning = min(n, TRAINING_ROWS) * (4 * d + max(4 * d, 13 * m)) + 8 * d * d + orthogonal_bytes(m)
        return replace(super().footprint(n, d), model=10 * m * d, fitting=max(axes_bytes(n, d), learning))

    def state(self) -> State:
        return {"mean": self._shift, "matrix": self._matrix, "factor": np.array(self._factor)}

    def restore(self, state: State, d: int) -> None:
        self._matrix, self._factor = state["matrix"], float(state["factor"])
        self._set_projection(self._matrix.astype(np.float32), state["mean"])

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[RAQ, ⟨Q, mean⟩], (q, m + 1)."""
        rows = np.ascontiguousarray(queries, np.float32)
        projected = self._projection.forward(rows, np.zeros(self.d, np.float32))
        return np.column_stack([projected, row_dots(rows, self._shift).astype(np.float32)])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self.m,)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """[f·s, 1], (n, m + 1)."""
        scores = self._scaled_signs(codes, self._decoding_factors(codes), extra=1)
        scores[:, self.m] = 1
        return scores

    def _decoding_factors(self, codes: CodeArray) -> FloatArray:
        return np.full(codes.shape[0], self._factor, np.float32)


def learn_rotation(components: FloatArray, iterations: int, seed: int) -> FloatArray:
    """R (m, m) float32, orthogonal, for components V (n, m): lowers ‖sign(VR) − VR‖² in every round."""
    rotation = random_orthogonal(components.shape[1], seed).astype(np.float32)
    for _ in range(iterations):
        signs = np.where(components @ rotation >= 0, np.float32(1), np.float32(-1))
        rotation = closest_rotation(components, signs).T
    return rotation
