"""faiss's optimized product quantization as faiss trains it by default: a control for our own `opq`."""

from dataclasses import replace
from typing import Any, Self

import faiss
import numpy as np
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.methods.opq import OPQ
from vq_benchmark.quantizers.parts.product_code import ProductParameters

_SEED = 1234
"""Of faiss's k-means; a model of seed 0 is the one that a user of faiss gets."""
_ROTATION_BITS = 8
"""Of the product quantizer that faiss fits the rotation to, whatever the bits of the code."""
_STEPS = 50
_ROTATION_ROUNDS = 40 + (_STEPS - 1) * 4
"""Rounds of k-means while the rotation is fitted: 40 in the first step, 4 in each of the others."""
_CODE_ROUNDS = 25
_ROTATION_ROWS, _CODE_ROWS = 65_536, 256
"""Most rows for the rotation, and most rows per entry for the code."""


class FaissOpqParameters(ProductParameters):
    """Parameters of `opq-faiss`."""

    def check_rows(self, name: str, n: int) -> None:
        least = max(self.centroids, 1 << _ROTATION_BITS)
        if n < least:
            raise InputError(
                f"{name} with nbits={self.nbits} needs at least {least} training vectors, not {n}; "
                "raise --train-size."
            )

    def training_seconds(self, n: int, d: int) -> float:
        """k-means in m sub-spaces, where faiss has a fast path for wide ones and many rows, and 50 rotations."""
        rows = min(n, _ROTATION_ROWS)
        distances = _ROTATION_ROUNDS * rows * (1 << _ROTATION_BITS)
        distances += _CODE_ROUNDS * min(n, _CODE_ROWS * self.centroids) * self.centroids
        wide = d >= 8 * self.m and rows >= 10_000
        return distances * self.m * (1e-9 if wide else 7e-9) + _STEPS * d**2 * (rows * 1.3e-10 + d * 1e-9)


class FaissOPQ(OPQ):
    """faiss's `OPQMatrix` and then its `ProductQuantizer`, each trained by faiss with its defaults.

    This is what a user gets from "OPQ16,PQ16x8np" in the index factory. The rotation starts at random, and the
    codebooks start from random vectors; `opq` starts both better. Encoding and decoding are those of `opq`, whose
    kernels round a row in the same way on every machine: codes equal faiss's, except where two entries are nearly as
    near.
    """

    name = "opq-faiss"
    title = "Optimized product quantization (faiss's defaults)"
    paper = "Ge, He, Ke, Sun: Optimized product quantization, TPAMI 2014; faiss 1.15"
    parameters_type = FaissOpqParameters
    slow = True

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        self.parameters.check_rows(self.name, len(train))
        d, m = train.shape[1], self.parameters.m
        rows = np.ascontiguousarray(train, np.float32)
        matrix, rotated_code = faiss.OPQMatrix(d, m), _product_quantizer(d, m, _ROTATION_BITS, seed)
        matrix.pq = rotated_code
        code = _product_quantizer(d, m, self.parameters.nbits, seed)
        with threadpool_limits(1):  # faiss's sums depend on the number of threads
            matrix.train(rows)
            code.train(matrix.apply(rows))
        rotation = faiss.vector_to_array(matrix.A).reshape(d, d)
        codebooks = faiss.vector_to_array(code.centroids).reshape(m, self.parameters.centroids, d // m)
        self.restore({"rotation": rotation, "codebooks": codebooks}, d)
        return self

    def footprint(self, n: int, d: int) -> Footprint:
        """faiss holds the rows centred, rotated, decoded and split, and the products of rows and decoded rows."""
        return replace(super().footprint(n, d), fitting=5 * 4 * n * d + 6 * 4 * d * d)


def _product_quantizer(d: int, m: int, nbits: int, seed: int) -> Any:
    quantizer = faiss.ProductQuantizer(d, m, nbits)
    quantizer.cp.seed = _SEED + seed
    quantizer.cp.min_points_per_centroid = 1  # faiss only warns below it, once for each k-means
    return quantizer
