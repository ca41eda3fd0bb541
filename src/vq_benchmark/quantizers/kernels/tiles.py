"""Rows in tiles on several threads: how all our own methods encode and decode.

Each thread takes the next tile and runs it through all steps while it is in the cache. The kernels are serial and
release the interpreter's lock. Unlike a parallel loop inside each kernel, this waits once per call and not once per
step, and it does not stall when another process takes one of the processors.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba

TILE_ROWS = 1024

_thread = threading.local()


def in_tiles(count: int, work: Callable[[slice], None], rows: int = TILE_ROWS) -> None:
    """Call work on slices of `rows` that cover range(count), on as many threads as numba may use.

    Tiles are the same whatever the number of threads. Called from within a tile, it stays on the thread of that
    tile.
    """
    tiles = [slice(start, min(start + rows, count)) for start in range(0, count, rows)]
    if getattr(_thread, "has_tile", False):
        for tile in tiles:
            work(tile)
        return

    def run(tile: slice) -> None:
        _thread.has_tile = True
        try:
            work(tile)
        finally:
            _thread.has_tile = False

    threads = min(numba.get_num_threads(), len(tiles))
    if threads <= 1:
        for tile in tiles:
            run(tile)
    else:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(run, tiles):  # raises what a tile raised
                pass
