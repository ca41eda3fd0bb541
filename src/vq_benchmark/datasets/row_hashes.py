"""Find equal rows by their hashes."""

from hashlib import blake2b

import numpy as np

from vq_benchmark.arrays import Array, FloatArray

HASH_BYTES = 8


def row_hashes(rows: FloatArray) -> Array:
    """(n,) uint64; equal rows have equal hashes, and -0 equals 0."""
    canonical = np.ascontiguousarray(rows + np.float32(0), dtype=np.float32)
    digests = b"".join(blake2b(row, digest_size=HASH_BYTES).digest() for row in canonical)
    return np.frombuffer(digests, dtype=np.uint64)


def repeats(hashes: Array) -> Array:
    """(n,) bool: which values also occur earlier."""
    order = np.argsort(hashes, kind="stable")
    found = np.zeros(len(hashes), dtype=bool)
    found[order[1:]] = hashes[order[1:]] == hashes[order[:-1]]
    return found
