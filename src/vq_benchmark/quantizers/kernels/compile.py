"""How all kernels are compiled: cached on disk, parallel over rows, sums in whatever order vectorises."""

from numba import njit

ROWS_PER_TASK = 64
"""Rows that one parallel task takes; each task allocates its scratch once."""

_SUMS = {"reassoc", "contract", "nsz"}  # not the rest of fast maths: infinities and NaN keep their meaning

row_kernel = njit(cache=True, fastmath=_SUMS, nogil=True)
"""Compile a function that other kernels call, for one row."""

rows_kernel = njit(cache=True, fastmath=_SUMS, parallel=True)
"""Compile a function that loops over blocks of ROWS_PER_TASK rows with prange."""

exact_rows_kernel = njit(cache=True, parallel=True)
"""Like rows_kernel, with sums and products rounded exactly as they are written."""

exact_kernel = njit(cache=True, nogil=True)
"""Compile a function whose sums must be made in the order they are written."""
