"""Preprocessing that rotation-based methods share: subtract the training mean, then apply a random rotation."""

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import nominal_bits, whole_bits
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_dots
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.rotations import Rotation, RotationKind, orthogonal_bytes, seeded_rotation
from vq_benchmark.quantizers.parts.scales import norm_about, power_of_two_near


class RotatedParameters(Parameters):
    """Parameters of every rotation-based method."""

    bits: int = Field(default=4, ge=1, le=8, description="Bits per dimension.")
    rotation: RotationKind = Field(
        default="hadamard",
        description="hadamard: pseudo-random, O(d log d); qr: uniformly random, O(d²). Both cost only their seed.",
    )


class RotatedQuantizer(Quantizer):
    """Codes y = P(x − c) with c the training mean and P a random rotation, which maps any data to nearly Gaussian.

    A subclass sets `code_bytes` in `_prepare`, and encodes and decodes rows y in the rotated space.
    """

    side_bytes: ClassVar[int]
    """Bytes of side information of a code that a budget chooses."""
    unit: np.float32
    """The unit in which norms are stored: a power of two near the root mean square of ‖y‖ in training."""
    centre: FloatArray
    """The training mean c, (d,)."""
    rotated_centre: DoubleArray
    """Pc, (d,)."""
    _rotation: Rotation
    _score_columns: int
    _seed: int

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        return cls._of_bits(whole_bits(cls.name, bits_per_dim, d, range(1, 9), cls.side_bytes))

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        return cls._of_bits(nominal_bits(cls.name, bits_per_dim, 1, 8))

    @classmethod
    def _of_bits(cls, bits: int) -> Parameters:
        return cls.parameters_type.parse(cls.name, {"bits": bits})

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        centre = train.mean(axis=0, dtype=np.float64)
        unit = power_of_two_near(norm_about(train, centre))
        state = {"centre": centre.astype(np.float32), "unit": np.array(unit), "seed": np.array(seed, np.int64)}
        self.restore(state, train.shape[1])
        return self

    def state(self) -> State:
        return {"centre": self.centre, "unit": np.array(self.unit), "seed": np.array(self._seed, np.int64)}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.centre = state["centre"]
        self.unit = np.float32(state["unit"])
        self._seed = int(state["seed"])
        self._rotation = seeded_rotation(self.parameters.rotation, d, self._seed)
        self.rotated_centre = self._rotate(self.centre[None])[0].astype(np.float64)
        self._prepare()

    def footprint(self, n: int, d: int) -> Footprint:
        found = replace(super().footprint(n, d), fitting=0, row=0, row_in_flight=8 * d)
        dense = self.parameters.rotation == "qr"
        return replace(found, model=8 * d * d, fitting=orthogonal_bytes(d)) if dense else found

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        codes = np.empty((vectors.shape[0], self.code_bytes), np.uint8)

        def encode_tile(tile: slice) -> None:
            self._encode_rotated(self._rotation.forward(vectors[tile], self.centre), codes[tile])

        in_tiles(len(vectors), encode_tile)
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        decoded = np.empty((codes.shape[0], self.d), np.float32)

        def decode_tile(tile: slice) -> None:
            rotated = np.empty_like(decoded[tile])
            self._decode_rotated(codes[tile], rotated)
            decoded[tile] = self._rotation.inverse(rotated, self.centre)

        in_tiles(len(codes), decode_tile)
        return decoded

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        out = np.empty((codes.shape[0], self._score_columns), np.float32)
        in_tiles(len(codes), lambda tile: self._decode_tile_for_scores(codes[tile], out[tile]))
        return out

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[PQ, ⟨Q, c⟩]; with `decode_for_scores`, this gives ⟨Q, c⟩ + ⟨PQ, ŷ⟩."""
        return np.column_stack([self._rotate(queries), row_dots(queries, self.centre).astype(np.float32)])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self.d,)

    @abstractmethod
    def _prepare(self) -> None:
        """Set `code_bytes`, `_score_columns` and other values derived from d and the parameters."""

    @abstractmethod
    def _encode_rotated(self, y: FloatArray, codes: CodeArray) -> None:
        """Fill codes (n, code_bytes) from y (n, d)."""

    @abstractmethod
    def _decode_rotated(self, codes: CodeArray, out: FloatArray) -> None:
        """Fill out (n, d) with the least-squares estimates of y."""

    @abstractmethod
    def _decode_tile_for_scores(self, codes: CodeArray, out: FloatArray) -> None:
        """Fill out (n, _score_columns) with the vectors to multiply with `project_queries`."""

    def _rotate(self, vectors: FloatArray) -> FloatArray:
        return self._rotation.forward(np.ascontiguousarray(vectors, np.float32), np.zeros(self.d, np.float32))
