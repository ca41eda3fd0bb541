"""Scans of blocks of 32 rows: integer products, their scores in float32, and the best rows of every query.

A query's best rows are ordered by score, then by id, so they do not depend on how queries are divided among calls.
"""

from typing import NamedTuple

import numpy as np

from vq_benchmark.arrays import Array, CodeArray, FloatArray, IdArray
from vq_benchmark.quantizers.kernels.block_scores import linear_scores
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.integer_dots import PLANES, QUERIES, ROWS, byte_dots, plane_dots

_CACHED_BYTES = 1 << 18
"""Blocks that stay in the second-level cache while all queries meet them."""


class RowFactors(NamedTuple):
    """What scores need of each row beside its integers: score = product·(slope·s) + total·t + shift·G + offset.

    All (blocks, 32) float32; s, t and G are of the query.
    """

    slope: FloatArray
    total: FloatArray
    shift: FloatArray
    offset: FloatArray


class Best(NamedTuple):
    """The best rows of each query, the best first."""

    scores: FloatArray
    """(q, R) float32, −∞ where there is none."""
    ids: IdArray
    """(q, R) int64, −1 where there is none."""


@tile_kernel
def scan_bytes(
    codes: CodeArray,
    bits: int,
    levels: CodeArray,
    is_uniform: bool,
    factors: RowFactors,
    rows: int,
    first_id: int,
    queries: Array,
    terms: FloatArray,
    best: Best,
) -> None:
    """Offer `rows` rows of packed integers to each query.

    codes (blocks, bytes) and queries int8 as in `byte_dots`, padded to a multiple of 8 rows; terms (q, 3): s, t, G.
    """
    size = codes.shape[1]
    chunks = size // 128
    flat = codes.ravel()
    sums = np.empty(QUERIES * ROWS, np.int32)
    scores = np.empty(ROWS, np.float32)
    blocks = (rows + ROWS - 1) // ROWS
    together = max(1, _CACHED_BYTES // size)
    count = terms.shape[0]
    for start in range(0, blocks, together):
        for q in range(0, count, QUERIES):
            for block in range(start, min(start + together, blocks)):
                at = block * size
                if count == 1:
                    _one(flat, at, bits, levels, is_uniform, queries, chunks, sums)
                else:
                    _several(flat, at, bits, levels, is_uniform, queries, q, chunks, sums)
                for i in range(min(QUERIES, count - q)):
                    _offer(sums, i * ROWS, factors, block, rows, first_id, terms, best, q + i, scores)


@row_kernel
def _one(
    codes: CodeArray,
    at: int,
    bits: int,
    levels: CodeArray,
    is_uniform: bool,
    queries: Array,
    chunks: int,
    sums: Array,
) -> None:
    if bits == 1:
        byte_dots(codes, at, levels, queries, 0, chunks, sums, 1, 1, True)
    elif bits == 2:
        if is_uniform:
            byte_dots(codes, at, levels, queries, 0, chunks, sums, 2, 1, True)
        else:
            byte_dots(codes, at, levels, queries, 0, chunks, sums, 2, 1, False)
    elif bits == 4:
        if is_uniform:
            byte_dots(codes, at, levels, queries, 0, chunks, sums, 4, 1, True)
        else:
            byte_dots(codes, at, levels, queries, 0, chunks, sums, 4, 1, False)
    else:
        byte_dots(codes, at, levels, queries, 0, chunks, sums, 8, 1, True)


@row_kernel
def _several(
    codes: CodeArray,
    at: int,
    bits: int,
    levels: CodeArray,
    is_uniform: bool,
    queries: Array,
    q: int,
    chunks: int,
    sums: Array,
) -> None:
    if bits == 1:
        byte_dots(codes, at, levels, queries, q, chunks, sums, 1, 8, True)
    elif bits == 2:
        if is_uniform:
            byte_dots(codes, at, levels, queries, q, chunks, sums, 2, 8, True)
        else:
            byte_dots(codes, at, levels, queries, q, chunks, sums, 2, 8, False)
    elif bits == 4:
        if is_uniform:
            byte_dots(codes, at, levels, queries, q, chunks, sums, 4, 8, True)
        else:
            byte_dots(codes, at, levels, queries, q, chunks, sums, 4, 8, False)
    else:
        byte_dots(codes, at, levels, queries, q, chunks, sums, 8, 8, True)


@tile_kernel
def scan_planes(
    codes: Array,
    factors: RowFactors,
    rows: int,
    first_id: int,
    planes: Array,
    terms: FloatArray,
    best: Best,
) -> None:
    """Offer `rows` rows of bits to each query; codes (blocks, 32·words) uint64 and planes (q, words, 4) as in
    `plane_dots`, terms (q, 3): s, t, G."""
    words = planes.shape[1]
    size = words * ROWS
    flat = codes.ravel()
    sums = np.empty(ROWS, np.int32)
    scores = np.empty(ROWS, np.float32)
    blocks = (rows + ROWS - 1) // ROWS
    together = max(1, _CACHED_BYTES // (8 * size))
    for start in range(0, blocks, together):
        for q in range(terms.shape[0]):
            for block in range(start, min(start + together, blocks)):
                plane_dots(flat, block * size, planes, q, words, sums)
                _offer(sums, 0, factors, block, rows, first_id, terms, best, q, scores)


@row_kernel
def _offer(
    sums: Array,
    sums_at: int,
    factors: RowFactors,
    block: int,
    rows: int,
    first_id: int,
    terms: FloatArray,
    best: Best,
    q: int,
    scores: FloatArray,
) -> None:
    if linear_scores(sums, sums_at, factors, block, terms, q, scores, best.scores[q, best.scores.shape[1] - 1]):
        keep_best(scores, min(ROWS, rows - block * ROWS), first_id + block * ROWS, best, q)


@row_kernel
def keep_best(scores: FloatArray, rows: int, first_id: int, best: Best, q: int) -> None:
    """Offer scores (rows,) to query q; ids count from first_id, which rises from call to call."""
    last = best.scores.shape[1] - 1
    for r in range(rows):
        if scores[r] > best.scores[q, last]:
            _insert(best.scores[q], best.ids[q], scores[r], first_id + r)


@row_kernel
def _insert(scores: FloatArray, ids: IdArray, score: np.float32, number: int) -> None:
    """Put a row in its place; rows come in ascending order of id, so it follows those with the same score."""
    place = scores.size - 1
    while place > 0 and scores[place - 1] < score:
        scores[place], ids[place] = scores[place - 1], ids[place - 1]
        place -= 1
    scores[place], ids[place] = score, number


@tile_kernel
def pack_blocks(integers: CodeArray, bits: int, first: int, blocks: CodeArray) -> None:
    """Integers (n, e) uint8 below 2^bits into rows `first` on of zeroed blocks, as `byte_dots` reads them."""
    n, e = integers.shape
    slots = 8 // bits
    for i in range(n):
        block, r = blocks[(first + i) // ROWS], (first + i) % ROWS
        half, row = r // 16, r % 16
        for j in range(e):
            quad, k = j // 4, j % 4
            chunk, slot = quad // slots, quad % slots
            block[chunk * 128 + half * 64 + row * 4 + k] |= np.uint8(integers[i, j] << (slot * bits))


@tile_kernel
def pack_bits(integers: CodeArray, first: int, blocks: Array) -> None:
    """Bits (n, e) uint8 into rows `first` on of zeroed blocks of uint64, as `plane_dots` reads them."""
    n, e = integers.shape
    for i in range(n):
        block, r = blocks[(first + i) // ROWS], (first + i) % ROWS
        for j in range(e):
            block[(j // 64) * ROWS + r] |= np.uint64(integers[i, j]) << np.uint64(j % 64)


@tile_kernel
def planes_of(integers: CodeArray, planes: Array) -> None:
    """Integers (q, e) uint8 below 16 into planes (q, words, 4) uint64, zeroed."""
    count, e = integers.shape
    for i in range(count):
        for j in range(e):
            for p in range(PLANES):
                planes[i, j // 64, p] |= np.uint64((integers[i, j] >> p) & 1) << np.uint64(j % 64)
