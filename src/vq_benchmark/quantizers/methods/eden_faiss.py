"""faiss's EDEN, as a control for our own and as a way into faiss: its codes, its scores, its index."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import nominal_bits, whole_bits
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_dots, row_squares, squared_length
from vq_benchmark.quantizers.parts.faiss_index import eden_index, require_spread, rotated_index
from vq_benchmark.quantizers.parts.packing import packed_bytes
from vq_benchmark.quantizers.parts.rotations import orthogonal_bytes, random_orthogonal, seeded_rotation

FACTOR_BYTES = 8
"""‖y − c‖² and the unbiased scale, float32 each, at the end of a code."""


class FaissEdenParameters(Parameters):
    """Parameters of `eden-faiss`."""

    bits: int = Field(default=4, ge=1, le=8, description="Bits per dimension.")


class FaissEden(Quantizer):
    """faiss's `IndexEDEN` behind a random rotation, about the training mean c, with its unbiased scale S.

    A row of codes is faiss's own, 64 bits of factors included. faiss decodes c + S·q, whose inner products with
    queries are its scores; S·q is n/cos long, so with the stored n² = ‖y − c‖² the least-squares reconstruction
    is c + cos²·S·q (Vargaftik et al., EDEN, ICML 2022, section 3: the biased scale).
    """

    name = "eden-faiss"
    title = "EDEN (faiss)"
    paper = "Vargaftik et al.: EDEN, ICML 2022, arXiv 2108.08842; faiss 1.15"
    parameters_type = FaissEdenParameters
    unbiased_scores = True

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        d = train.shape[1]
        exact_mean = train.mean(axis=0, dtype=np.float64)
        require_spread(self.name, train, exact_mean)
        mean = exact_mean.astype(np.float32)
        centre = seeded_rotation("qr", d, seed).forward(mean[None, :], np.zeros(d, np.float32))[0]
        self.restore({"centre": centre, "seed": np.array(seed, np.int64)}, d)
        return self

    def encode(self, vectors: FloatArray) -> CodeArray:
        codes: CodeArray = self._index.sa_encode(self.project_queries(self._check_rows(vectors)))
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        offsets, squared_norms = self._read(codes)
        lengths = row_squares(offsets)
        squared_cosines = np.divide(squared_norms, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        rotated = offsets * np.minimum(squared_cosines, 1)[:, None] + self._centre
        return self._rotation.inverse(rotated.astype(np.float32), self._zero)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """The queries in the rotated space, (q, d)."""
        return self._rotation.forward(np.ascontiguousarray(queries, np.float32), self._zero)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """c + S·q in the rotated space, (n, d)."""
        return self._read(codes)[0] + self._centre

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """n² + ‖c‖² + 2⟨c, S·q⟩, with which 2⟨Q, c + S·q⟩ gives faiss's L2 distance."""
        offsets, squared_norms = self._read(codes)
        along_centre = row_dots(offsets, self._centre)
        return np.asarray(squared_norms + squared_length(self._centre) + 2 * along_centre)

    def footprint(self, n: int, d: int) -> Footprint:
        code = packed_bytes(d, self.parameters.bits) + FACTOR_BYTES
        fitting = orthogonal_bytes(d)
        return replace(super().footprint(n, d), model=8 * d * d, fitting=fitting, row=20 * d, code=code)

    def state(self) -> State:
        return {"centre": self._centre, "seed": self._seed}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self._centre, self._seed = state["centre"], state["seed"]
        self._zero = np.zeros(d, np.float32)
        self._rotation = seeded_rotation("qr", d, int(self._seed))
        self._index = eden_index(self._centre, self.parameters.bits, "ip")
        self.code_bytes = int(self._index.sa_code_size())

    def search_index(self, distance: str) -> Any:
        rotation = random_orthogonal(self.d, int(self._seed)).astype(np.float32)
        return rotated_index(rotation, eden_index(self._centre, self.parameters.bits, distance))

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> FaissEdenParameters:
        return FaissEdenParameters(bits=whole_bits(cls.name, bits_per_dim, d, range(1, 9), FACTOR_BYTES))

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> FaissEdenParameters:
        return FaissEdenParameters(bits=nominal_bits(cls.name, bits_per_dim, 1, 8))

    def _read(self, codes: CodeArray) -> tuple[FloatArray, DoubleArray]:
        """S·q (n, d), zero where a vector is the centre itself, and ‖y − c‖² (n,)."""
        factors = np.ascontiguousarray(codes[:, -FACTOR_BYTES:]).view("<f4")
        squared_norms = factors[:, 0].astype(np.float64)
        offsets = self._index.sa_decode(np.ascontiguousarray(codes)) - self._centre
        return np.where(squared_norms[:, None] > 0, offsets, np.float32(0)), squared_norms
