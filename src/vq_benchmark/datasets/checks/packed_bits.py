"""Bits packed into bytes, as binary embeddings are stored: a byte is eight signs and not a number.

They are recognised by the two highest bits of the bytes of a sample. Packed signs are set half of the time and know
nothing of each other. In numbers around a centre one of the two bits determines most of the other, and numbers near
zero, such as SIFT, rarely have the highest bit.
"""

import re
from collections.abc import Iterable

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, FloatArray

NAMES = re.compile(r"(?<![a-z])u?binary(?![a-z])|packed|(?<![a-z])bits(?![a-z])", re.IGNORECASE)
MIN_ROWS, MIN_VALUES = 100, 2000
"""Fewer sampled rows or values say nothing."""
MIN_ENTROPY = 0.8
"""Bits: how uncertain the highest bit of packed signs is, at the least, on average over the columns."""
MAX_SHARED, MAX_SHARED_IF_NAMED = 0.06, 0.15
"""Bits: how much the two highest bits of packed signs tell about each other, at the most, without and with a name
that says so. In `sample` it is 0.003; scaled to int8 or uint8 it is 0.47."""


def packed_bits(rows: FloatArray, dtype: np.dtype[np.generic], names: Iterable[str]) -> str | None:
    """The sentence that these rows are packed bits, and what to do; None if they are numbers.

    Args:
        rows: a sample (n, d) of the vectors.
        dtype: the type in which they are stored; only integers can be packed bits.
        names: of the file and the column, which may say that they are binary.
    """
    rows = rows[np.isfinite(rows).all(axis=1)]
    n, d = rows.shape
    if dtype.kind not in "iu" or n < MIN_ROWS or n * d < MIN_VALUES:
        return None
    if rows.min() < (-128 if dtype.kind == "i" else 0) or rows.max() > (255 if rows.min() >= 0 else 127):
        return None
    values = rows.astype(np.int16).astype(np.uint8)
    high, next_to_it = values >> 7 & 1, values >> 6 & 1
    named = any(NAMES.search(name) for name in names)
    if _entropy(high).mean() < MIN_ENTROPY or _entropy(next_to_it).mean() < MIN_ENTROPY:
        return None
    if _shared(high, next_to_it).mean() > (MAX_SHARED_IF_NAMED if named else MAX_SHARED):
        return None
    byte = "(x.astype('int16') + 128).astype('uint8')" if rows.min() < 0 else "x.astype('uint8')"
    return (
        f"the vectors look like bits packed into bytes (binary embeddings: {d} bytes are {8 * d} bits), which l2, ip "
        f"and cosine cannot compare; unpack them with 2.0 * numpy.unpackbits({byte}, axis=1) - 1, or save them as "
        "float32 if the bytes are numbers."
    )


def _entropy(bits: Array) -> DoubleArray:
    """(d,) bits of uncertainty in each column of (n, d) zeros and ones."""
    share = bits.mean(axis=0, dtype=np.float64)
    return np.asarray(_terms(share) + _terms(1 - share))


def _shared(one: Array, other: Array) -> DoubleArray:
    """(d,) mutual information in bits between the same columns of two arrays (n, d) of zeros and ones."""
    joint = np.stack([((one == i) & (other == j)).mean(axis=0, dtype=np.float64) for i in (0, 1) for j in (0, 1)])
    return np.asarray(_entropy(one) + _entropy(other) - _terms(joint).sum(axis=0))


def _terms(shares: DoubleArray) -> DoubleArray:
    """-p log2 p, which is 0 for p = 0."""
    return np.asarray(-shares * np.log2(np.where(shares > 0, shares, 1)))
