"""Sums of codebook entries, by faiss: what RQ, LSQ and PRQ share, and how long they may train."""

from abc import abstractmethod
from typing import Any, ClassVar, Self

import faiss
import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import whole_bytes
from vq_benchmark.quantizers.faiss_index import METRICS
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.pq import ProductParameters

ROWS_PER_CENTROID = 64
"""Training rows per codebook entry beyond which the rest are left out."""
_TILE_ROWS = 256
"""Rows that faiss encodes in one call, padded with zeros: its rounding depends on how many there are."""


class AdditiveParameters(ProductParameters):
    """Parameters of the additive methods."""

    m: int = Field(default=8, ge=1, description="Number of codebooks; a vector is a sum of one entry of each.")
    nbits: int = Field(default=8, ge=4, le=12, description="Bits per codebook entry: a codebook has 2^nbits.")

    def check_dimension(self, d: int) -> None:
        """Any number of codebooks goes with any dimension."""

    def training_rows(self, n: int) -> int:
        """How many of n rows training uses."""
        return min(n, ROWS_PER_CENTROID * self.centroids)

    def training_bytes(self, rows: int, d: int) -> int:
        """About what faiss takes to train on so many rows, beside them."""
        return residual_bytes(rows, self.m, self.centroids, d)


class AdditiveQuantizer(Quantizer):
    """x̂ = Σ of one entry from each of m codebooks of 2^nbits vectors. A subclass gives faiss's quantizer.

    The decoder adds the entries: no norm is stored, as the norm of the sum is that of the decoded vector.
    """

    slow: ClassVar[bool] = True
    parameters_type: ClassVar[type[Parameters]] = AdditiveParameters

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        """As many codebooks of 256 entries as fit."""
        return cls.parameters_type.parse(cls.name, {"m": whole_bytes(cls.name, bits_per_dim, d)})

    def fit(self, train: FloatArray, *, queries: FloatArray | None = None, seed: int = 0) -> Self:
        self._check_train(train)
        n, d = train.shape
        self.parameters.check_rows(self.name, n)
        rows = train[np.random.default_rng(seed).permutation(n)[: self.parameters.training_rows(n)]]
        quantizer = self._new(d, seed)
        with threadpool_limits(1):  # faiss's sums depend on the number of threads
            quantizer.train(np.ascontiguousarray(rows, np.float32))
        self.restore({"codebooks": self._codebooks_of(quantizer)}, d)
        return self

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        n = vectors.shape[0]
        codes = np.empty((n, self.code_bytes), np.uint8)
        tile = np.zeros((_TILE_ROWS, self.d), np.float32)
        for start in range(0, n, _TILE_ROWS):
            stop = min(start + _TILE_ROWS, n)
            tile[: stop - start] = vectors[start:stop]
            codes[start:stop] = self._codes_of(tile)[: stop - start]
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        vectors: FloatArray = self._faiss.decode(np.ascontiguousarray(codes))
        return vectors

    def search_index(self, metric: str) -> Any:
        index, quantizer = self._new_index(METRICS[metric])
        self._set_codebooks(quantizer, self._codebooks)
        quantizer.is_trained = index.is_trained = True
        return index

    def footprint(self, n: int, d: int) -> Footprint:
        """The codebooks are held three times: the state, faiss's copy, and those of its parts."""
        parameters = self.parameters
        rows = parameters.training_rows(n)
        fitting = 4 * rows * d + parameters.training_bytes(rows, d)
        model = 3 * 4 * parameters.m * parameters.centroids * d
        return Footprint(model, fitting, row=0, row_in_flight=0, score_columns=d, code=parameters.code_bytes)

    def state(self) -> State:
        return {"codebooks": self._codebooks}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.code_bytes = self.parameters.code_bytes
        self._codebooks = state["codebooks"]
        self._faiss = self._new(d, 0)
        self._set_codebooks(self._faiss, self._codebooks)
        self._faiss.is_trained = True

    @abstractmethod
    def _new(self, d: int, seed: int) -> Any:
        """An untrained quantizer of faiss."""

    @abstractmethod
    def _new_index(self, metric: int) -> tuple[Any, Any]:
        """An untrained index of faiss, which decodes as it searches, and its quantizer."""

    def _codebooks_of(self, quantizer: Any) -> FloatArray:
        """(entries of all codebooks, d) float32."""
        codebooks: FloatArray = faiss.vector_to_array(quantizer.codebooks).reshape(-1, quantizer.d)
        return codebooks

    def _set_codebooks(self, quantizer: Any, codebooks: FloatArray) -> None:
        faiss.copy_array_to_vector(np.ascontiguousarray(codebooks).ravel(), quantizer.codebooks)

    def _codes_of(self, tile: FloatArray) -> CodeArray:
        codes: CodeArray = self._faiss.compute_codes(tile)
        return codes


def residual_seconds(n: int, m: int, centroids: int, d: int) -> float:
    """Seconds to train m residual codebooks on n rows, with faiss's default beam of 5."""
    return n * m * centroids * (5e-7 + 3e-9 * d)


def residual_bytes(rows: int, m: int, centroids: int, d: int) -> int:
    """What faiss takes to train m residual codebooks. For each of the 5 sums that it keeps of every row: four copies
    of the residual or the distances to all entries, and two of the code; and half of the products of all entries."""
    return rows * 5 * 4 * (max(centroids, 4 * d) + 2 * m) + 2 * (m * centroids) ** 2
