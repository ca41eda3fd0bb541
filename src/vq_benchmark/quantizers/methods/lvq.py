"""LVQ: each vector on its own uniform grid between its smallest and its largest entry, in one or two levels."""

from dataclasses import replace
from typing import Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import largest_within, nominal_bits
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.packing import pack_row, packed_bytes, unpack, unpack_row
from vq_benchmark.quantizers.parts.scales import HALF_BYTES, norm_about, power_of_two_near, read_halves, write_halves
from vq_benchmark.quantizers.scans.scan_code import MOST_BITS, ScanCode, ScanRows, no_rows

SIDE_BYTES = 2 * HALF_BYTES
LEVELS = [(bits, 0) for bits in range(1, 9)] + [(bits - bits // 2, bits // 2) for bits in range(9, 17)]
"""The bits of the two levels that budgets choose from. Where both have the bits, one level has the smaller error; of
two levels, the most equal ones have: (2^bits − 1)(2^bits2 − 1) cells fill the range of a vector."""


class LvqParameters(Parameters):
    """Parameters of `lvq`."""

    bits: int = Field(default=4, ge=1, le=8, description="Bits per dimension of the first level.")
    bits2: int = Field(default=0, ge=0, le=8, description="Bits per dimension of the second level; 0: none.")


class Lvq(Quantizer):
    """x − μ on the grid l + Δ·c, l and u its smallest and largest entries, Δ = (u − l)/(2^bits − 1).

    Locally-adaptive vector quantization, Aguerrebere et al. (VLDB 2023, arXiv 2304.04759), definitions 1 and 2: μ is
    the training mean; l and u take 16 bits each, and codes are relative to them as stored. The second level puts
    the residual on a grid of 2^bits2 values over [−Δ/2, Δ/2].
    """

    name = "lvq"
    title = "Locally-adaptive vector quantization"
    paper = (
        "Aguerrebere et al.: Similarity search in the blink of an eye with compressed indices, VLDB 2023, "
        "arXiv 2304.04759"
    )
    parameters_type = LvqParameters

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> LvqParameters:
        def code_bytes(levels: tuple[int, int]) -> int:
            return SIDE_BYTES + packed_bytes(d, levels[0]) + packed_bytes(d, levels[1])

        bits, bits2 = largest_within(cls.name, bits_per_dim, d, LEVELS, code_bytes)
        return LvqParameters(bits=bits, bits2=bits2)

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> LvqParameters:
        return LvqParameters(bits=nominal_bits(cls.name, bits_per_dim, 1, 8))

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        mean = train.mean(axis=0, dtype=np.float64)
        unit = power_of_two_near(norm_about(train, mean) / np.sqrt(train.shape[1]))
        state = {"mean": mean.astype(np.float32), "unit": np.array(unit)}
        self.restore(state, train.shape[1])
        return self

    def state(self) -> State:
        return {"mean": self.mean, "unit": np.array(self._units[0])}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.mean = state["mean"]
        self._units = np.full(2, state["unit"], np.float32)
        self._second = SIDE_BYTES + packed_bytes(d, self.parameters.bits)
        self.code_bytes = self._second + packed_bytes(d, self.parameters.bits2)

    def footprint(self, n: int, d: int) -> Footprint:
        return replace(super().footprint(n, d), fitting=0, row=0)

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        codes = np.empty((vectors.shape[0], self.code_bytes), np.uint8)
        in_tiles(len(codes), lambda tile: self._encode_tile(vectors[tile], codes[tile]))
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        out = np.empty((codes.shape[0], self.d), np.float32)
        in_tiles(len(codes), lambda tile: self._decode_tile(codes[tile], out[tile]))
        return out

    def scan_code(self) -> ScanCode | None:
        bits = self.parameters.bits
        if bits > MOST_BITS or self.parameters.bits2:
            return None
        return ScanCode(self.d, bits, np.arange(1 << bits), self._scan_rows)

    def _scan_rows(self, codes: CodeArray) -> ScanRows:
        integers = unpack(codes[:, SIDE_BYTES : self._second], self.d, self.parameters.bits).astype(np.uint8)
        low, high = read_halves(codes, self._units).astype(np.float64).T
        return ScanRows(integers, (high - low) / ((1 << self.parameters.bits) - 1), low, no_rows(len(codes)))

    def _decode_tile(self, codes: CodeArray, out: FloatArray) -> None:
        bounds = read_halves(codes, self._units)
        _decode(codes, self.mean, bounds, self.parameters.bits, self.parameters.bits2, self._second, out)

    def _encode_tile(self, vectors: FloatArray, codes: CodeArray) -> None:
        bounds = np.empty((vectors.shape[0], 2), np.float32)
        _extremes(vectors, self.mean, bounds)
        write_halves(bounds, self._units, codes)
        bounds = read_halves(codes, self._units)
        _encode(vectors, self.mean, bounds, self.parameters.bits, self.parameters.bits2, self._second, codes)


@tile_kernel
def _extremes(vectors: FloatArray, mean: FloatArray, bounds: FloatArray) -> None:
    n, d = vectors.shape
    for i in range(n):
        low = high = vectors[i, 0] - mean[0]
        for j in range(d):
            x = vectors[i, j] - mean[j]
            low = x if x < low else low
            high = x if x > high else high
        bounds[i, 0], bounds[i, 1] = low, high


@tile_kernel
def _encode(
    vectors: FloatArray,
    mean: FloatArray,
    bounds: FloatArray,
    bits: int,
    bits2: int,
    second: int,
    codes: CodeArray,
) -> None:
    n, d = vectors.shape
    top, top2 = np.float32((1 << bits) - 1), np.float32((1 << bits2) - 1)
    half = np.float32(0.5)
    centred, residual = np.empty(d, np.float32), np.empty(d, np.float32)
    integers = np.empty(d, np.uint8)
    for i in range(n):
        low = bounds[i, 0]
        delta = (bounds[i, 1] - low) / top
        for j in range(d):
            centred[j] = vectors[i, j] - mean[j]
        if delta > 0:
            _round_to_grid(centred, low, delta, top, integers)
        else:
            integers[:] = 0
        pack_row(integers, bits, codes[i, SIDE_BYTES:second])
        if bits2 > 0:
            for j in range(d):
                residual[j] = centred[j] - (low + delta * np.float32(integers[j]))
            if delta > 0:
                _round_to_grid(residual, -delta * half, delta / top2, top2, integers)
            pack_row(integers, bits2, codes[i, second:])


@tile_kernel
def _round_to_grid(values: FloatArray, low: float, delta: float, top: float, integers: CodeArray) -> None:
    zero = np.float32(0)
    for j in range(values.size):
        steps = np.rint((values[j] - low) / delta)
        integers[j] = np.uint8(min(max(steps, zero), top))


@tile_kernel
def _decode(
    codes: CodeArray, mean: FloatArray, bounds: FloatArray, bits: int, bits2: int, second: int, out: FloatArray
) -> None:
    n, d = out.shape
    top, top2 = np.float32((1 << bits) - 1), np.float32((1 << bits2) - 1)
    half = np.float32(0.5)
    integers = np.empty(d, np.uint8)
    for i in range(n):
        low = bounds[i, 0]
        delta = (bounds[i, 1] - low) / top
        unpack_row(codes[i, SIDE_BYTES:second], bits, integers)
        row = out[i]
        for j in range(d):
            row[j] = low + delta * np.float32(integers[j])
        if bits2 > 0:
            unpack_row(codes[i, second:], bits2, integers)
            for j in range(d):
                row[j] += delta / top2 * np.float32(integers[j]) - delta * half
        for j in range(d):
            row[j] += mean[j]
