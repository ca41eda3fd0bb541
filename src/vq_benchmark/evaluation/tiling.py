"""The global grid of tiles on which every pass walks, whatever its batch size or chunk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from vq_benchmark.arrays import FloatArray, pieces
from vq_benchmark.datasets.checks import check_numbered_rows
from vq_benchmark.datasets.dataset import Metric
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.content import ContentDigest, rows_digest

TILE_ROWS = 4096
"""Rows are processed in tiles of this size, counted from row 0 of the base."""
DEFAULT_BATCH_SIZE = 16_384

OnBlock = Callable[[int], None]
"""Called after each block that was read, with the number of rows of the pass that are finished."""

Found = TypeVar("Found")
AfterBlock = Callable[[int, Callable[[], Found]], None]
"""Called after each block with the next row, and with a function that copies what was found in all rows before it.

Nothing is copied unless that function is called. The copy merges with what is found in the other rows."""


@dataclass(frozen=True)
class Tile:
    """One tile of the grid; where a pass cuts it, it is read whole and counted in part."""

    first: int
    """Row number of the tile's first row."""
    vectors: FloatArray
    """(rows, d) all rows of the tile."""
    inside: slice
    """Those of its rows that belong to the pass."""
    digest: int
    """Of these: see `content`."""


def block_rows(batch_size: int) -> int:
    """The batch size in rows, rounded up to whole tiles."""
    if batch_size < 1:
        raise InputError(f"the batch size is {batch_size}, it must be at least 1.")
    return -(-batch_size // TILE_ROWS) * TILE_ROWS


def whole_tiles(start: int, stop: int, n: int) -> tuple[int, int]:
    """The rows of all tiles that rows [start, stop) of n touch."""
    return start // TILE_ROWS * TILE_ROWS, min(n, -(-stop // TILE_ROWS) * TILE_ROWS)


def content_digest(
    base: VectorSource, start: int, stop: int, metric: Metric, batch_size: int, on_block: OnBlock | None = None
) -> ContentDigest:
    """The digest of rows [start, stop), in one pass; arguments and errors are those of `tiles`."""
    content = ContentDigest()
    for tile in tiles(base, start, stop, metric, batch_size, on_block):
        content.add(tile.first // TILE_ROWS, tile.digest)
    return content


def tiles(
    base: VectorSource, start: int, stop: int, metric: Metric, batch_size: int, on_block: OnBlock | None = None
) -> Iterator[Tile]:
    """The tiles that rows [start, stop) touch, read in blocks of `batch_size` rows (rounded up to whole tiles).

    Raises:
        InputError: the range is not within the base, or a row is not finite, or zero under cosine.
    """
    if not 0 <= start < stop <= base.n:
        raise InputError(f"rows {start} to {stop} are not a range within the {base.n} base vectors.")
    step = block_rows(batch_size)
    aligned_start, aligned_stop = whole_tiles(start, stop, base.n)
    for block_start in range(aligned_start // step * step, aligned_stop, step):
        first = max(block_start, aligned_start)
        block = base.read(first, min(block_start + step, aligned_stop))
        check_numbered_rows(block, base.rows_in_file(np.arange(first, first + len(block))), metric)
        last = first + len(block)
        for part in pieces(len(block), TILE_ROWS):
            tile = first + part.start
            inside = slice(max(start - tile, 0), min(stop - tile, part.stop - part.start))
            vectors = block[part].copy()  # whoever keeps a tile must not keep its whole block
            yield Tile(tile, vectors, inside, rows_digest(vectors[inside], tile + inside.start))
        del block  # before the next is read
        if on_block is not None:
            on_block(min(last, stop) - start)
