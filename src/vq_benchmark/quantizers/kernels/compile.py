"""How all kernels are compiled: cached on disk, and rounded as they are written.

The compiler may not reorder sums or fuse products with them, for it would do so by the width of the registers, and a
code would depend on the processor. `sums.dot` and `sums.fma` do it in one order everywhere.
"""

from numba import njit

ROWS_PER_TASK = 64
"""Rows that one parallel task takes; each task allocates its scratch once."""

row_kernel = njit(cache=True, nogil=True)
"""Compile a function that other kernels call, for one row."""

rows_kernel = njit(cache=True, parallel=True)
"""Compile a function that loops over blocks of ROWS_PER_TASK rows with prange."""

tile_kernel = row_kernel
"""Compile a function that loops over rows on one thread; `in_tiles` gives it work on several."""
