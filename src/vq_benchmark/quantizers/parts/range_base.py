"""Integers on a grid between two ends, one grid for all numbers or one for each dimension."""

from abc import abstractmethod
from dataclasses import replace
from typing import Any, Self

import numpy as np

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.base import Quantizer, State
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.rows import row_squares
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.packing import pack, packed_bytes, unpack
from vq_benchmark.quantizers.scans.scan_code import MOST_BITS, ScanCode, ScanRows, no_rows

DIVIDE, MULTIPLY, RATIO = range(3)
"""How a number becomes a place on the grid in float32, which decides at the edges of cells: (x − low)/step,
(x − low)·(1/step), or (x − low)·top/(high − low)."""


class RangeQuantizer(Quantizer):
    """k = ⌊(clip(x) − low)/step + ½⌋ or ⌊(clip(x) − low)/step⌋, step = (high − low)/(2^bits − 1).

    Parameters have `bits`, `rounding` (nearest, down) and `queries` (same, float). Scores are of the numbers
    low + step·k, which the products that ship this compute from integers; `decode` adds half a step where codes are
    rounded down.
    """

    side_bytes: int = 0
    """Bytes before the integers."""
    form: int = RATIO
    """DIVIDE, MULTIPLY or RATIO."""

    @abstractmethod
    def _range(self, train: FloatArray, seed: int) -> tuple[Array, Array]:
        """The ends of the grid, (1,) or (d,) float32 each."""

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        low, high = self._range(train, seed)
        self.restore({"low": low.astype(np.float32), "high": high.astype(np.float32)}, train.shape[1])
        return self

    def state(self) -> State:
        return {"low": self._low, "high": self._high}

    def restore(self, state: State, d: int) -> None:
        self.d, self.code_bytes = d, self.parameters.code_bytes(d)
        self._low, self._high = state["low"], state["high"]
        self._top = np.float32((1 << self.parameters.bits) - 1)
        self._step: FloatArray = ((self._high - self._low) / self._top).astype(np.float32)

    def footprint(self, n: int, d: int) -> Footprint:
        return replace(
            super().footprint(n, d), model=8 * d, fitting=4 * n * d, row=6 * d, score_columns=d,
            code=self.parameters.code_bytes(d),
        )  # fmt: skip

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        codes = np.zeros((len(vectors), self.code_bytes), np.uint8)
        in_tiles(len(codes), lambda tile: self._encode_tile(vectors[tile], codes[tile]))
        return codes

    def _encode_tile(self, vectors: FloatArray, codes: CodeArray) -> None:
        integers = self._integers_of(vectors)
        bits = stored_bits(self.parameters.bits)
        packed = integers if bits == 8 else pack(integers, bits)
        codes[:, self.side_bytes : self.side_bytes + packed.shape[1]] = packed
        if self.side_bytes:
            self._write_side(vectors, integers, codes)

    def _write_side(self, vectors: FloatArray, integers: CodeArray, codes: CodeArray) -> None:
        """Write what stands before the integers (n, d) of vectors (n, d) to the first `side_bytes` bytes of codes."""

    def decode(self, codes: CodeArray) -> FloatArray:
        integers = self._integers(codes)
        if self.parameters.rounding == "down":
            integers += np.float32(0.5)
        values = integers * self._step + self._low
        return np.minimum(values, self._high) if self.parameters.rounding == "down" else values

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """Q̂, or Q where queries stay float32, (q, d)."""
        if self.parameters.queries == "float":
            return queries
        return self._on_grid(self._integers_of(np.ascontiguousarray(queries, np.float32)))

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """low + step·k, (n, d)."""
        return self._on_grid(self._integers(codes))

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """Those of low + step·k."""
        return row_squares(self._on_grid(self._integers(codes)))

    def scan_code(self) -> ScanCode | None:
        bits = self.parameters.bits
        if bits > MOST_BITS:
            return None
        weights = np.broadcast_to(self._step, self.d)
        return ScanCode(self.d, bits, np.arange(1 << bits), self._scan_rows, weights=weights)

    def _scan_rows(self, codes: CodeArray) -> ScanRows:
        none = no_rows(len(codes))
        return ScanRows(self._integers(codes).astype(np.uint8), none + 1, none, none)

    def _integers_of(self, vectors: FloatArray) -> CodeArray:
        """The integers of vectors, (n, d) uint8."""
        integers = np.empty(vectors.shape, np.uint8)
        low, high = (np.broadcast_to(end, self.d) for end in (self._low, self._high))
        half = 0.5 if self.parameters.rounding == "nearest" else 0.0
        in_tiles(
            len(vectors),
            lambda tile: _quantize(vectors[tile], low, high, self._top, half, self.form, integers[tile]),
        )
        return integers

    def _integers(self, codes: CodeArray) -> FloatArray:
        """The integers of codes, (n, d) float32."""
        bits = stored_bits(self.parameters.bits)
        packed = codes[:, self.side_bytes : self.side_bytes + packed_bytes(self.d, bits)]
        return (packed if bits == 8 else unpack(np.ascontiguousarray(packed), self.d, bits)).astype(np.float32)

    def _on_grid(self, integers: Any) -> FloatArray:
        return np.asarray(integers.astype(np.float32) * self._step + self._low, np.float32)


def stored_bits(bits: int) -> int:
    """Bits that an integer of so many bits takes in a code."""
    return 4 if bits <= 4 else 8


@tile_kernel
def _quantize(
    vectors: FloatArray, low: FloatArray, high: FloatArray, top: np.float32, half: float, form: int, out: CodeArray
) -> None:
    n, d = vectors.shape
    for i in range(n):
        for j in range(d):
            width = high[j] - low[j]
            place = np.float32(0)
            if width > 0:
                offset = min(max(vectors[i, j], low[j]), high[j]) - low[j]
                if form == DIVIDE:
                    place = offset / (width / top)
                elif form == MULTIPLY:
                    place = offset * (top / width)
                else:
                    place = offset * top / width
            out[i, j] = np.uint8(min(np.floor(np.float64(place) + half), np.float64(top)))
