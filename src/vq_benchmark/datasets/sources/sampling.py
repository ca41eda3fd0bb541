"""Scattered rows of a source, and which rows a sample consists of."""

from collections.abc import Sequence

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.sources.vector_source import VectorSource


def take(source: VectorSource, rows: Sequence[int] | IdArray, *, gap: int = 64, keep: bool = True) -> FloatArray:
    """The given rows (any order, repeats allowed) as (len(rows), d) float32.

    Args:
        gap: rows at most this far apart are read in one range, so that a sample costs few reads and little memory.
        keep: whether the source may keep the rows on disk, because they will be needed again.
    """
    wanted, inverse = np.unique(np.asarray(rows, dtype=np.int64), return_inverse=True)
    out = source.gather(wanted, gap=gap, keep=keep)
    return out if len(inverse) == len(wanted) and np.all(np.diff(inverse) > 0) else out[inverse]


def sample_rows(n: int, size: int, seed: int) -> IdArray:
    """min(n, size) distinct row numbers below n, sorted, drawn by seed."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(n, size=min(n, size), replace=False)).astype(np.int64)
