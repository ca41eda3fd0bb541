"""Product quantization: the vector is cut into m parts, each replaced by the nearest entry of its own codebook."""

from typing import Any, Self

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Quantizer, State
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.parts.faiss_index import FAST_SCAN_BITS, product_index
from vq_benchmark.quantizers.parts.kmeans import codebooks_bytes, train_codebooks
from vq_benchmark.quantizers.parts.product_code import (
    ProductBudgets,
    ProductCode,
    ProductParameters,
    product_footprint,
)


class PQ(ProductBudgets, Quantizer):
    """Splits a vector into m sub-vectors of d/m values and stores the index of the nearest codebook entry for each.

    k-means learns a codebook of 2^nbits entries for every position (Jégou et al., equations 8 and 9). Decoding looks
    the entries up, which is the least-squares reconstruction.
    """

    name = "pq"
    title = "Product quantization"
    paper = "Jégou, Douze, Schmid: Product quantization for nearest neighbor search, TPAMI 2011"
    parameters_type = ProductParameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        self.parameters.check_rows(self.name, len(train))
        codebooks = train_codebooks(train, self.parameters.m, self.parameters.nbits, seed=seed)
        self.restore({"codebooks": codebooks}, train.shape[1])
        return self

    def encode(self, vectors: FloatArray) -> CodeArray:
        return self._code.encode(self._check_rows(vectors))

    def decode(self, codes: CodeArray) -> FloatArray:
        return self._code.decode(codes)

    def footprint(self, n: int, d: int) -> Footprint:
        return product_footprint(self.parameters, d, codebooks_bytes(n, d, self.parameters.centroids))

    def least_model_bytes(self, d: int) -> int:
        return int(4 * d * self.parameters.centroids)

    def state(self) -> State:
        return {"codebooks": self._codebooks}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.code_bytes = self.parameters.code_bytes
        self._codebooks = state["codebooks"]
        self._code = ProductCode(self._codebooks)

    def search_index(self, distance: str) -> Any:
        return product_index(self._codebooks, distance)

    def index_copies(self) -> int:
        return 2 if self.parameters.nbits == FAST_SCAN_BITS else 1
