"""An index of packed codes that is searched with coded queries: integer sums propose rows, float scores order them.

One bit meets queries of 4 bits, more bits meet queries of 8, coded as `--query-bits` codes them. Sums are exact, so a
scan ranks as the measurement with those `query_bits` does, up to the rounding of levels (`Steps`) and of float32. Of
each query, the best few rows are scored again by the method's own path with float queries.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

import numpy as np

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray, IdArray, pieces
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.kernels.compile import tile_kernel
from vq_benchmark.quantizers.kernels.integer_dots import (
    CHUNK_BITS,
    CHUNK_BYTES,
    PLANES,
    QUERIES,
    ROWS,
    chunks_of,
    words_of,
)
from vq_benchmark.quantizers.kernels.scan_blocks import (
    Best,
    RowFactors,
    pack_bits,
    pack_blocks,
    planes_of,
    scan_bytes,
    scan_planes,
)
from vq_benchmark.quantizers.kernels.scan_paths import scan_paths
from vq_benchmark.quantizers.kernels.sums import dot64
from vq_benchmark.quantizers.kernels.tiles import TILE_ROWS, in_tiles, threads
from vq_benchmark.quantizers.parts.query_levels import range_integers
from vq_benchmark.quantizers.scans.path_code import PathScan
from vq_benchmark.quantizers.scans.scan_code import ScanCode

CANDIDATES = {4: 4, 8: 2}
"""Rows that are scored again for each neighbour, by the bits of the queries."""
_TILE_QUERIES = 128
"""Queries that pass over all codes together on one thread."""


class CodedQueries:
    """Queries as k − 2^(bits−1) of `range_integers`, and what turns integer sums into scores."""

    def __init__(self, projected: FloatArray, weights: Array | None, bits: int) -> None:
        weighted = np.ascontiguousarray(projected if weights is None else projected * weights, np.float32)
        low, step, integers = range_integers(weighted, bits)
        self.integers: CodeArray = integers.astype(np.uint8)
        """(q, e) uint8."""
        sums = low[:, 0] * weighted.shape[1] + step[:, 0] * integers.sum(axis=1)
        self.terms: FloatArray = np.column_stack([step[:, 0], low[:, 0], sums]).astype(np.float32)
        """(q, 3): s, m, and the sum of the decoded query."""


class CodeIndex(ABC):
    """The codes of a fitted model. A scan proposes rows, and the model's own path scores them again."""

    name: str
    """What reports call it."""
    candidates: int
    """Rows that are scored again for each neighbour."""

    def __init__(self, quantizer: Quantizer, distance: str, rows: int) -> None:
        self._quantizer, self._distance = quantizer, distance
        self._codes = np.empty((rows, quantizer.code_bytes), np.uint8)
        self._ids: IdArray | None = None
        self.ntotal = 0

    def add(self, codes: CodeArray) -> None:
        """Append codes (n, code_bytes), at most the rows that were announced in all."""
        rows = slice(self.ntotal, self.ntotal + len(codes))
        self._codes[rows] = codes
        for tile in pieces(len(codes), TILE_ROWS):
            self._fill(codes[tile], rows.start + tile.start)
        self.ntotal = rows.stop

    def finish(self, ids: IdArray | None = None) -> Self:
        """The index, whose rows have these ids (ntotal,), or their places if None."""
        self._ids = ids
        return self

    def search(self, queries: FloatArray, k: int) -> tuple[FloatArray, IdArray]:
        """The k best rows of each query (q, d) by the method's estimates: scores (q, k), the highest first, and ids.

        Scores are inner products, less half the squared norm under l2. Ties go to the row that was added first.
        """
        k = min(k, self.ntotal)
        projected = np.ascontiguousarray(self._quantizer.project_queries(queries), np.float32)
        found = self.scan(projected, min(self.candidates * k, self.ntotal))
        scores = self._scored_again(projected, found.ids)
        order = np.lexsort((found.ids, -scores))[:, :k]
        places = np.take_along_axis(found.ids, order, 1)
        ids = places if self._ids is None else self._ids[places]
        return np.take_along_axis(scores, order, 1).astype(np.float32), ids

    def scan(self, projected: FloatArray, count: int) -> Best:
        """The `count` best places of each projected query (q, ≥ e) by coded queries, without scoring them again."""
        shape = (len(projected), count)
        best = Best(np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int64))
        scan = self._scan_of(projected)
        rows = max(_TILE_QUERIES, -(-len(projected) // threads() // QUERIES) * QUERIES)
        in_tiles(len(projected), lambda tile: scan(tile, Best(best.scores[tile], best.ids[tile])), rows)
        return best

    @abstractmethod
    def _fill(self, codes: CodeArray, first: int) -> None:
        """Fill the rows from `first` on."""

    @abstractmethod
    def _scan_of(self, projected: FloatArray) -> Callable[[slice, Best], None]:
        """The scan of a slice of projected queries, which begins at a multiple of 8."""

    def _scored_again(self, projected: FloatArray, places: IdArray) -> DoubleArray:
        """The scores (q, R) of rows by the method's own path, with float queries."""
        codes = self._codes[places.ravel()]
        scores = np.empty(places.shape)
        _score(projected, self._quantizer.decode_for_scores(codes), scores)
        if self._distance == "l2":
            scores -= self._quantizer.squared_norms(codes).reshape(places.shape) / 2
        return scores


class ScanIndex(CodeIndex):
    """The codes of a fitted model, twice: in blocks of 32 rows for the scan, and as they are, to be scored again."""

    def __init__(self, quantizer: Quantizer, code: ScanCode, distance: str, rows: int) -> None:
        super().__init__(quantizer, distance, rows)
        self._code, self._steps = code, code.steps
        self._slot = 4 if code.bits == 3 else code.bits
        self._query_bits = PLANES if code.bits == 1 else 8
        self.candidates = CANDIDATES[self._query_bits]
        blocks = -(-rows // ROWS)
        self._blocks = self._empty_blocks(blocks)
        self._factors = np.zeros((4, blocks * ROWS), np.float32)

    @property
    def name(self) -> str:  # type: ignore[override]
        if self._query_bits == PLANES:
            return "scan (bit planes, 4-bit queries)"
        rounded = "" if self._steps.is_uniform else ", levels rounded to 7 bits"
        return f"scan ({self._code.bits}-bit codes, 8-bit queries{rounded})"

    def _empty_blocks(self, blocks: int) -> Array:
        if self._query_bits == PLANES:
            return np.zeros((blocks, ROWS * words_of(self._code.columns)), np.uint64)
        return np.zeros((blocks, chunks_of(self._code.columns, self._slot) * CHUNK_BYTES), np.uint8)

    def _fill(self, codes: CodeArray, first: int) -> None:
        """Fill the rows from `first` on."""
        read, steps = self._code.read(codes), self._steps
        integers = np.ascontiguousarray(read.integers, np.uint8)
        if self._query_bits == PLANES:
            pack_bits(integers, first, self._blocks)
        else:
            pack_blocks(integers, self._slot, first, self._blocks)
        scales = np.asarray(read.scales, np.float64)
        slopes = scales * steps.step
        factors = self._factors[:, first : first + len(codes)]
        factors[0] = slopes
        factors[1] = slopes * steps.integers[integers].sum(axis=1, dtype=np.int64)
        factors[2] = scales * steps.low + read.shifts
        factors[3] = read.offsets - (self._quantizer.squared_norms(codes) / 2 if self._distance == "l2" else 0)

    def _scan_of(self, projected: FloatArray) -> Callable[[slice, Best], None]:
        coded = CodedQueries(projected[:, : self._code.columns], self._code.weights, self._query_bits)
        factors = RowFactors(*self._factors.reshape(4, -1, ROWS))
        return self._plane_scan(coded, factors) if self._query_bits == PLANES else self._byte_scan(coded, factors)

    def _byte_scan(self, coded: CodedQueries, factors: RowFactors) -> Callable[[slice, Best], None]:
        """The scan of a slice of queries of 8 bits, which begins at a multiple of 8."""
        steps = self._steps
        queries = signed_queries(
            coded.integers, chunks_of(self._code.columns, self._slot) * (CHUNK_BITS // self._slot)
        )
        terms = coded.terms.copy()
        terms[:, 1] += np.float32(1 << (self._query_bits - 1)) * terms[:, 0]  # integers are less by that much

        def scan(tile: slice, best: Best) -> None:
            padded = queries[tile.start : -(-tile.stop // QUERIES) * QUERIES]
            scan_bytes(
                self._blocks, self._slot, steps.integers, steps.is_uniform, factors, self.ntotal, 0, padded,
                terms[tile], best,
            )  # fmt: skip

        return scan

    def _plane_scan(self, coded: CodedQueries, factors: RowFactors) -> Callable[[slice, Best], None]:
        """The scan of a slice of queries of 4 bits."""
        planes = np.zeros((len(coded.integers), words_of(self._code.columns), PLANES), np.uint64)
        planes_of(coded.integers, planes)

        def scan(tile: slice, best: Best) -> None:
            scan_planes(self._blocks, factors, self.ntotal, 0, planes[tile], coded.terms[tile], best)

        return scan


class PathIndex(CodeIndex):
    """The codes of a fitted trellis model, decoded at each search, and four bytes for each segment of a row."""

    name = "scan (table of the window, levels rounded to 7 bits, 8-bit queries)"
    candidates = CANDIDATES[8]

    def __init__(self, quantizer: Quantizer, code: PathScan, distance: str, rows: int) -> None:
        super().__init__(quantizer, distance, rows)
        self._code = code
        padded = -(-rows // ROWS) * ROWS
        self._slopes = np.zeros((len(code.code.rounded), padded), np.float32)
        self._offsets = np.zeros(padded, np.float32)

    def _fill(self, codes: CodeArray, first: int) -> None:
        rows = slice(first, first + len(codes))
        radii, offsets = self._code.read(codes)
        for s, levels in enumerate(self._code.code.levels(codes, self._code.side)):
            lengths = np.sqrt(np.square(levels).sum(axis=1))
            scales = np.divide(radii[:, s], lengths, out=np.zeros(len(codes)), where=lengths > 0)
            self._slopes[s, rows] = scales * self._code.code.rounded[s].step
        self._offsets[rows] = offsets - (self._quantizer.squared_norms(codes) / 2 if self._distance == "l2" else 0)

    def _scan_of(self, projected: FloatArray) -> Callable[[slice, Best], None]:
        code, codes = self._code.code, self._codes[: self.ntotal]

        def scan(tile: slice, best: Best) -> None:
            coded, bits = code.coded(projected[tile]), code.paths.bits
            scan_paths(codes, self._code.side, code.tables, bits, self._slopes, self._offsets, *coded, best)

        return scan


def scan_index(quantizer: Quantizer, distance: str, rows: int) -> CodeIndex | None:
    """The empty index for up to `rows` rows of a fitted model; None if its codes are not scanned."""
    code = quantizer.scan_code()
    if isinstance(code, ScanCode):
        return ScanIndex(quantizer, code, distance, rows)
    return None if code is None else PathIndex(quantizer, code, distance, rows)


def signed_queries(integers: CodeArray, columns: int) -> Array:
    """Integers (q, e) uint8 less 128 as int8, (⌈q/8⌉·8, columns); zeros fill up rows and columns."""
    count, e = integers.shape
    out = np.zeros((-(-count // QUERIES) * QUERIES, columns), np.int8)
    out[:count, :e] = (integers.astype(np.int16) - 128).astype(np.int8)
    return out


@tile_kernel
def _score(projected: FloatArray, rows: FloatArray, scores: DoubleArray) -> None:
    count, candidates = scores.shape
    for q in range(count):
        for r in range(candidates):
            scores[q, r] = dot64(projected[q], rows[q * candidates + r])
