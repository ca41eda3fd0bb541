"""Scans of trellis codes: tables of windows decode a path to bytes, once for many queries."""

from typing import NamedTuple

import numpy as np

from vq_benchmark.arrays import Array, CodeArray, FloatArray, IdArray
from vq_benchmark.quantizers.kernels.block_scores import add_segment_scores, any_above
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.integer_dots import QUERIES, ROWS, byte_dots
from vq_benchmark.quantizers.kernels.scan_blocks import Best, keep_best

_MOST_MEMORY = 12
"""Bits of the longest state."""
_BLOCKS = 16
"""Blocks that are decoded at once: few enough to stay in the second-level cache while all queries meet them."""


class PathTables(NamedTuple):
    """How the segments of a path become quads, four levels each, as bytes up to 127."""

    quads: IdArray
    """(segments + 1,) the quads at which segments begin, and the end; the last quad of a segment may be padded."""
    sizes: IdArray
    """(segments,) levels."""
    bits: IdArray
    """(segments,) bits of one look-up."""
    levels: IdArray
    """(segments,) levels of one look-up: 1, 2 or 4."""
    windows: IdArray
    """(segments,) bits of the path that decide them."""
    starts: IdArray
    """(segments,) where the table of a segment begins in `tables`."""
    tables: Array
    """uint32: the levels of each window, the first in the lowest byte."""


@row_kernel
def decode_path(code: CodeArray, tables: PathTables, bits: int, block: Array, r: int) -> None:
    """block[quad·32 + r] for all quads of one code, a closed path of so many bits; block uint32."""
    read = np.uint64(0)
    for at in range(max(0, bits - _MOST_MEMORY), bits):
        read = (read << np.uint64(1)) | np.uint64((code[at >> 3] >> (7 - (at & 7))) & 1)
    byte, ahead = 0, 0
    for s in range(tables.sizes.size):
        need, count = tables.bits[s], tables.levels[s]
        mask = (np.uint64(1) << np.uint64(tables.windows[s])) - np.uint64(1)
        table = tables.tables[tables.starts[s] :]
        quad, filled, value = tables.quads[s], 0, np.uint32(0)
        for _ in range(0, tables.sizes[s], count):
            while ahead < need:
                read = (read << np.uint64(8)) | np.uint64(code[byte])
                byte += 1
                ahead += 8
            ahead -= need
            found = table[(read >> np.uint64(ahead)) & mask]
            value |= np.uint32(found << np.uint32(8 * filled))
            filled += count
            if filled == 4:
                block[quad * ROWS + r] = value
                quad, filled, value = quad + 1, 0, np.uint32(0)
        if filled:
            block[quad * ROWS + r] = value


@tile_kernel
def decode_block(codes: CodeArray, side: int, tables: PathTables, bits: int, block: Array) -> None:
    """The quads of up to 32 codes as `byte_dots` reads them with bits = 8; paths follow `side` bytes of a code.

    block (quads·32,) uint32.
    """
    for r in range(codes.shape[0]):
        decode_path(codes[r, side:], tables, bits, block, r)


@tile_kernel
def scan_paths(
    codes: CodeArray,
    side: int,
    tables: PathTables,
    bits: int,
    slopes: FloatArray,
    offsets: FloatArray,
    queries: Array,
    terms: FloatArray,
    best: Best,
) -> None:
    """Offer all codes (n, bytes), as `decode_block` reads them, to each query.

    The score is Σ_s slopes[s, i]·(terms[q, s, 0]·I + terms[q, s, 1]) + offset, I the integer product in segment s.
    slopes (segments, ≥ n) and offsets (≥ n,) are padded to blocks of 32 rows; queries is flat int8: for each segment
    in turn, (q padded to a multiple of 8, 4·quads).
    """
    n, count = codes.shape[0], terms.shape[0]
    padded = (count + QUERIES - 1) // QUERIES * QUERIES
    size = tables.quads[-1] * ROWS
    decoded = np.zeros(_BLOCKS * size, np.uint32)
    for first in range(0, n, _BLOCKS * ROWS):
        blocks = (min(n - first, _BLOCKS * ROWS) + ROWS - 1) // ROWS
        for b in range(blocks):
            row = first + b * ROWS
            decode_block(codes[row : min(n, row + ROWS)], side, tables, bits, decoded[b * size : (b + 1) * size])
        _offer_decoded(decoded, size, first, blocks, n, tables, slopes, offsets, queries, padded, terms, best)


@row_kernel
def _offer_decoded(
    decoded: Array,
    size: int,
    first: int,
    blocks: int,
    n: int,
    tables: PathTables,
    slopes: FloatArray,
    offsets: FloatArray,
    queries: Array,
    padded: int,
    terms: FloatArray,
    best: Best,
) -> None:
    count = terms.shape[0]
    together = 1 if count == 1 else QUERIES
    levels = decoded.view(np.uint8)
    last = best.scores.shape[1] - 1
    sums = np.empty(QUERIES * ROWS, np.int32)
    scores = np.empty((QUERIES, ROWS), np.float32)
    for q in range(0, count, QUERIES):
        for b in range(blocks):
            row = first + b * ROWS
            for i in range(together):
                scores[i] = offsets[row : row + ROWS]
            for s in range(tables.sizes.size):
                start, width = tables.quads[s], tables.quads[s + 1] - tables.quads[s]
                of_segment = queries[4 * padded * start :]
                at = 4 * (b * size + start * ROWS)
                if count == 1:
                    byte_dots(levels, at, levels, of_segment, q, width, sums, 8, 1, True)
                else:
                    byte_dots(levels, at, levels, of_segment, q, width, sums, 8, 8, True)
                for i in range(min(together, count - q)):
                    step, shift = terms[q + i, s, 0], terms[q + i, s, 1]
                    add_segment_scores(sums, i * ROWS, slopes, s * offsets.size + row, step, shift, scores, i * ROWS)
            for i in range(min(together, count - q)):
                if any_above(scores, i * ROWS, best.scores[q + i, last]):
                    keep_best(scores[i], min(ROWS, n - row), row, best, q + i)
