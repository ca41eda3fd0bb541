"""Sums of codebook entries: the common part of RQ, LSQ and PRQ, and the cost of their training.

faiss trains the codebooks and adds the entries of a code, one after the other. Our own kernels find the entries,
which are the same on every machine.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Self

import faiss
import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import Array, CodeArray, FloatArray
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import whole_bytes
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.matmul import panels_bytes
from vq_benchmark.quantizers.kernels.tiles import TILE_ROWS, in_tiles
from vq_benchmark.quantizers.parts.faiss_index import DISTANCES
from vq_benchmark.quantizers.parts.product_code import ProductParameters

ROWS_PER_CENTROID = 64
"""Maximum number of training rows per codebook entry; the rest are left out."""
ENCODED_ROWS = 96
"""Rows per tile, which take milliseconds."""


class AdditiveParameters(ProductParameters):
    """Parameters of the additive methods."""

    m: int = Field(default=8, ge=1, description="Number of codebooks.")
    nbits: int = Field(default=8, ge=4, le=12, description="Bits per entry: a codebook has 2^nbits entries.")

    def check_dimension(self, d: int) -> None:
        """Accept any dimension: the number of codebooks does not have to fit it."""

    def training_rows(self, n: int) -> int:
        """The number of rows that training uses, out of n."""
        return min(n, ROWS_PER_CENTROID * self.centroids)

    def training_bytes(self, rows: int, d: int) -> int:
        """The approximate bytes that faiss takes to train on that many rows, besides the rows themselves."""
        return residual_bytes(rows, self.m, self.centroids, d)


class AdditiveQuantizer(Quantizer):
    """x̂ = Σ of one entry from each of m codebooks of 2^nbits vectors, or several such sums side by side.

    The decoder adds the entries. No norm is stored, because the decoded vector has the norm of the sum. Codes are
    packed as in faiss. A subclass provides faiss's quantizer, which trains, and the search for entries.
    """

    slow: ClassVar[bool] = True
    parameters_type: ClassVar[type[Parameters]] = AdditiveParameters

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        """As many codebooks of 256 entries as fit."""
        return cls.parameters_type.parse(cls.name, {"m": whole_bytes(cls.name, bits_per_dim, d)})

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
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
        codes = np.empty((len(vectors), self.code_bytes), np.uint8)

        def encode_tile(tile: slice) -> None:
            codes[tile] = faiss.pack_bitstrings(self._find_entries(vectors[tile]), self.parameters.nbits)

        in_tiles(len(vectors), encode_tile, ENCODED_ROWS)
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        vectors: FloatArray = self._faiss.decode(np.ascontiguousarray(codes))
        return vectors

    def search_index(self, distance: str) -> Any:
        index, quantizer = self._new_index(DISTANCES[distance])
        self._set_codebooks(quantizer, self._codebooks)
        quantizer.is_trained = index.is_trained = True
        return index

    def footprint(self, n: int, d: int) -> Footprint:
        """The memory needed; the codebooks are held three times: in the state, in faiss and in panels."""
        parameters = self.parameters
        rows = parameters.training_rows(n)
        fitting = 4 * rows * d + parameters.training_bytes(rows, d)
        model = parameters.m * (2 * 4 * parameters.centroids * d + panels_bytes(d, parameters.centroids))
        in_flight = -(-self._tile_bytes(d) // TILE_ROWS)
        return Footprint(model, fitting, 0, in_flight, score_columns=d, code=parameters.code_bytes)

    def state(self) -> State:
        return {"codebooks": self._codebooks}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.code_bytes = self.parameters.code_bytes
        self._codebooks = state["codebooks"]
        self._faiss = self._new(d, 0)
        self._set_codebooks(self._faiss, self._codebooks)
        self._faiss.is_trained = True
        shape = (-1, self.parameters.m, self.parameters.centroids, self._codebooks.shape[-1])
        self._prepare(np.ascontiguousarray(self._codebooks, np.float32).reshape(shape))

    @abstractmethod
    def _new(self, d: int, seed: int) -> Any:
        """An untrained faiss quantizer."""

    @abstractmethod
    def _new_index(self, distance: int) -> tuple[Any, Any]:
        """An untrained faiss index, which decodes while it searches, and its quantizer."""

    @abstractmethod
    def _prepare(self, codebooks: FloatArray) -> None:
        """Prepare what `_find_entries` needs from codebooks (parts, m, 2^nbits, d/parts)."""

    @abstractmethod
    def _find_entries(self, tile: FloatArray) -> Array:
        """The entries (n, parts·m) int32 that code a tile (n, d)."""

    @abstractmethod
    def _tile_bytes(self, d: int) -> int:
        """The bytes that `_find_entries` takes for a tile."""

    def _codebooks_of(self, quantizer: Any) -> FloatArray:
        """(entries of all codebooks, d) float32."""
        codebooks: FloatArray = faiss.vector_to_array(quantizer.codebooks).reshape(-1, quantizer.d)
        return codebooks

    def _set_codebooks(self, quantizer: Any, codebooks: FloatArray) -> None:
        faiss.copy_array_to_vector(np.ascontiguousarray(codebooks).ravel(), quantizer.codebooks)


def residual_seconds(n: int, m: int, centroids: int, d: int) -> float:
    """Seconds to train m residual codebooks on n rows, with faiss's default beam of 5."""
    return n * m * centroids * (5e-7 + 3e-9 * d)


def residual_bytes(rows: int, m: int, centroids: int, d: int) -> int:
    """The bytes that faiss takes to train m residual codebooks. For each of the 5 sums that it keeps per row: four
    copies of the residual or of the distances to all entries, and two of the code. Also half of the products of all
    entries."""
    return rows * 5 * 4 * (max(centroids, 4 * d) + 2 * m) + 2 * (m * centroids) ** 2
