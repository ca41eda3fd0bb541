"""Names for the array types that all floors share, and the pieces in which large arrays are processed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IdArray = npt.NDArray[np.int64]
CodeArray = npt.NDArray[np.uint8]

PIECE_ROWS = 256
"""Few enough rows that float64 copies of them fit in the cache and take negligible memory."""


def pieces(rows: int, size: int = PIECE_ROWS) -> Iterator[slice]:
    """Slices of at most `size` that cover range(rows) in order."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))
