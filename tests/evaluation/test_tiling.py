"""The grid: every row once, tiles whole, whatever the batch and the range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.tiling import TILE_ROWS, Pass, block_rows, tiles

N = 3 * TILE_ROWS + 17
BASE = ArraySource(np.arange(1, N + 1, dtype=np.float32)[:, None])


@settings(deadline=None)
@given(st.tuples(st.integers(0, N), st.integers(0, N)).filter(lambda span: span[0] != span[1]), st.integers(1, 2 * N))
def test_every_row_is_inside_once_and_tiles_are_whole(span: tuple[int, int], batch_size: int) -> None:
    start, stop = sorted(span)
    done: list[int] = []
    seen = []
    for tile in tiles(BASE, "l2", Pass(start, stop, batch_size, done.append)):
        assert tile.first % TILE_ROWS == 0
        assert len(tile.vectors) == min(TILE_ROWS, N - tile.first)
        assert tile.vectors[0, 0] == tile.first + 1
        seen.append(tile.vectors[tile.inside, 0])
    np.testing.assert_array_equal(np.concatenate(seen), np.arange(start + 1, stop + 1))
    assert done == sorted(done)
    assert done[-1] == stop - start


@given(st.integers(1, 10**9))
def test_a_block_is_the_batch_rounded_up_to_whole_tiles(batch_size: int) -> None:
    rows = block_rows(batch_size)
    assert rows % TILE_ROWS == 0
    assert batch_size <= rows < batch_size + TILE_ROWS


@pytest.mark.parametrize("span", [(0, N + 1), (-1, 5), (5, 5), (6, 5), (N, N), (N + 1, N + 5)])
def test_ranges_outside_the_base_are_refused(span: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="need 0 <= start < stop"):
        next(tiles(BASE, "l2", Pass(*span)))


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_of_no_rows_is_refused(batch_size: int) -> None:
    with pytest.raises(InputError, match="batch size"):
        next(tiles(BASE, "l2", Pass(batch_size=batch_size)))


def test_bad_rows_are_left_out_and_the_others_keep_their_numbers() -> None:
    rows = np.ones((TILE_ROWS + 9, 2), dtype=np.float32)
    for metric, value in (("l2", np.nan), ("cosine", 0)):
        rows[TILE_ROWS + 5] = value
        first, last = tiles(ArraySource(rows), metric, Pass(batch_size=100))
        assert (first.ids == np.arange(TILE_ROWS)).all() and first.left_out.count == 0
        assert (last.ids - TILE_ROWS).tolist() == [0, 1, 2, 3, 4, 6, 7, 8] and last.vectors.all()
        assert (last.left_out.count, last.left_out.first) == (1, TILE_ROWS + 5)
        cut = list(tiles(ArraySource(rows), metric, Pass(TILE_ROWS + 4, TILE_ROWS + 7, batch_size=100)))[-1]
        assert cut.ids[cut.inside].tolist() == [TILE_ROWS + 4, TILE_ROWS + 6] and cut.left_out.count == 1
    assert len(list(tiles(ArraySource(rows), "ip", Pass(batch_size=100)))[1].vectors) == 9
