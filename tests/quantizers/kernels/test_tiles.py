"""Tiles: they cover every row once, whatever the threads, and pass errors on."""

import threading

import numba
import numpy as np
import pytest

from vq_benchmark.quantizers.kernels.tiles import in_tiles


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 105])
def test_every_row_is_in_one_tile(count: int) -> None:
    seen = np.zeros(count, np.int64)

    def work(tile: slice) -> None:
        assert tile.start % 10 == 0
        seen[tile] += 1

    in_tiles(count, work, 10)
    assert (seen == 1).all()


def test_the_error_of_a_tile_is_raised() -> None:
    def work(tile: slice) -> None:
        if tile.start == 30:
            raise ValueError("tile 30")

    with pytest.raises(ValueError, match="tile 30"):
        in_tiles(100, work, 10)
    in_tiles(100, lambda tile: None, 10)  # and the next call starts afresh


def test_no_tile_begins_after_an_error() -> None:
    begun: list[int] = []

    def work(tile: slice) -> None:
        begun.append(tile.start)
        raise ValueError(str(tile.start))

    with pytest.raises(ValueError, match=r"^\d+$"):
        in_tiles(10_000, work, 10)
    assert len(begun) <= numba.get_num_threads()


def test_tiles_within_a_tile_stay_on_its_thread() -> None:
    def outer(tile: slice) -> None:
        inner: set[int] = set()
        in_tiles(50, lambda _: inner.add(threading.get_ident()), 10)
        assert inner == {threading.get_ident()}

    in_tiles(50, outer, 10)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
def test_two_threads_work_at_once() -> None:
    barrier = threading.Barrier(2, timeout=30)
    threads = numba.get_num_threads()
    numba.set_num_threads(2)
    try:
        in_tiles(20, lambda _: barrier.wait() and None, 10)
    finally:
        numba.set_num_threads(threads)
