"""Integers as planes of bytes: all lowest bytes first. Equal high bytes lie together, so that they compress."""

import numpy as np

from vq_benchmark.arrays import Array, IdArray

BYTES = 8


def to_planes(numbers: IdArray) -> Array:
    """(8, *shape) uint8 bytes of int64 numbers of any shape, lowest byte first."""
    flat = np.ascontiguousarray(numbers, dtype="<i8").reshape(-1, 1).view(np.uint8)
    return np.ascontiguousarray(flat.T).reshape(BYTES, *numbers.shape)


def from_planes(planes: Array) -> IdArray:
    """The int64 numbers that `to_planes` was given.

    Raises:
        ValueError: these are not eight planes of bytes.
    """
    if planes.dtype != np.uint8 or planes.ndim < 1 or len(planes) != BYTES:
        raise ValueError(f"planes of shape {planes.shape} of {planes.dtype} are not the bytes of int64 numbers")
    numbers = np.ascontiguousarray(planes.reshape(BYTES, -1).T).view("<i8")
    return numbers.reshape(planes.shape[1:]).astype(np.int64)
