"""Compilation of all kernels: cached on disk, with rounding exactly as written.

The compiler must not reorder sums or fuse products into them: it would do so by the width of the registers, and codes
would depend on the processor. `sums.dot` and `sums.fma` use one order everywhere.
"""

from numba import njit

ROWS_PER_TASK = 64
"""Rows per parallel task; each task allocates its scratch once."""

row_kernel = njit(cache=True, nogil=True)
"""Compile a function that other kernels call, for one row."""

rows_kernel = njit(cache=True, parallel=True)
"""Compile a function that loops over blocks of ROWS_PER_TASK rows with prange."""

tile_kernel = row_kernel
"""Compile a function that loops over rows on one thread; `in_tiles` runs it on several."""
