"""faiss's RaBitQ, as a control for our own: its codes, read as its own search reads them."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import largest_within, nominal_bits
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_dots, row_squares, squared_length
from vq_benchmark.quantizers.parts.faiss_index import rabitq_index, require_spread, rotated_index
from vq_benchmark.quantizers.parts.packing import packed_bytes, unpack
from vq_benchmark.quantizers.parts.rotations import orthogonal_bytes, random_orthogonal, seeded_rotation

ERROR_BOUND = 1.9
"""ε₀ of the error bound that faiss stores (RaBitQ, section 3.2.2)."""


class FaissRabitqParameters(Parameters):
    """Parameters of `rabitq-faiss`."""

    bits: int = Field(default=4, ge=1, le=8, description="Bits per dimension.")


class FaissRabitq(Quantizer):
    """faiss's `IndexRaBitQ` behind a random rotation, with unquantized queries.

    A row of codes is faiss's own: one sign bit per dimension, its float32 factors, and for more than one bit the
    other bits and two more factors; so 64 bits per vector come on top at 1 bit, and 160 at more. faiss's decoder
    ignores all but the sign bits (relative error .57 at any number of bits), so the codes are decoded here: scores
    and L2 distances are those of faiss's float-query search up to rounding, and `decode` is the least-squares
    reconstruction. Codes are made for inner products. At 1 bit these hold the norm of a vector only up to its
    cosine with the code, for which the training mean stands in: there L2 distances differ from those of a faiss L2
    index, since norms are off by 2 % on average at d = 384. Vectors nearer than 3.5e-4 to the training mean get
    wrong factors from faiss.
    """

    name = "rabitq-faiss"
    title = "Extended RaBitQ (faiss)"
    paper = (
        "Gao & Long: RaBitQ, SIGMOD 2024, arXiv 2405.12497; Gao et al.: Practical and asymptotically optimal "
        "quantization, SIGMOD 2025, arXiv 2409.09913; faiss 1.12"
    )
    parameters_type = FaissRabitqParameters
    unbiased_scores = True

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        d = train.shape[1]
        exact_mean = train.mean(axis=0, dtype=np.float64)
        require_spread(self.name, train, exact_mean)
        mean = exact_mean.astype(np.float32)
        centre = seeded_rotation("qr", d, seed).forward(mean[None, :], np.zeros(d, np.float32))[0]
        state = {"centre": centre, "squared_cosine": np.array(2 / np.pi), "seed": np.array(seed, np.int64)}
        self.restore(state, d)
        if self.parameters.bits == 1:
            self.restore({**state, "squared_cosine": np.array(self._mean_squared_cosine(train))}, d)
        return self

    def encode(self, vectors: FloatArray) -> CodeArray:
        codes: CodeArray = self._index.sa_encode(self._rotate(self._check_rows(vectors)))
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        directions, radii, squared_cosines, _ = self._read(codes)
        rotated = directions * (radii * squared_cosines)[:, None] + self._centre
        return self._rotation.inverse(rotated.astype(np.float32), self._zero)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[PQ − c, 1, ⟨PQ, c⟩], (q, d + 2), with c the centre in the rotated space."""
        rotated = self._rotate(queries)
        ones = np.ones(len(rotated), np.float32)
        along_centre = row_dots(rotated, self._centre).astype(np.float32)
        return np.column_stack([rotated - self._centre, ones, along_centre])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self.d,)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """[Sq, ⟨y − c, c⟩, 1], (n, d + 2), with y = Px and the unbiased scale S."""
        directions, radii, _, along_centre = self._read(codes)
        ones = np.ones(len(codes), np.float32)
        return np.column_stack([directions * radii[:, None], along_centre, ones])

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """‖y − c‖² + 2⟨y − c, c⟩ + ‖c‖²."""
        _, radii, squared_cosines, along_centre = self._read(codes)
        norm = squared_length(self._centre)
        return np.asarray(np.square(radii, dtype=np.float64) * squared_cosines + 2.0 * along_centre + norm)

    def footprint(self, n: int, d: int) -> Footprint:
        code = _code_bytes(d, self.parameters.bits)
        fitting = orthogonal_bytes(d) + (16 * n * d if self.parameters.bits == 1 else 0)
        return replace(super().footprint(n, d), model=8 * d * d, fitting=fitting, row=20 * d, code=code)

    def state(self) -> State:
        return {"centre": self._centre, "squared_cosine": self._squared_cosine, "seed": self._seed}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self._centre, self._squared_cosine, self._seed = state["centre"], state["squared_cosine"], state["seed"]
        self._zero = np.zeros(d, np.float32)
        self._rotation = seeded_rotation("qr", d, int(self._seed))
        self._index = rabitq_index(self._centre, self.parameters.bits, "ip")
        self.code_bytes = int(self._index.sa_code_size())

    def search_index(self, distance: str) -> Any:
        rotation = random_orthogonal(self.d, int(self._seed)).astype(np.float32)
        return rotated_index(rotation, rabitq_index(self._centre, self.parameters.bits, distance))

    def index_copies(self) -> int:
        return 2

    def index_codes(self, vectors: FloatArray, distance: str) -> CodeArray:
        """The same bits as `encode` gives, with faiss's factors for L2 distances where the metric is L2."""
        index = rabitq_index(self._centre, self.parameters.bits, distance)
        codes: CodeArray = index.sa_encode(self._rotate(self._check_rows(vectors)))
        return codes

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> FaissRabitqParameters:
        bits = largest_within(cls.name, bits_per_dim, d, range(1, 9), lambda bits: _code_bytes(d, bits))
        return FaissRabitqParameters(bits=bits)

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> FaissRabitqParameters:
        return FaissRabitqParameters(bits=nominal_bits(cls.name, bits_per_dim, 1, 8))

    def _rotate(self, vectors: FloatArray) -> FloatArray:
        return self._rotation.forward(np.ascontiguousarray(vectors, np.float32), self._zero)

    def _mean_squared_cosine(self, train: FloatArray) -> float:
        """Mean over train (n, d) of cos²(y − c, its signs)."""
        offsets = self._rotate(train) - self._centre
        l1 = np.abs(offsets).sum(axis=1, dtype=np.float64)
        l2 = np.square(offsets, dtype=np.float64).sum(axis=1)
        return float(np.divide(l1**2, self.d * l2, out=np.full_like(l2, 2 / np.pi), where=l2 > 0).mean())

    def _read(self, codes: CodeArray) -> tuple[FloatArray, FloatArray, DoubleArray, FloatArray]:
        """What codes say of y − c: the unit vectors along the levels q (n, d), radii ‖y − c‖/cos (n,), cos² (n,),
        and ⟨y − c, c⟩ (n,)."""
        sign_bytes = packed_bytes(self.d, 1)
        signs = np.unpackbits(codes[:, :sign_bytes], axis=1, count=self.d, bitorder="little")
        if self.parameters.bits == 1:
            factors = _floats(codes[:, sign_bytes:])
            along_centre = -(factors[:, 0] + squared_length(self._centre)) / 2
            directions = (signs.astype(np.float32) - np.float32(0.5)) * np.float32(2 / np.sqrt(self.d))
            cosines = np.full(len(codes), self._squared_cosine)
            return directions, factors[:, 1], cosines, along_centre.astype(np.float32)
        more = self.parameters.bits - 1
        rest = sign_bytes + 12
        integers = unpack(np.ascontiguousarray(codes[:, rest:-8]), self.d, more) + (signs.astype(np.uint16) << more)
        levels = integers.astype(np.float32) - np.float32(2**more - 0.5)
        lengths = np.sqrt(row_squares(levels)).astype(np.float32)
        _, multipliers, errors = _floats(codes[:, sign_bytes:rest]).T.astype(np.float64)
        along_centre, scales = _floats(codes[:, -8:]).T
        # faiss stores ‖y − c‖ only within its error bound: errors² = ε₀² (multipliers² − ‖y − c‖²) / (d − 1).
        norms = multipliers**2 - errors**2 * max(self.d - 1, 1) / ERROR_BOUND**2
        radii = scales * lengths
        cosines = np.divide(norms, radii.astype(np.float64) ** 2, out=np.zeros_like(norms), where=radii > 0)
        return levels / lengths[:, None], radii, np.clip(cosines, 0, 1), along_centre


def _floats(codes: CodeArray) -> FloatArray:
    """(n, 4k) bytes -> (n, k) float32."""
    return np.ascontiguousarray(codes).view("<f4")


def _code_bytes(d: int, bits: int) -> int:
    """Bytes of faiss's code: the signs and two factors, and for more than one bit the other bits and three more."""
    signs = packed_bytes(d, 1) + 8
    return signs if bits == 1 else signs + packed_bytes(d, bits - 1) + 12
