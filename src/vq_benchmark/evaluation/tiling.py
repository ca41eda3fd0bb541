"""The global grid of tiles, and the pass that walks it, whatever its rows and its batch size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, FloatArray, IdArray, pieces
from vq_benchmark.datasets.checks.bad_rows import NOTHING_LEFT_OUT, LeftOut, require_few
from vq_benchmark.datasets.checks.unusable_rows import Magnitudes, check_scale
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.content import ContentDigest, RowFacts, row_facts, rows_digest, total_of
from vq_benchmark.evaluation.spans import Span, next_row
from vq_benchmark.quantizers.kernels.tiles import in_tiles

TILE_ROWS = 4096
"""Rows are processed in tiles of this size, counted from row 0 of the base."""
DEFAULT_BATCH_SIZE = 16_384

OnBlock = Callable[[int], None]
"""Called after each block with the number of rows that this pass has finished."""

Found = TypeVar("Found")
Part = TypeVar("Part")
AfterBlock = Callable[[int, Callable[[], Found]], None]
"""Called after each block with the next row, and with a function that copies what was found in all rows before it.

Nothing is copied unless that function is called. The copy merges with what is found in the other rows."""


@dataclass(frozen=True)
class Pass(Generic[Found]):
    """One pass over a base: which rows, how many at a time, what to resume from, what to call after each block.

    `Found` is what the pass returns, such as a `Measurement`. It depends on the rows only, not on the other fields.
    """

    start: int = 0
    """First row."""
    stop: int | None = None
    """Row after the last one; None: the end of the base."""
    batch_size: int = DEFAULT_BATCH_SIZE
    """Rows in memory at a time, rounded up to whole tiles."""
    on_block: OnBlock | None = None
    resume: Found | None = None
    """What an interrupted pass found in the first rows; this pass begins at the row after them."""
    after_block: AfterBlock[Found] | None = None

    def rows(self, n: int) -> Span:
        """The rows [start, stop) of a base of n rows, those that `resume` covers included."""
        return self.start, n if self.stop is None else self.stop

    def remaining(self, done: Span | None, n: int) -> Span:
        """The rows left once the rows `done` are finished; ValueError if the pass did not begin with them."""
        start, stop = self.rows(n)
        return (start if done is None else next_row(done, start, stop)), stop

    def over(self, rows: Span, whole: Callable[[Part], Found]) -> "Pass[Part]":
        """The same pass over `rows` only, without `resume`, for code that finds just a part of `Found`.

        `whole` completes a part to a `Found`, for `after_block`.
        """
        after_block = self.after_block
        if after_block is None:
            return Pass(*rows, self.batch_size, self.on_block)

        def after_part(row: int, copy: Callable[[], Part]) -> None:
            after_block(row, lambda: whole(copy()))

        return Pass(*rows, self.batch_size, self.on_block, after_block=after_part)


WHOLE_BASE: Pass[Any] = Pass()
"""All rows, in blocks of the default size, without hooks."""


@dataclass(frozen=True)
class Tile:
    """One tile of the grid. A tile that a pass cuts is read whole and counted in part."""

    first: int
    """Row number of the tile's first row."""
    stop: int
    """Row number after that of its last row."""
    vectors: FloatArray
    """(rows, d) all rows of the tile that can be measured; see `bad_rows`."""
    ids: IdArray
    """(rows,) int64 ascending row numbers of `vectors`."""
    inside: slice
    """Which of `vectors` belong to the pass."""
    squared_norms: DoubleArray
    """(rows,) float64 squared norms of `vectors`."""
    digest: int
    """Digest of the tile's rows that belong to the pass; see `content`."""
    left_out: LeftOut
    """Which of these rows cannot be measured."""

    def note(self, content: ContentDigest) -> None:
        """Add the rows of the pass to the digest of what it has read."""
        content.add(self.first // TILE_ROWS, self.digest, self.left_out)


def block_rows(batch_size: int) -> int:
    """The batch size in rows, rounded up to whole tiles."""
    if batch_size < 1:
        raise InputError(f"the batch size is {batch_size}; it must be at least 1.")
    return -(-batch_size // TILE_ROWS) * TILE_ROWS


def whole_tiles(start: int, stop: int, n: int) -> tuple[int, int]:
    """The rows of all tiles that overlap rows [start, stop) of a base of n rows."""
    return start // TILE_ROWS * TILE_ROWS, min(n, -(-stop // TILE_ROWS) * TILE_ROWS)


def content_digest(base: VectorSource, distance: Distance, pass_: Pass[Any] = WHOLE_BASE) -> ContentDigest:
    """The digest of the rows of a pass; errors are those of `tiles`."""
    content = ContentDigest()
    for tile in tiles(base, distance, pass_):
        tile.note(content)
    return content


def tiles(
    base: VectorSource,
    distance: Distance,
    pass_: Pass[Found] = WHOLE_BASE,
    copy: Callable[[int], Found] | None = None,
) -> Iterator[Tile]:
    """The tiles that overlap the rows of a pass, read in blocks; the hooks of the pass are called after each block.

    Args:
        pass_: its rows are walked from `start` to `stop`; the caller must skip those that `resume` covers.
        copy: `copy(row)` copies what the caller found in all rows before `row`; `pass_.after_block` needs it.

    Rows that cannot be measured are left out of the tiles.

    Raises:
        InputError: the rows are not within the base, more than 1 % of the base must be left out, or a row is too
            large or too small for float32.
    """
    start, stop = pass_.rows(base.n)
    if not 0 <= start < stop <= base.n:
        raise InputError(f"invalid rows {start} to {stop}: need 0 <= start < stop <= {base.n}.")
    step = block_rows(pass_.batch_size)
    aligned_start, aligned_stop = whole_tiles(start, stop, base.n)
    left_out = NOTHING_LEFT_OUT
    for block_start in range(aligned_start // step * step, aligned_stop, step):
        first = max(block_start, aligned_start)
        block = base.read(first, min(block_start + step, aligned_stop))
        facts = row_facts(block, first)
        numbers = base.rows_in_file(np.arange(first, first + len(block)))
        magnitudes = Magnitudes(facts.largest)
        bad = magnitudes.bad(distance)
        check_scale(magnitudes, numbers, distance)
        end = min(first + len(block), stop)
        for part in pieces(len(block), TILE_ROWS):
            tile = _tile(first + part.start, block[part], facts.part(part), bad[part], numbers[part], (start, stop))
            left_out += tile.left_out
            require_few(left_out, base.n, so_far=True)
            yield tile
        del block  # before the next is read
        if pass_.on_block is not None:
            pass_.on_block(end - start)
        if pass_.after_block is not None and copy is not None:
            pass_.after_block(end, partial(copy, end))


def _tile(first: int, rows: FloatArray, facts: RowFacts, bad: Array, numbers: IdArray, span: Span) -> Tile:
    """The tile of the rows (r, d) from row `first` on; `bad` (r,) of them are left out, `numbers` (r,) name them."""
    inside = slice(max(span[0] - first, 0), min(span[1] - first, len(rows)))
    stop, left_out = first + len(rows), LeftOut.of(rows[inside], numbers[inside], bad[inside])
    hashes, ids = facts.hashes, first + np.arange(len(rows))
    if not bad.any():
        digest = total_of(hashes[inside])
        return Tile(first, stop, _copied(rows), ids, inside, facts.squared_norms, digest, left_out)
    defined = rows.copy()
    defined[Magnitudes(facts.largest).non_finite] = np.nan  # the bits of an undefined value depend on the processor
    digest = rows_digest(defined[inside], first + inside.start)
    ids = ids[~bad]
    inside = slice(*np.searchsorted(ids, (first + inside.start, first + inside.stop)).tolist())
    return Tile(first, stop, rows[~bad], ids, inside, facts.squared_norms[~bad], digest, left_out)


def _copied(rows: FloatArray) -> FloatArray:
    """A copy (r, d), because whoever keeps a tile must not keep its whole block."""
    copy = np.empty(rows.shape, np.float32)
    in_tiles(len(rows), lambda part: np.copyto(copy[part], rows[part]))
    return copy
