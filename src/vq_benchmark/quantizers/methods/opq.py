"""Optimized product quantization: the rotation under which product codes lose least, then product codes."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.base import Quantizer, State
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_squares
from vq_benchmark.quantizers.parts.faiss_index import FAST_SCAN_BITS, product_index, rotated_index
from vq_benchmark.quantizers.parts.kmeans import ROUNDS, refine_codebooks, split
from vq_benchmark.quantizers.parts.kmeans_init import starting_codebooks
from vq_benchmark.quantizers.parts.principal_axes import axes_bytes, principal_axes
from vq_benchmark.quantizers.parts.procrustes import turn_towards, turning_bytes
from vq_benchmark.quantizers.parts.product_code import (
    ProductBudgets,
    ProductCode,
    ProductParameters,
    product_footprint,
)
from vq_benchmark.quantizers.parts.rotations import DenseRotation

ROTATION_ROUNDS = 10
"""Times that the rotation is fitted to the codes, and the codebooks to the rotation."""


class OPQ(ProductBudgets, Quantizer):
    """Product quantization of R x, with an orthogonal matrix R that is fitted to the codebooks.

    R starts from the principal axes of the training vectors, assigned so that all sub-vectors have the same product
    of variances (Ge et al., section 3.3, the parametric solution). R and the codebooks are then fitted in turn
    (section 3.2, the non-parametric solution): R = U Vᵀ from the singular vectors of Σ ŷ xᵀ, in random groups of up
    to 768 axes, then one round of k-means. Scores are computed in the rotated space.
    """

    name = "opq"
    title = "Optimized product quantization"
    paper = (
        "Ge, He, Ke, Sun: Optimized product quantization, TPAMI 2014; Norouzi, Fleet: Cartesian k-means, CVPR 2013"
    )
    parameters_type = ProductParameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        parameters: ProductParameters = self.parameters
        parameters.check_rows(self.name, len(train))
        with threadpool_limits(1, user_api="blas"):  # BLAS rounds differently for other numbers of threads
            rotation, codebooks = train_rotation_and_codebooks(
                train, parameters.m, parameters.centroids, np.random.default_rng(seed)
            )
        self.restore({"rotation": rotation, "codebooks": codebooks}, train.shape[1])
        return self

    def encode(self, vectors: FloatArray) -> CodeArray:
        return self._code.encode(self.project_queries(self._check_rows(vectors)))

    def decode(self, codes: CodeArray) -> FloatArray:
        return self._rotation.inverse(self._code.decode(codes), np.zeros(self.d, np.float32))

    def project_queries(self, queries: FloatArray) -> FloatArray:
        return self._rotation.forward(queries, np.zeros(self.d, np.float32))

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        return self._code.decode(codes)

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        return row_squares(self._code.decode(codes))

    def footprint(self, n: int, d: int) -> Footprint:
        """Training holds the rows rotated, decoded, split, and split by the rotation before."""
        found = product_footprint(self.parameters, d, 4 * 4 * n * d + max(axes_bytes(1, d), turning_bytes(n, d)))
        return replace(found, model=found.model + 12 * d * d, row=found.row + 16 * d)

    def least_model_bytes(self, d: int) -> int:
        return int(4 * d * self.parameters.centroids) + 4 * d * d

    def state(self) -> State:
        return {"rotation": self._matrix, "codebooks": self._codebooks}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.code_bytes = self.parameters.code_bytes
        self._matrix, self._codebooks = state["rotation"], state["codebooks"]
        self._rotation = DenseRotation(self._matrix)
        self._code = ProductCode(self._codebooks)

    def search_index(self, distance: str) -> Any:
        return rotated_index(self._matrix, product_index(self._codebooks, distance))

    def index_copies(self) -> int:
        return 2 if self.parameters.nbits == FAST_SCAN_BITS else 1


def train_rotation_and_codebooks(
    train: FloatArray, m: int, centroids: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """The rotation (d, d) and codebooks (m, centroids, d/m) for train (n, d), n >= centroids."""
    rotation = balanced_axes(train, m)
    rows = train[rng.permutation(len(train))] @ rotation.T
    parts = split(rows, m)
    codebooks = refine_codebooks(parts, starting_codebooks(parts, centroids, rng), ROUNDS // 2)
    for _ in range(ROTATION_ROUNDS):
        code = ProductCode(codebooks)
        turn_towards(code.decode(code.encode(rows)), rows, rotation, rng)
        parts = split(rows, m)
        codebooks = refine_codebooks(parts, codebooks, 1)
    return rotation, refine_codebooks(parts, codebooks, ROUNDS // 2)


def balanced_axes(train: FloatArray, m: int) -> FloatArray:
    """The principal axes of train (n, d) as rows of a (d, d) matrix, in an order that balances m sub-vectors.

    From the largest variance down, each axis goes to the sub-vector with room whose product of variances is the
    smallest (Ge et al., section 3.3, eigenvalue allocation).
    """
    principal = principal_axes(train)
    d = len(principal.variances)
    floor = max(principal.variances[0], np.finfo(np.float64).tiny) * 1e-12
    # Relative to the least variance, so that a further axis never makes a product smaller.
    logs = np.log(np.maximum(principal.variances, floor) / max(principal.variances[-1], floor))
    members: list[list[int]] = [[] for _ in range(m)]
    products = np.zeros(m)
    for axis in range(d):
        part = int(products.argmin())
        members[part].append(axis)
        products[part] += logs[axis]
        if len(members[part]) == d // m:
            products[part] = np.inf
    order = [axis for part in members for axis in part]
    return np.ascontiguousarray(principal.axes[order], dtype=np.float32)
