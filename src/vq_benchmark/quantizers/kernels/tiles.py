"""Rows in tiles on several threads: the way in which all our own methods encode and decode.

Each thread takes the next tile and runs it through all steps while it is in the cache. The kernels are serial and
release the GIL. Unlike a parallel loop inside each kernel, this waits once per call and not once per step, and it
does not stall when another process occupies one of the processors.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba

TILE_ROWS = 1024

_thread = threading.local()


def threads() -> int:
    """On how many threads `in_tiles` works at once: those that numba may use; one within a tile."""
    return 1 if getattr(_thread, "has_tile", False) else int(numba.get_num_threads())


def in_tiles(count: int, work: Callable[[slice], None], rows: int = TILE_ROWS) -> None:
    """Call work on slices of `rows` that cover range(count), on as many threads as numba may use.

    Tiles do not depend on the number of threads. A call from within a tile stays on the thread of that tile.
    """
    tiles = [slice(start, min(start + rows, count)) for start in range(0, count, rows)]
    if getattr(_thread, "has_tile", False):
        for tile in tiles:
            work(tile)
        return

    waiting = tiles[::-1]

    def run() -> None:
        _thread.has_tile = True
        try:
            while (tile := _popped(waiting)) is not None:
                work(tile)
        finally:
            waiting.clear()  # after an error nobody begins another tile
            _thread.has_tile = False

    workers = min(threads(), len(tiles))
    if workers <= 1:
        run()
        return
    with ThreadPoolExecutor(workers) as pool:
        try:
            for ended in [pool.submit(run) for _ in range(workers)]:
                ended.result()  # raises what a tile raised
        finally:
            waiting.clear()


def _popped(waiting: list[slice]) -> slice | None:
    """The next tile, which no other thread gets; None if there is none."""
    try:
        return waiting.pop()
    except IndexError:
        return None
