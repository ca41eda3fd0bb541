"""Rows in tiles on several threads: how all our own methods encode and decode.

Each thread takes the next tile and runs it through all steps while it is in the cache. The kernels are serial and
release the interpreter's lock. Unlike a parallel loop inside each kernel, this waits once per call and not once per
step, and it does not stall when another process takes one of the processors.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numba
from threadpoolctl import ThreadpoolController

TILE_ROWS = 1024


def in_tiles(count: int, work: Callable[[slice], None]) -> None:
    """Call work on slices that cover range(count), on as many threads as numba may use.

    Tiles are the same whatever the number of threads. BLAS has one thread meanwhile, which is ours.
    """
    tiles = [slice(start, min(start + TILE_ROWS, count)) for start in range(0, count, TILE_ROWS)]
    threads = min(numba.get_num_threads(), len(tiles))
    with _libraries().limit(limits=1, user_api="blas"):
        if threads <= 1:
            for tile in tiles:
                work(tile)
        else:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(work, tiles):  # raises what a tile raised
                    pass


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
