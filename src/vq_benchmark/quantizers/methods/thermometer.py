"""thermometer: several bits per dimension, one for each threshold that a value exceeds, compared by Hamming."""

from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray, pieces
from vq_benchmark.quantizers.base import Parameters, Quantizer, State, one_of
from vq_benchmark.quantizers.budget import largest_within
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_norms
from vq_benchmark.quantizers.parts.packing import aligned_bytes, packed_bytes, padded
from vq_benchmark.quantizers.parts.query_levels import QUERY_LEVELS, symmetric_levels
from vq_benchmark.quantizers.parts.score_scale import BYTES_PER_COLUMN, score_scale

_BITS = (1, 1.5, 2, 3, 4)


class ThermometerParameters(Parameters):
    """Parameters of `thermometer`."""

    bits: Annotated[float, one_of(*_BITS)] = Field(
        default=2,
        description="Bits per dimension: 1, 1.5, 2, 3 or 4. With 1.5, two dimensions share their second bit.",
    )
    reach: Annotated[float, one_of(1, 2)] = Field(
        default=2, description="Threshold b is μ + reach·(2(b + 1)/(bits + 1) − 1)·σ: 1 (OpenSearch), 2 (Qdrant)."
    )
    deviation: Literal["sample", "population"] = Field(
        default="sample", description="σ divides by n − 1 (sample, as in Qdrant) or by n (population)."
    )
    queries: Literal["hamming", "float", "scalar4", "scalar8"] = Field(
        default="hamming",
        description="hamming: queries become bits too; float: they meet decoded vectors; scalar4, scalar8: they meet "
        "the bits as integers, as in Qdrant.",
    )
    align: Annotated[int, one_of(1, 8, 16)] = Field(
        default=1, description="Bytes that a code is padded to a multiple of: 1, 8 (pgvectorscale) or 16 (Qdrant)."
    )

    @property
    def thresholds(self) -> int:
        """How many thresholds a dimension has."""
        return int(np.ceil(self.bits))

    def width(self, d: int) -> int:
        """Bits of a code of vectors of dimension d, padding not included."""
        return int(np.ceil(self.bits * d))

    def code_bytes(self, d: int) -> int:
        """Bytes of one code of vectors of dimension d."""
        return aligned_bytes(packed_bytes(self.width(d), 1), self.align)


class Thermometer(Quantizer):
    """Bit b of a dimension is x > μ + t_b·σ, with the mean μ and the deviation σ of that dimension in training.

    The bits of a value are a thermometer, so the Hamming distance is the sum of the differences of levels: `bits`
    bits tell `bits` + 1 levels apart, and 4 bits carry at most log₂5 = 2.3. Qdrant's binary quantization has it with
    1.5 and 2 bits (t = ∓⅔), pgvectorscale's SBQ with 1 to 4, OpenSearch with 2 and 4 (t = ∓⅓, and ∓⅗, ∓⅕). A
    dimension that is constant in training has the thresholds 0 and ∞, as in Qdrant.

    Under every metric vectors rank by the Hamming distance over all bits; the score is the product of the signs times
    the length of Q − μ and a factor from training. Integer queries are repeated for each threshold; the shared bits
    of 1.5 meet the larger of two numbers.
    `decode` is μ + σ·r, r the mean of (x − μ)/σ in training over all values with the same bits.
    """

    name = "thermometer"
    title = "Thermometer code (Qdrant, OpenSearch, pgvectorscale)"
    paper = "no paper; Qdrant 1.19 (binary quantization), OpenSearch 3.6 (on_disk 8x, 16x), pgvectorscale 0.9 (SBQ)"
    parameters_type = ThermometerParameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        mean, deviation = self._moments(train)
        length = np.concatenate([row_norms(train[piece], mean) for piece in pieces(len(train))]).mean()
        state: State = {"mean": mean, "deviation": deviation, "length": np.array(length)}
        states = 1 << self.parameters.thresholds
        self.restore({**state, "levels": np.zeros(states, np.float32), "scale": np.array(1.0)}, train.shape[1])
        self.restore({**self._state, "levels": self._levels(train)}, train.shape[1])
        self.restore({**self._state, "scale": np.array(score_scale(self, train))}, train.shape[1])
        return self

    def state(self) -> State:
        return self._state

    def restore(self, state: State, d: int) -> None:
        self.d, self.code_bytes, self._state = d, self.parameters.code_bytes(d), state
        count = self.parameters.thresholds
        places = self.parameters.reach * (2 * np.arange(1, count + 1) / (count + 1) - 1)
        constant = np.where(np.arange(count)[:, None] == 0, 0.0, np.inf)
        thresholds = state["mean"].astype(np.float64) + places[:, None] * state["deviation"]
        self._thresholds = np.where(state["deviation"] > 0, thresholds, constant).astype(np.float32)

    def footprint(self, n: int, d: int) -> Footprint:
        width = self.parameters.width(d)
        return replace(
            super().footprint(n, d), model=24 * d, fitting=BYTES_PER_COLUMN * width, row=8 * width,
            score_columns=width, code=self.parameters.code_bytes(d),
        )  # fmt: skip

    def encode(self, vectors: FloatArray) -> CodeArray:
        return padded(np.packbits(self._bits(self._check_rows(vectors)), axis=1), self.code_bytes)

    def decode(self, codes: CodeArray) -> FloatArray:
        values = self._state["levels"][self._states(self._unpacked(codes))]
        return np.asarray(values * self._state["deviation"].astype(np.float32) + self._state["mean"], np.float32)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """Q, (q, d); or with bits ‖Q − μ‖·signs, or with integers Q on a grid for each bit, (q, width)."""
        queries = np.ascontiguousarray(queries, np.float32)
        if self.parameters.queries == "float":
            return queries
        if self.parameters.queries in QUERY_LEVELS:
            return symmetric_levels(self._repeated(queries), QUERY_LEVELS[self.parameters.queries])
        lengths = row_norms(queries, self._state["mean"]).astype(np.float32)
        return np.where(self._bits(queries), lengths[:, None], -lengths[:, None])

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """`decode`, (n, d); or signs of all bits times one factor, (n, width)."""
        if self.parameters.queries == "float":
            return self.decode(codes)
        scale = float(self._state["scale"])
        return np.array([-scale, scale], np.float32)[self._unpacked(codes)]

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """Those of `decode`, or the mean length squared, with which L2 ranks by Hamming distance too."""
        if self.parameters.queries == "float":
            return super().squared_norms(codes)
        return np.full(len(codes), float(self._state["length"]) ** 2)

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> ThermometerParameters:
        choices = [ThermometerParameters(bits=bits) for bits in _BITS]
        return largest_within(cls.name, bits_per_dim, d, choices, lambda choice: choice.code_bytes(d))

    def _moments(self, train: FloatArray) -> tuple[FloatArray, DoubleArray]:
        """μ (d,) float32 and σ (d,) float64; σ is 0 where it is below the float32 epsilon."""
        exact = train.mean(axis=0, dtype=np.float64)
        squares = np.zeros(train.shape[1])
        for piece in pieces(len(train)):
            squares += np.square(train[piece] - exact).sum(axis=0)
        divisor = len(train) - (self.parameters.deviation == "sample")
        deviation = np.sqrt(squares / max(divisor, 1))
        deviation[deviation < np.finfo(np.float32).eps] = 0
        return exact.astype(np.float32), deviation

    def _levels(self, train: FloatArray) -> FloatArray:
        """The mean of (x − μ)/σ for each state of the bits."""
        deviation = self._state["deviation"]
        states = len(self._state["levels"])
        counts, sums = np.zeros(states), np.zeros(states)
        for piece in pieces(len(train)):
            offsets = train[piece].astype(np.float64) - self._state["mean"]
            scaled = np.divide(offsets, deviation, out=np.zeros_like(offsets), where=deviation > 0)
            place = self._states(self._bits(train[piece])).ravel()
            counts += np.bincount(place, minlength=states)
            sums += np.bincount(place, scaled.ravel(), minlength=states)
        return np.divide(sums, counts, out=np.zeros(states), where=counts > 0).astype(np.float32)

    def _bits(self, vectors: FloatArray) -> Array:
        """(n, width) bool: the first threshold of all dimensions, then the second, and so on."""
        planes = [vectors > threshold for threshold in self._thresholds]
        if self.parameters.bits == 1.5:
            planes[1] = np.logical_or.reduceat(planes[1], np.arange(0, self.d, 2), axis=1)
        return np.concatenate(planes, axis=1)

    def _unpacked(self, codes: CodeArray) -> CodeArray:
        """The bits of codes, (n, width) uint8."""
        return np.unpackbits(codes, axis=1, count=self.parameters.width(self.d))

    def _by_threshold(self, bits: Array) -> Array:
        """(n, width) -> (n, thresholds, d), shared bits repeated."""
        if self.parameters.bits != 1.5:
            return bits.reshape(len(bits), self.parameters.thresholds, self.d)
        shared = np.repeat(bits[:, self.d :], 2, axis=1)[:, : self.d]
        return np.stack([bits[:, : self.d], shared], axis=1)

    def _states(self, bits: Array) -> Array:
        """The bits of each dimension as a number, (n, d)."""
        weights = 1 << np.arange(self.parameters.thresholds)
        return np.asarray((self._by_threshold(bits) * weights[:, None]).sum(axis=1))

    def _repeated(self, queries: FloatArray) -> FloatArray:
        """(q, d) -> (q, width): what each bit meets."""
        if self.parameters.bits == 1.5:
            return np.concatenate([queries, np.maximum.reduceat(queries, np.arange(0, self.d, 2), axis=1)], axis=1)
        return np.tile(queries, self.parameters.thresholds)
