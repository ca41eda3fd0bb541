"""Product codes: a vector cut into m parts, each coded by an entry of its own codebook; used by PQ, OPQ and ScaNN."""

from functools import lru_cache
from typing import Any, ClassVar

import faiss
import numpy as np
from pydantic import Field

from vq_benchmark.arrays import Array, CodeArray, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.base import Parameters
from vq_benchmark.quantizers.budget import whole_bytes
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.parts.kmeans import nearest_entries, transposed

LEAST_NBITS, MOST_NBITS = 4, 12


class ProductParameters(Parameters):
    """Parameters of product codes: how a vector is cut, and the bits of each part."""

    m: int = Field(16, ge=1, description="Number of sub-vectors; must divide d. More sub-vectors, less error.")
    nbits: int = Field(
        8,
        ge=LEAST_NBITS,
        le=MOST_NBITS,
        description="Bits per sub-vector. Training and encoding time grow as 2^nbits.",
    )

    def check_dimension(self, d: int) -> None:
        if d % self.m:
            valid = ", ".join(map(str, divisors(d)))
            raise InputError(f"m={self.m} does not divide the dimension d={d}; m can be {valid}.")

    @property
    def code_bytes(self) -> int:
        """Bytes of one packed code."""
        return (self.m * self.nbits + 7) // 8

    @property
    def centroids(self) -> int:
        """Entries of one codebook."""
        return 1 << self.nbits

    def check_rows(self, name: str, n: int) -> None:
        """Raise InputError if n training rows are too few for the codebooks."""
        if n < self.centroids:
            raise InputError(
                f"{name} with nbits={self.nbits} needs at least {self.centroids} training vectors, not {n}; "
                "raise --train-size, or lower nbits."
            )


def divisors(d: int) -> list[int]:
    """The divisors of d, ascending."""
    return [m for m in range(1, d + 1) if d % m == 0]


class ProductBudgets:
    """How the methods with product codes choose `m` and `nbits` for a budget."""

    name: ClassVar[str]
    parameters_type: ClassVar[type[Parameters]]

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        """The m and nbits with the most bits within the budget; of equals, the nbits nearest to 8.

        Training time grows as 2^nbits, so more than 8 are chosen only where they use bits that 8 leave unused.

        Raises:
            InfeasibleBudget: not even one byte per vector fits.
        """
        return cls._most_bits(bits_per_dim, d, MOST_NBITS)

    @classmethod
    def for_budget_and_rows(cls, bits_per_dim: float, d: int, n: int) -> Parameters:
        return cls._most_bits(bits_per_dim, d, max(n.bit_length() - 1, LEAST_NBITS))

    @classmethod
    def _most_bits(cls, bits_per_dim: float, d: int, most_nbits: int) -> Parameters:
        most = whole_bytes(cls.name, bits_per_dim, d)
        shapes = [(m, nbits) for m, nbits in _shapes(d) if nbits <= most_nbits and (m * nbits + 7) // 8 <= most]
        return cls._shaped(*max(shapes, key=lambda shape: (shape[0] * shape[1], -abs(shape[1] - 8), -shape[1])))

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        """The most sub-vectors of 8 bits within the budget; if that leaves more than a quarter of it unused, the m
        and nbits (4 to 8) with the most bits."""
        most = whole_bytes(cls.name, bits_per_dim, d)
        plain = max(m for m in divisors(d) if m <= most)
        if plain >= 0.75 * most:
            return cls._shaped(plain, 8)
        shapes = [(m, nbits) for m, nbits in _shapes(d) if nbits <= 8 and (m * nbits + 7) // 8 <= most]
        return cls._shaped(*max(shapes, key=lambda shape: (shape[0] * shape[1], shape[1])))

    @classmethod
    def _shaped(cls, m: int, nbits: int) -> Parameters:
        return cls.parameters_type.parse(cls.name, {"m": m, "nbits": nbits})


@lru_cache(maxsize=16)
def _shapes(d: int) -> tuple[tuple[int, int], ...]:
    """All (m, nbits) for vectors of dimension d."""
    return tuple((m, nbits) for m in divisors(d) for nbits in range(LEAST_NBITS, MOST_NBITS + 1))


def product_footprint(parameters: ProductParameters, d: int, fitting: int) -> Footprint:
    """The memory of product codes: codebooks in three layouts, and the indices of the entries before packing."""
    model = 3 * 4 * parameters.centroids * d
    return Footprint(
        model, fitting, row=6 * parameters.m, row_in_flight=0, score_columns=d, code=parameters.code_bytes
    )


class ProductCode:
    """Encoder and decoder of codebooks (m, 2^nbits, w) float32; codes are packed as in faiss."""

    def __init__(self, codebooks: FloatArray) -> None:
        m, centroids, width = codebooks.shape
        self.nbits = centroids.bit_length() - 1
        self._transposed = transposed(codebooks)
        self._faiss: Any = faiss.ProductQuantizer(m * width, m, self.nbits)
        faiss.copy_array_to_vector(np.ascontiguousarray(codebooks).ravel(), self._faiss.centroids)

    def encode(self, vectors: FloatArray) -> CodeArray:
        """(n, m w) float32 -> (n, code_bytes) uint8, by the kernel of `kmeans`: faiss's is slow for most widths."""
        return self.pack(nearest_entries(vectors, self._transposed))

    def pack(self, entries: Array) -> CodeArray:
        """(n, m) unsigned integers, the entry of each codebook -> (n, code_bytes) uint8."""
        if self.nbits == 8:
            return entries.astype(np.uint8)
        codes: CodeArray = faiss.pack_bitstrings(entries.astype(np.int32), self.nbits)
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        """(n, code_bytes) uint8 -> (n, m w) float32."""
        vectors: FloatArray = self._faiss.decode(codes)
        return vectors
