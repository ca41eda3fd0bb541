"""RaBitQ by its authors' library, an external control for our own."""

from dataclasses import replace
from typing import Any, Literal, Self

import numba
import numpy as np
from pydantic import Field

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.errors import InfeasibleBudget, InputError
from vq_benchmark.machine.atomic_files import temporary_folder
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import largest_within
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_dots, row_squares, squared_length
from vq_benchmark.quantizers.parts.optional_dependency import missing_extra
from vq_benchmark.quantizers.parts.packing import pack, packed_bytes, unpack
from vq_benchmark.quantizers.parts.rotations import DenseRotation, seeded_generator

MULTIPLE = 64
"""Dimensions that the library packs together; it takes no fewer."""
MOST_DIMENSIONS = 4032
ERROR_BOUND = 1.9
"""ε₀ of the error bound that the library stores (RaBitQ, section 3.2.2)."""
BATCH = 32
"""Vectors whose sign bits the library interleaves."""
BATCH_ORDER = np.array([0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15])
HEADER_BYTES = 70
"""What an index of one cluster has before its rotation: `RABQIDX1`, a version, sizes, bits and metric."""


class RabitqlibParameters(Parameters):
    """Parameters of `rabitqlib`."""

    bits: int = Field(default=4, ge=1, le=8, description="Bits per dimension.")
    search: Literal["exact", "fast"] = Field(
        default="exact", description="exact: the best scale of each vector; fast: one scale for all vectors."
    )

    def check_dimension(self, d: int) -> None:
        if d > MOST_DIMENSIONS:
            raise InputError(f"rabitqlib takes at most {MOST_DIMENSIONS} dimensions, not {d}.")


class Rabitqlib(Quantizer):
    """The codes of the library's `IvfIndex` with one cluster, centred at the training mean.

    The Python package has no encoder, so vectors are added to an index and their codes are read from its file. A row
    holds what the file has for a vector: float32 factors (three, and two more from 2 bits up) and `bits` bits per
    dimension. Vectors are padded with zeros to a multiple of 64 dimensions, and the padding counts (without this,
    the library pads to a multiple of 32, in a different layout). Scores are those of the library's search without
    its rounding of queries. `decode` is the least-squares reconstruction; the length ‖x − c‖ it needs comes from the
    stored error bound. The seed determines the signs of the rotation; the library would draw new ones each time.
    """

    name = "rabitqlib"
    title = "Extended RaBitQ (the authors' library)"
    paper = (
        "Gao & Long: RaBitQ, SIGMOD 2024, arXiv 2405.12497; Gao et al.: Practical and asymptotically optimal "
        "quantization, SIGMOD 2025, arXiv 2409.09913; rabitqlib 0.7"
    )
    parameters_type = RabitqlibParameters
    unbiased_scores = True
    external = True

    @classmethod
    def unavailable(cls) -> str | None:
        return missing_extra("rabitqlib", "0.7")

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> RabitqlibParameters:
        """The budget counts the padding and the factors."""
        bits = largest_within(cls.name, bits_per_dim, d, range(1, 9), lambda bits: _code_bytes(d, bits))
        return RabitqlibParameters(bits=bits)

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> RabitqlibParameters:
        """The budget counts the padding."""
        bits = min(int(bits_per_dim * d / padded(d) + 1e-9), 8)
        if bits < 1:
            raise InfeasibleBudget(
                f"rabitqlib pads {d} dimensions to {padded(d)} and needs at least {padded(d) / d:.4g} bits per "
                f"dimension; the budget is {bits_per_dim:g}."
            )
        return RabitqlibParameters(bits=bits)

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        d = train.shape[1]
        signs = seeded_generator("rabitqlib", seed).integers(0, 256, padded(d) // 2, np.uint8)
        self.restore({"centre": train.mean(axis=0, dtype=np.float64).astype(np.float32), "signs": signs}, d)
        return self

    def footprint(self, n: int, d: int) -> Footprint:
        width = padded(d)
        found = replace(super().footprint(n, d), row=16 * width, score_columns=width + 2)
        return replace(found, model=8 * width**2, fitting=32 * width**2)

    def state(self) -> State:
        return {"centre": self._centre, "signs": self._signs}

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self._centre, self._signs = state["centre"], state["signs"]
        self._width = padded(d)
        self._factors = _factors(self.parameters.bits)
        self.code_bytes = _code_bytes(d, self.parameters.bits)
        self._zero = np.zeros(self._width, np.float32)
        self._rotation = DenseRotation(rotation_matrix(self._signs))
        self._rotated_centre = self._rotate(self._centre[None])[0]
        self._template = self._empty_index()

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        n = len(vectors)
        if n == 0:
            return np.empty((0, self.code_bytes), np.uint8)
        index = self.filled_index(vectors)
        with temporary_folder() as folder:
            path = folder / "index"
            index.save(str(path))
            integers, factors = read_index(np.fromfile(path, np.uint8), n + 1, self._width, self.parameters.bits)
        return np.hstack([factors[1:].view(np.uint8), pack(integers[1:], self.parameters.bits)])

    def filled_index(self, vectors: FloatArray) -> Any:
        """The library's index of the training mean, which is its row 0, and vectors (n, d), n ≥ 1."""
        from rabitqlib import IvfIndex

        with temporary_folder() as folder:
            path = folder / "index"
            path.write_bytes(self._template)
            index = IvfIndex.load(str(path))
        index.add(
            self._widened(vectors),
            np.zeros(len(vectors), np.uint32),
            num_threads=numba.get_num_threads(),
            fast_quantization=self.parameters.search == "fast",
        )
        return index

    def decode(self, codes: CodeArray) -> FloatArray:
        levels, scales, _, squares = self._read(codes)
        products = scales.astype(np.float64) * row_squares(levels)
        least_squares = np.divide(squares, products, out=np.zeros_like(squares), where=products > 0)
        rotated = levels * least_squares.astype(np.float32)[:, None] + self._rotated_centre
        return np.ascontiguousarray(self._rotation.inverse(rotated, self._zero)[:, : self.d])

    def decode_for_scores(self, codes: CodeArray) -> FloatArray:
        """[Sq, a, 1] with the library's scale S and its addend a."""
        levels, scales, addends, _ = self._read(codes)
        return np.column_stack([levels * scales[:, None], addends, np.ones_like(addends)])

    def project_queries(self, queries: FloatArray) -> FloatArray:
        """[PQ, 1, ⟨Q, c⟩]."""
        along_centre = row_dots(queries, self._centre).astype(np.float32)
        return np.column_stack([self._rotate(queries), np.ones(len(queries), np.float32), along_centre])

    def query_parts(self, columns: int) -> tuple[int, ...]:
        return (self.d,)

    def squared_norms(self, codes: CodeArray) -> DoubleArray:
        """‖x − c‖² + 2⟨x − c, c⟩ + ‖c‖²."""
        levels, scales, addends, squares = self._read(codes)
        along_code = row_dots(levels, self._rotated_centre)
        along_centre = addends + scales * along_code
        return np.asarray(squares + 2 * along_centre + squared_length(self._centre))

    def _read(self, codes: CodeArray) -> tuple[FloatArray, FloatArray, FloatArray, DoubleArray]:
        """Levels q (n, width), scales S, addends a of the score ⟨Q, c⟩ + a + S⟨PQ, q⟩, and ‖x − c‖² (n,)."""
        bits = self.parameters.bits
        factors = np.ascontiguousarray(codes[:, : 4 * self._factors]).view("<f4")
        integers = unpack(np.ascontiguousarray(codes[:, 4 * self._factors :]), self._width, bits)
        levels = integers.astype(np.float32) - np.float32((2**bits - 1) / 2)
        # Of the sign bits alone: multiplier = n²/⟨y, q⟩, error² = ε₀²(multiplier²·‖q‖² − n²)/(width − 1).
        multipliers, errors = factors[:, 1].astype(np.float64), factors[:, 2].astype(np.float64)
        squares = multipliers**2 * self._width / 4 - (errors / ERROR_BOUND) ** 2 * (self._width - 1)
        addends, scales = factors[:, -2:].T if bits > 1 else factors[:, :2].T
        return levels, -scales, 1 - addends, np.maximum(squares, 0)

    def _widened(self, vectors: FloatArray) -> FloatArray:
        return np.pad(vectors, ((0, 0), (0, self._width - self.d))) if self._width > self.d else vectors

    def _rotate(self, vectors: FloatArray) -> FloatArray:
        return self._rotation.forward(self._widened(vectors), self._zero)

    def _empty_index(self) -> bytes:
        """The file of an index of the centre alone, with our own signs in the rotation."""
        from rabitqlib import IvfIndex

        centre = self._widened(self._centre[None])
        index = IvfIndex(self._width, 1, 1, self.parameters.bits, "ip")
        index.build(centre, centre, np.zeros(1, np.uint32))
        with temporary_folder() as folder:
            path = folder / "index"
            index.save(str(path))
            file = bytearray(path.read_bytes())
        ours = self._signs.tobytes() + self._rotated_centre.tobytes()
        file[HEADER_BYTES : HEADER_BYTES + len(ours)] = ours
        return bytes(file)


def padded(d: int) -> int:
    """The dimensions of the codes."""
    return -(-d // MULTIPLE) * MULTIPLE


def _factors(bits: int) -> int:
    """The float32 numbers that the library stores beside a code."""
    return 3 if bits == 1 else 5


def _code_bytes(d: int, bits: int) -> int:
    return 4 * _factors(bits) + packed_bytes(padded(d), bits)


def rotation_matrix(signs: Array) -> FloatArray:
    """(2s, 2s) for s bytes of signs, a multiple of 32: the library's rotation.

    Four rounds of random signs, a Walsh–Hadamard transform of the first or the last dimensions, as many as the
    largest power of two, and, where these are not all, a butterfly between the two halves.
    """
    width = 2 * len(signs)
    size = 1 << (width.bit_length() - 1)
    rows = np.eye(width)
    for place, bits in enumerate(np.unpackbits(signs, bitorder="little").reshape(4, width)):
        rows *= 1 - 2.0 * bits
        part = slice(0, size) if place % 2 == 0 else slice(width - size, width)
        transformed, stride = rows[:, part], 1
        while stride < size:
            transformed = _butterflies(transformed, stride)
            stride *= 2
        rows[:, part] = transformed
        if size != width:
            rows = _butterflies(rows, width // 2)
    return np.ascontiguousarray(rows.T.astype(np.float32))


def _butterflies(rows: DoubleArray, stride: int) -> DoubleArray:
    """Orthonormal butterflies between elements of rows (n, d) that are `stride` apart; 2·stride divides d."""
    pairs = rows.reshape(len(rows), -1, 2, stride)
    first, second = pairs[:, :, 0], pairs[:, :, 1]
    return np.asarray(np.stack([first + second, first - second], axis=2).reshape(rows.shape) / np.sqrt(2))


def read_index(file: CodeArray, n: int, width: int, bits: int) -> tuple[Array, FloatArray]:
    """Integers (n, width) uint16 and factors (n, 3 or 5) float32 of the n vectors in an index file of one cluster."""
    batches = -(-n // BATCH)
    more = bits - 1
    sign_bytes, rest_bytes = BATCH * (width // 8 + 12), (width * more // 8 + 8) * (more > 0)
    start = HEADER_BYTES + width // 2 + 4 * width
    end = start + batches * sign_bytes
    if file[:8].tobytes() != b"RABQIDX1" or len(file) != end + n * (rest_bytes + 4):
        raise InputError("the installed rabitqlib writes an unknown index layout; install rabitqlib 0.7.")
    batch = file[start:end].reshape(batches, sign_bytes)
    signs = _sign_bits(batch[:, : BATCH * width // 8].reshape(batches, width // 8, 2, 16))[:n]
    factors = batch[:, BATCH * width // 8 :].copy().view("<f4").reshape(batches, 3, BATCH)
    factors = factors.transpose(0, 2, 1).reshape(-1, 3)[:n]
    if more == 0:
        return signs.astype(np.uint16), np.ascontiguousarray(factors)
    rest = file[end : end + n * rest_bytes].reshape(n, rest_bytes)
    integers = (signs.astype(np.uint16) << more) + _lower_bits(rest[:, :-8], more)
    return integers, np.hstack([factors, rest[:, -8:].copy().view("<f4")])


def _sign_bits(blocks: CodeArray) -> CodeArray:
    """(batches, bytes, 2, 16) interleaved nibbles -> (batches·32, 8·bytes): the first bit of each dimension."""
    high, low = blocks[:, :, 0], blocks[:, :, 1]
    rows = np.empty((len(blocks), BATCH, blocks.shape[1]), np.uint8)
    rows[:, BATCH_ORDER] = ((high & 15) << 4 | (low & 15)).transpose(0, 2, 1)
    rows[:, BATCH_ORDER + 16] = ((high & 240) | (low >> 4)).transpose(0, 2, 1)
    return np.unpackbits(rows.reshape(-1, blocks.shape[1]), axis=1)


def _lower_bits(packed: CodeArray, bits: int) -> CodeArray:
    """(n, width·bits/8) -> (n, width): the bits of each dimension after the first, 1 to 7 of them.

    The library packs 64 dimensions together, in four groups of 16: first the lower bits, 2, 4 or 6 of them, then an
    odd bit of all 64. One bit alone is in order; four alone are in groups of 8.
    """
    n = len(packed)
    if bits == 1:
        return np.unpackbits(packed, axis=1, bitorder="little")
    if bits == 4:
        eights = packed.reshape(n, -1, 1, 8)
        return np.concatenate([eights & 15, eights >> 4], axis=2).reshape(n, -1)
    blocks = packed.reshape(n, -1, 8 * bits)
    lower = bits - bits % 2
    sixteens = blocks[:, :, : 8 * lower].reshape(n, -1, lower // 2, 16)
    if lower == 2:
        groups = [sixteens[:, :, 0] >> shift & 3 for shift in (0, 2, 4, 6)]
    elif lower == 4:
        groups = [sixteens[:, :, i] >> shift & 15 for i in (0, 1) for shift in (0, 4)]
    else:
        groups = [sixteens[:, :, i] & 63 for i in range(3)]
        rest = sixteens >> 6
        groups.append(rest[:, :, 0] | rest[:, :, 1] << 2 | rest[:, :, 2] << 4)
    integers = np.stack(groups, axis=2).reshape(n, -1, 8, 8)
    if bits % 2:
        shifts = np.arange(8, dtype=np.uint8)[:, None]
        integers |= (blocks[:, :, None, 8 * lower :] >> shifts & 1) << lower
    return integers.reshape(n, -1)
