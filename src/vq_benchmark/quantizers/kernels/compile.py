"""How all kernels are compiled: cached on disk, parallel over rows, sums in whatever order vectorises."""

from numba import njit

ROWS_PER_TASK = 64
"""Rows that one parallel task takes; each task allocates its scratch once."""

_SUMS = {"reassoc", "contract", "nsz"}  # not the rest of fast maths: infinities and NaN keep their meaning

row_kernel = njit(cache=True, fastmath=_SUMS, nogil=True)
"""Compile a function that other kernels call, for one row."""

rows_kernel = njit(cache=True, fastmath=_SUMS, parallel=True)
"""Compile a function that loops over blocks of ROWS_PER_TASK rows with prange."""

tile_kernel = row_kernel
"""Compile a function that loops over rows on one thread; `in_tiles` gives it work on several."""

exact_kernel = njit(cache=True, nogil=True)
"""Compile a function whose sums and products must be rounded as they are written."""
