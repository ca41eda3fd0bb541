"""The control row: float32 vectors, stored as they are."""

from dataclasses import replace
from typing import Any, Self

import numpy as np

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.parts.faiss_index import flat_index


class Uncompressed(Quantizer):
    """No compression: a code is the vector itself, 32 bits per dimension.

    Every other method is measured against this one: its errors are zero, and its recall is that of exact search.
    """

    name = "none"
    title = "No compression (float32)"
    paper = "-"
    unbiased_scores = True

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        self.restore({}, train.shape[1])
        return self

    def footprint(self, n: int, d: int) -> Footprint:
        return replace(super().footprint(n, d), fitting=0, row=0, code=4 * d)

    def encode(self, vectors: FloatArray) -> CodeArray:
        return self._check_rows(vectors).copy().view(np.uint8)

    def decode(self, codes: CodeArray) -> FloatArray:
        return np.array(codes, order="C").view(np.float32)

    def state(self) -> State:
        return {}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.code_bytes = 4 * d

    def search_index(self, distance: str) -> Any:
        return flat_index(self.d, distance)

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        """Return the same parameters at every budget."""
        return Parameters()
