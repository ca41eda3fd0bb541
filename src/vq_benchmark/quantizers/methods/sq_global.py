"""sq-global: one uniform grid for all numbers of a collection, as most vector databases ship their int8."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.base import Parameters, State, one_of
from vq_benchmark.quantizers.budget import whole_bits
from vq_benchmark.quantizers.kernels.rows import row_squares
from vq_benchmark.quantizers.parts.packing import aligned_bytes, packed_bytes
from vq_benchmark.quantizers.parts.range_base import DIVIDE, MULTIPLY, RATIO, RangeQuantizer, stored_bits

_BITS = (4, 7, 8)
_QDRANT_SAMPLE, _QDRANT_LEAST = 5000, 127
_LUCENE_SAMPLE, _LUCENE_GROUP = 25_000, 20
_FORMS = {"plain": RATIO, "qdrant": DIVIDE, "lucene": MULTIPLY, "weaviate": RATIO}
_SIDE_BYTES = {"plain": 0, "qdrant": 4, "lucene": 4, "weaviate": 8}


class SqGlobalParameters(Parameters):
    """Parameters of `sq-global`."""

    bits: Annotated[int, one_of(*_BITS)] = Field(
        default=8, description="Bits per dimension: 4, 7 or 8. 7 bits take a byte, as in Lucene and Qdrant."
    )
    layout: Literal["plain", "qdrant", "lucene", "weaviate"] = Field(
        default="plain",
        description="Bytes beside the integers: none; qdrant: an offset, padded to 16; lucene: a second-order "
        "correction, which scores add; weaviate: two sums.",
    )
    quantile: float | None = Field(
        default=None,
        gt=0.5,
        le=1,
        description="qdrant: its quantile, by default 1; lucene: its confidence interval, by default "
        "max(0.9, 1 − 1/(d+1)).",
    )
    rounding: Literal["nearest", "down"] = Field(default="nearest", description="nearest: halves up; down: floor.")
    products: Literal["grid", "integers", "distances"] = Field(
        default="grid",
        description="grid: of the decoded numbers; integers: of k alone, without offsets (LanceDB's dot); distances: "
        "rank by L2 distance under every metric (LanceDB's cosine).",
    )
    queries: Literal["same", "float"] = Field(
        default="same", description="same: queries are coded too; float: they meet decoded numbers as they are."
    )

    def check_dimension(self, d: int) -> None:
        if self.quantile is not None and self.layout in ("plain", "weaviate"):
            raise InputError(
                f"sq-global has a quantile only with layout=qdrant or layout=lucene, not with layout={self.layout}."
            )
        if self.layout == "lucene" and self.products != "grid":
            raise InputError(f"sq-global has layout=lucene only with products=grid, not products={self.products}.")

    def code_bytes(self, d: int) -> int:
        """Bytes of one code, side information and padding included."""
        width = packed_bytes(d, stored_bits(self.bits))
        return _SIDE_BYTES[self.layout] + aligned_bytes(width, 16 if self.layout == "qdrant" else 1)


class SqGlobal(RangeQuantizer):
    """k = round((clip(x) − low)/step) with one low and one step = (high − low)/(2^bits − 1) for all numbers.

    The ends are the smallest and the largest number of the training vectors, or by the rule of the layout:

    - `qdrant` with `quantile`: of up to 5,000 vectors, the numbers are sorted and int(vectors·(1 − quantile)/2) of
      them are cut at each end. That counts vectors, not numbers: at d = 384, 0.99 cuts 0.0013 % of the numbers.
    - `lucene`: the mean over groups of 20 vectors of the quantiles that enclose 1 − 1/(d + 1) of their numbers.
      Scores add Σ[low(x − low/2) + (x − low − step·k)·step·k] of both sides, a second-order correction, to
      step²·⟨k, k⟩.

    Weaviate rounds down and adds no half step to scores, which biases them. LanceDB's dot product leaves the offsets
    out (`products=integers`), so vectors rank wrongly unless Σk is the same for all.
    """

    name = "sq-global"
    title = "Uniform grid for all numbers (Qdrant, Lucene, Weaviate, LanceDB)"
    paper = (
        "no paper; Qdrant 1.19 (int8), Lucene 9.9 ScalarQuantizer, Weaviate 1.39 (SQ), Lance 2025-11 (IVF_HNSW_SQ)"
    )
    parameters_type = SqGlobalParameters

    def restore(self, state: State, d: int) -> None:
        self.side_bytes = _SIDE_BYTES[self.parameters.layout]
        self.form = _FORMS[self.parameters.layout]
        super().restore(state, d)

    def _range(self, train: FloatArray, seed: int) -> tuple[Array, Array]:
        if self.parameters.layout == "lucene":
            return _lucene_range(train, self.parameters.quantile)
        if self.parameters.layout == "qdrant" and _is_cut(len(train), self.parameters.quantile):
            return _qdrant_range(train, self.parameters.quantile, seed)
        return np.array([train.min()]), np.array([train.max()])

    def _write_side(self, vectors: FloatArray, integers: CodeArray, codes: CodeArray) -> None:
        layout, numbers = self.parameters.layout, integers.astype(np.float32)
        if layout == "qdrant":
            codes[:, :4] = _bytes(self._step * self._low * numbers.sum(axis=1) + self.d * self._low**2)
        elif layout == "lucene":
            codes[:, :4] = _bytes(self._correction(vectors, numbers))
        elif layout == "weaviate":
            codes[:, :4] = numbers.sum(axis=1, dtype=np.float64).astype("<u4")[:, None].view(np.uint8)
            codes[:, 4:8] = row_squares(numbers).astype("<u4")[:, None].view(np.uint8)

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """Q̂; or [Q̂, 1], (q, d + 1); or step·k(Q); or [step·k(Q), 1, correction of Q], (q, d + 2)."""
        if not self._has_products_of_integers:
            projected = super().project_queries(queries)
            if self.parameters.products != "distances":
                return projected
            return np.column_stack([projected, np.ones(len(projected), np.float32)])
        queries = np.ascontiguousarray(queries, np.float32)
        integers = self._integers_of(queries).astype(np.float32)
        if self.parameters.layout != "lucene":
            return integers * self._step
        correction = self._correction(queries, integers)
        return np.column_stack([integers * self._step, np.ones(len(queries), np.float32), correction])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self.d,)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """x̂ = low + step·k; or [x̂, −‖x̂‖²/2], (n, d + 1); or step·k; or [step·k, correction of x, 1], (n, d + 2)."""
        if not self._has_products_of_integers:
            values = super().decode_for_scores(codes)
            if self.parameters.products != "distances":
                return values
            return np.column_stack([values, (row_squares(values) / -2).astype(np.float32)])
        scaled = self._integers(codes) * self._step
        if self.parameters.layout != "lucene":
            return scaled
        return np.column_stack([scaled, _floats(codes), np.ones(len(codes), np.float32)])

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """Those of low + step·k; 0 where scores hold them; or step²·Σk² with what scores add twice.

        So L2 ranks by the distance of the decoded numbers, or by step²·Σ(k − k(Q))².
        """
        if self.parameters.products == "distances":
            return np.zeros(len(codes))
        if not self._has_products_of_integers:
            return super().squared_norms(codes)
        squares = row_squares(self._integers(codes) * self._step)
        return squares + 2 * _floats(codes).astype(np.float64) if self.parameters.layout == "lucene" else squares

    @property
    def _has_products_of_integers(self) -> bool:
        same = self.parameters.queries == "same"
        return bool(same and (self.parameters.layout == "lucene" or self.parameters.products == "integers"))

    def _correction(self, vectors: FloatArray, integers: FloatArray) -> FloatArray:
        """Σ[low(x − low/2) + (x − low − step·k)·step·k], (n,), of numbers that are not clipped."""
        low, scaled = float(self._low[0]), integers.astype(np.float64) * self._step
        terms = low * (vectors - low / 2) + (vectors - low - scaled) * scaled
        return np.asarray(terms.sum(axis=1), np.float32)

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> SqGlobalParameters:
        return SqGlobalParameters(bits=whole_bits(cls.name, bits_per_dim, d, (4, 8), side_bytes=0))


def _is_cut(n: int, quantile: float | None) -> bool:
    return quantile is not None and quantile < 1 and n >= _QDRANT_LEAST


def _qdrant_range(train: FloatArray, quantile: float, seed: int) -> tuple[Array, Array]:
    count = min(len(train), _QDRANT_SAMPLE)
    rows = np.sort(np.random.default_rng(seed).choice(len(train), count, replace=False))
    numbers = np.sort(train[rows], axis=None)
    cut = int(np.float32(count) * (np.float32(1) - np.float32(quantile)) / np.float32(2))
    cut = max(1, min((len(numbers) - 1) // 2, cut))
    return numbers[cut + 1 : cut + 2], numbers[len(numbers) - cut - 1 : len(numbers) - cut]


def _lucene_range(train: FloatArray, interval: float | None) -> tuple[Array, Array]:
    d = train.shape[1]
    interval = max(1 - 1 / (d + 1), 0.9) if interval is None else interval
    rows = train[:_LUCENE_SAMPLE]
    groups = [rows[first : first + _LUCENE_GROUP] for first in range(0, len(rows), _LUCENE_GROUP)]
    ends = []
    for numbers in (np.sort(group, axis=None) for group in groups if len(group) == len(groups[0])):
        cut = int(len(numbers) * (1 - interval) / 2 + 0.5)
        ends.append((numbers[cut], numbers[len(numbers) - 1 - cut]))
    low, high = np.asarray(ends, np.float64).mean(axis=0)
    return np.array([low]), np.array([high])


def _bytes(values: Array) -> CodeArray:
    return np.asarray(values).astype("<f4")[:, None].view(np.uint8)


def _floats(codes: CodeArray) -> FloatArray:
    return np.ascontiguousarray(codes[:, :4]).view("<f4")[:, 0].astype(np.float32)
