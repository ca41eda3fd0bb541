"""osq: Lucene's optimized scalar quantization, a grid for each vector whose ends are refined for its scores."""

from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import CodeArray, DoubleArray, FloatArray, pieces
from vq_benchmark.quantizers.base import Parameters, Quantizer, State, one_of
from vq_benchmark.quantizers.budget import largest_within
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.rows import row_dots, row_squares, squared_length
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.packing import pack_row, packed_bytes, unpack_row

_BITS = (1, 2, 4, 7, 8)
_SPREAD = (0.0, 0.798, 1.493, 2.051, 2.514, 2.916, 3.278, 3.611, 3.922)
"""Half-width, in standard deviations, of the best uniform grid of 2^bits levels for Gaussian numbers."""
_QUERY_BITS = {1: 4, 2: 4, 4: 4, 7: 7, 8: 8}
_LAMBDA = 0.1
_ROUNDS = 5
_SETTLED = 1e-8
"""Movement of both ends below which refinement stops."""
_SIDE_BYTES = 16
"""Lower end, upper end and correction in float32, and the sum of the integers in int32, as in Lucene 10.4."""


class OsqParameters(Parameters):
    """Parameters of `osq`."""

    bits: Annotated[int, one_of(*_BITS)] = Field(
        default=1, description="Bits per dimension: 1, 2, 4, 7 or 8. 7 bits take a byte, as in Lucene."
    )
    queries: Literal["lucene", "float"] = Field(
        default="lucene",
        description="lucene: queries are coded too, with 4, 4, 4, 7, 8 bits for 1, 2, 4, 7, 8; float: they are not.",
    )
    centre: Literal["mean", "unit-mean"] = Field(
        default="mean", description="unit-mean: the mean is normalised, as Lucene does under cosine similarity."
    )
    similarity: Literal["dot", "l2"] = Field(
        default="dot", description="What the stored correction is for: inner products and cosine, or L2 distances."
    )

    def code_bytes(self, d: int) -> int:
        """Bytes of one code, side information included."""
        return _SIDE_BYTES + packed_bytes(d, stored_bits(self.bits))


class Osq(Quantizer):
    """y = x − c on the grid a + l·k, l = (e − a)/(2^bits − 1), with ends a and e chosen for each vector.

    Lucene's OptimizedScalarQuantizer, which Elasticsearch (`bbq_*`, `int4_*`, `int8_*`), Solr and OpenSearch use. The
    ends start from the best grid for Gaussian numbers and are refined by at most 5 rounds of coordinate descent on
    (1 − λ)⟨y, y − ŷ⟩²/‖y‖² + λ‖y − ŷ‖², λ = 0.1: integers for given ends, then the best ends for these integers.
    Such an anisotropic loss makes scores nearly unbiased and reconstructions longer than least squares would.

    Scores are Lucene's, ⟨Q̂ − c, x̂ − c⟩ + ⟨Q, c⟩ + ⟨x, c⟩ − ‖c‖², with ⟨x, c⟩ stored; under L2 similarity ‖y‖² is
    stored instead. `decode` multiplies ŷ by one number, that of least squares in training.
    """

    name = "osq"
    title = "Optimized scalar quantization (Lucene, Elasticsearch)"
    paper = (
        "no paper; Lucene 10.4, OptimizedScalarQuantizer; loss: Guo et al., Accelerating large-scale inference with "
        "anisotropic vector quantization, ICML 2020, arXiv 1908.10396"
    )
    parameters_type = OsqParameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        mean = train.mean(axis=0, dtype=np.float64)
        length = np.sqrt(np.square(mean).sum())
        if self.parameters.centre == "unit-mean" and length > 0:
            mean /= length
        self.restore({"centre": mean.astype(np.float32), "factor": np.array(1.0)}, train.shape[1])
        self.restore({**self._state, "factor": np.array(self._least_squares_factor(train))}, train.shape[1])
        return self

    def state(self) -> State:
        return self._state

    def restore(self, state: State, d: int) -> None:
        self.d, self.code_bytes, self._state = d, self.parameters.code_bytes(d), state
        self._centre = state["centre"]
        self._centre_square = squared_length(self._centre)

    def footprint(self, n: int, d: int) -> Footprint:
        found = super().footprint(n, d)
        return replace(found, model=4 * d, fitting=0, row=0, row_in_flight=d, code=self.parameters.code_bytes(d))

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        codes = np.empty((vectors.shape[0], self.code_bytes), np.uint8)
        in_tiles(len(codes), lambda tile: self._encode_tile(vectors[tile], codes[tile]))
        return codes

    def _encode_tile(self, vectors: FloatArray, codes: CodeArray) -> None:
        integers, ends = self._round(vectors, self.parameters.bits)
        dot = self.parameters.similarity == "dot"
        corrections = row_dots(vectors, self._centre) if dot else row_squares(vectors, self._centre)
        codes[:, :8] = ends.astype("<f4", copy=False).view(np.uint8)
        codes[:, 8:12] = corrections.astype("<f4")[:, None].view(np.uint8)
        codes[:, 12:_SIDE_BYTES] = integers.sum(axis=1).astype("<i4")[:, None].view(np.uint8)
        _pack(integers, stored_bits(self.parameters.bits), codes[:, _SIDE_BYTES:])

    def decode(self, codes: CodeArray) -> FloatArray:
        out = self._grid_values(codes)
        out *= np.float32(self._state["factor"])
        out += self._centre
        return out

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[Q̂ − c, 1, ⟨Q, c⟩], (q, d + 2)."""
        queries = np.ascontiguousarray(queries, np.float32)
        along_centre = row_dots(queries, self._centre).astype(np.float32)
        if self.parameters.queries == "float":
            offsets = queries - self._centre
        else:
            bits = _QUERY_BITS[self.parameters.bits]
            offsets = np.empty(queries.shape, np.float32)
            integers, ends = self._round(queries, bits)
            _expand(integers, ends, (1 << bits) - 1, offsets)
        return np.column_stack([offsets, np.ones(len(queries), np.float32), along_centre])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self.d,)

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """[x̂ − c, ⟨x, c⟩ − ‖c‖², 1], (n, d + 2), with ⟨x, c⟩ as stored, or that of x̂ under L2 similarity."""
        out = np.empty((codes.shape[0], self.d + 2), np.float32)
        values = self._grid_values(codes, out[:, : self.d])
        if self.parameters.similarity == "dot":
            out[:, self.d] = self._corrections(codes) - self._centre_square
        else:
            out[:, self.d] = row_dots(values, self._centre)
        out[:, self.d + 1] = 1
        return out

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """‖x − c‖² as stored + 2⟨x̂ − c, c⟩ + ‖c‖² under L2 similarity; else those of `decode`."""
        if self.parameters.similarity == "dot":
            return super().squared_norms(codes)
        along_centre = self.decode_for_scores(codes)[:, self.d].astype(np.float64)
        return np.asarray(self._corrections(codes) + 2 * along_centre + self._centre_square)

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> OsqParameters:
        choices = [OsqParameters(bits=bits) for bits in _BITS]
        return largest_within(cls.name, bits_per_dim, d, choices, lambda choice: choice.code_bytes(d))

    def _round(self, vectors: FloatArray, bits: int) -> tuple[CodeArray, FloatArray]:
        """The integers (n, d) of vectors (n, d), and the ends of their grids, (n, 2)."""
        integers = np.empty(vectors.shape, np.uint8)
        ends = np.empty((vectors.shape[0], 2), np.float32)
        _quantize(vectors, self._centre, float((1 << bits) - 1), _SPREAD[bits], integers, ends)
        return integers, ends

    def _grid_values(self, codes: CodeArray, out: FloatArray | None = None) -> FloatArray:
        """ŷ = a + l·k, (n, d); written to out if it is given."""
        values = np.empty((codes.shape[0], self.d), np.float32) if out is None else out
        bits = self.parameters.bits

        def expand_tile(tile: slice) -> None:
            rows = codes[tile]
            ends = np.ascontiguousarray(rows[:, :8]).view("<f4").astype(np.float32, copy=False)
            integers = np.empty((len(rows), self.d), np.uint8)
            _unpack(rows[:, _SIDE_BYTES:], stored_bits(bits), integers)
            _expand(integers, ends, (1 << bits) - 1, values[tile])

        in_tiles(len(codes), expand_tile)
        return values

    def _corrections(self, codes: CodeArray) -> DoubleArray:
        return np.ascontiguousarray(codes[:, 8:12]).view("<f4")[:, 0].astype(np.float64)

    def _least_squares_factor(self, train: FloatArray) -> float:
        """Σ⟨y, ŷ⟩/Σ‖ŷ‖² over train (n, d); 1 if all ŷ are zero."""
        along, square = 0.0, 0.0
        for piece in pieces(len(train)):
            values = self._grid_values(self.encode(train[piece]))
            along += float(((train[piece] - self._centre) * values).sum(dtype=np.float64))
            square += float(np.square(values).sum(dtype=np.float64))
        return along / square if square > 0 else 1.0


def stored_bits(bits: int) -> int:
    """Bits that an integer of so many bits takes: Lucene packs those of up to 4 bits."""
    return bits if bits <= 4 else 8


@tile_kernel
def _quantize(
    vectors: FloatArray, centre: FloatArray, top: float, spread: float, integers: CodeArray, ends: FloatArray
) -> None:
    """The integers (n, d), 0 to top, and the ends (n, 2) of vectors (n, d)."""
    n, d = vectors.shape
    y = np.empty(d, np.float32)
    for i in range(n):
        for j in range(d):
            y[j] = vectors[i, j] - centre[j]
        low, high = _refined(y, top, spread)
        ends[i, 0], ends[i, 1] = low, high
        step = (high - low) / np.float32(top)
        for j in range(d):
            clipped = min(max(y[j], low), high)
            integers[i, j] = np.uint8(np.floor(np.float64((clipped - low) / step) + 0.5)) if step != 0 else 0


@row_kernel
def _refined(y: FloatArray, top: float, spread: float) -> tuple[np.float32, np.float32]:
    """The ends of the grid of y (d,). Levels are rounded as Elasticsearch rounds them; sums are in float64."""
    low, high, square = _initial(y, spread)
    if square == 0 or np.isinf(np.float32((1 - _LAMBDA) / square)) or low == high:
        return low, high
    loss = _loss(y, low, high, top, square)
    for _ in range(_ROUNDS):
        new_low, new_high, found = _best_ends(y, low, high, top, (1 - _LAMBDA) / square)
        if not found or (abs(new_low - low) < _SETTLED and abs(new_high - high) < _SETTLED):
            break
        new_loss = _loss(y, new_low, new_high, top, square)
        if new_loss > loss:
            break
        low, high, loss = new_low, new_high, new_loss
    return low, high


@row_kernel
def _initial(y: FloatArray, spread: float) -> tuple[np.float32, np.float32, float]:
    """The ends μ ∓ spread·σ within the range of y (d,), and ‖y‖²."""
    mean, square, variance = 0.0, 0.0, 0.0
    least = most = y[0]
    for j in range(y.size):
        value = np.float64(y[j])
        mean += value
        square += value * value
        least, most = min(least, y[j]), max(most, y[j])
    mean /= y.size
    for j in range(y.size):
        variance += (np.float64(y[j]) - mean) ** 2
    reach = spread * np.sqrt(variance / y.size)
    low = min(max(mean - reach, np.float64(least)), np.float64(most))
    high = min(max(mean + reach, np.float64(least)), np.float64(most))
    return np.float32(low), np.float32(high), square


@row_kernel
def _level(value: np.float32, low: np.float32, high: np.float32, steps: np.float32) -> float:
    """The integer of a value on a grid with so many steps in a unit, from a product in float32, halves rounded up."""
    level: float = np.floor(np.float64((min(max(value, low), high) - low) * steps) + 0.5)
    return level


@row_kernel
def _best_ends(
    y: FloatArray, low: np.float32, high: np.float32, top: float, weight: float
) -> tuple[np.float32, np.float32, bool]:
    """The ends with the least loss for the integers that y (d,) has between low and high, and whether they exist."""
    steps = np.float32(top) / (high - low) if high != low else np.float32(0)
    aa, ae, ee, ya, ye = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(y.size):
        value = np.float64(y[j])
        s = _level(y[j], low, high, steps) / top
        r = 1.0 - s
        aa += r * r
        ae += r * s
        ee += s * s
        ya += value * r
        ye += value * s
    m0 = weight * ya * ya + _LAMBDA * aa
    m1 = weight * ya * ye + _LAMBDA * ae
    m2 = weight * ye * ye + _LAMBDA * ee
    determinant = m0 * m2 - m1 * m1
    if determinant == 0:
        return low, high, False
    return np.float32((m2 * ya - m1 * ye) / determinant), np.float32((m0 * ye - m1 * ya) / determinant), True


@row_kernel
def _loss(y: FloatArray, low: np.float32, high: np.float32, top: float, square: float) -> float:
    """(1 − λ)⟨y, y − ŷ⟩²/‖y‖² + λ‖y − ŷ‖²."""
    step = (high - low) / np.float32(top)
    steps = np.float32(1) / step if step != 0 else np.float32(0)
    along, error = 0.0, 0.0
    for j in range(y.size):
        value = np.float64(y[j])
        off = value - (np.float64(low) + np.float64(step) * _level(y[j], low, high, steps))
        along += value * off
        error += off * off
    return (1 - _LAMBDA) * along * along / square + _LAMBDA * error


@tile_kernel
def _expand(integers: CodeArray, ends: FloatArray, top: int, out: FloatArray) -> None:
    """out = a + l·k, for integers (n, d) and ends (n, 2)."""
    n, d = integers.shape
    for i in range(n):
        low = ends[i, 0]
        step = (ends[i, 1] - low) / np.float32(top)
        for j in range(d):
            out[i, j] = low + step * np.float32(integers[i, j])


@tile_kernel
def _pack(integers: CodeArray, bits: int, codes: CodeArray) -> None:
    n = integers.shape[0]
    for i in range(n):
        pack_row(integers[i], bits, codes[i])


@tile_kernel
def _unpack(codes: CodeArray, bits: int, integers: CodeArray) -> None:
    n = integers.shape[0]
    for i in range(n):
        unpack_row(codes[i], bits, integers[i])
