"""prq: the vector is cut into parts, and each is coded by residual quantization."""

from dataclasses import replace
from typing import Any

import faiss
import numpy as np
from pydantic import Field

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.budget import whole_bytes
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.beam_search import beam_bytes
from vq_benchmark.quantizers.methods.rq import ResidualCode
from vq_benchmark.quantizers.parts.additive_base import (
    AdditiveParameters,
    AdditiveQuantizer,
    residual_bytes,
    residual_seconds,
)
from vq_benchmark.quantizers.parts.product_code import divisors

_faiss: Any = faiss  # its type hints are wrong about product residual quantizers
CODEBOOKS_PER_PART = 4
"""Codebooks per part that a budget aims at: more train longer, one is PQ."""


class PrqParameters(AdditiveParameters):
    """Parameters of `prq`."""

    nsplits: int = Field(default=8, ge=1, description="Number of parts; must divide d.")
    m: int = Field(default=2, ge=1, description="Codebooks per part.")

    @property
    def code_bytes(self) -> int:
        return (self.nsplits * self.m * self.nbits + 7) // 8

    def check_dimension(self, d: int) -> None:
        if d % self.nsplits:
            valid = ", ".join(map(str, divisors(d)))
            raise InputError(f"nsplits={self.nsplits} does not divide the dimension d={d}; it can be {valid}.")

    def training_bytes(self, rows: int, d: int) -> int:
        return residual_bytes(rows, self.m, self.centroids, d // self.nsplits)

    def training_seconds(self, n: int, d: int) -> float:
        rows, width = self.training_rows(n), d // self.nsplits
        return self.nsplits * residual_seconds(rows, self.m, self.centroids, width)


class PRQ(AdditiveQuantizer):
    """Splits a vector into nsplits parts, each the sum of m entries from codebooks of its own.

    It lies between PQ (m = 1, Jégou et al., TPAMI 2011) and residual quantization (nsplits = 1, Chen et al., Sensors
    2010). faiss's ProductResidualQuantizer trains it.
    """

    name = "prq"
    title = "Product residual quantization"
    paper = "Chen, Guan & Wang, Sensors 2010, within the parts of Jégou et al., TPAMI 2011; faiss"
    parameters_type = PrqParameters

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        """Codebooks of 256 entries; of the divisors nsplits of d with m from 2 to 8, the most bytes, then the m
        nearest to 4. One byte gets m = 1."""
        count = whole_bytes(cls.name, bits_per_dim, d)
        choices = [(s, m) for s in divisors(d) for m in range(2, 9) if s * m <= count]
        if not choices:
            return PrqParameters(nsplits=1, m=1)
        nsplits, m = max(choices, key=lambda choice: (choice[0] * choice[1], -abs(choice[1] - CODEBOOKS_PER_PART)))
        return PrqParameters(nsplits=nsplits, m=m)

    def footprint(self, n: int, d: int) -> Footprint:
        """faiss holds the codebooks twice, for the whole and for the parts."""
        found = super().footprint(n, d)
        return replace(found, model=found.model + 4 * self.parameters.m * self.parameters.centroids * d)

    def _new(self, d: int, seed: int) -> Any:
        quantizer = faiss.ProductResidualQuantizer(
            d, self.parameters.nsplits, self.parameters.m, self.parameters.nbits
        )
        for part in self._faiss_parts(quantizer):
            part.cp.seed = seed
            part.cp.min_points_per_centroid = 1
        return quantizer

    def _new_index(self, distance: int) -> tuple[Any, Any]:
        index = _faiss.IndexProductResidualQuantizer(
            self.d, self.parameters.nsplits, self.parameters.m, self.parameters.nbits, distance
        )
        return index, index.prq

    def _codebooks_of(self, quantizer: Any) -> FloatArray:
        """(nsplits, m·2^nbits, d/nsplits) float32."""
        codebooks = [faiss.vector_to_array(part.codebooks) for part in self._faiss_parts(quantizer)]
        return np.stack(codebooks).reshape(self.parameters.nsplits, -1, quantizer.d // self.parameters.nsplits)

    def _set_codebooks(self, quantizer: Any, codebooks: FloatArray) -> None:
        super()._set_codebooks(quantizer, codebooks)
        for part, own in zip(self._faiss_parts(quantizer), codebooks, strict=True):
            faiss.copy_array_to_vector(np.ascontiguousarray(own).ravel(), part.codebooks)
            part.is_trained = True

    def _faiss_parts(self, quantizer: Any) -> list[Any]:
        return [_faiss.downcast_AdditiveQuantizer(quantizer.subquantizer(i)) for i in range(quantizer.nsplits)]

    def _prepare(self, codebooks: FloatArray) -> None:
        self._codes = [ResidualCode(own) for own in codebooks]

    def _find_entries(self, tile: FloatArray) -> Array:
        parts = np.split(tile, len(self._codes), axis=1)
        return np.hstack([code.find_entries(own) for code, own in zip(self._codes, parts, strict=True)])

    def _tile_bytes(self, d: int) -> int:
        return beam_bytes(d // self.parameters.nsplits, self.parameters.centroids)
