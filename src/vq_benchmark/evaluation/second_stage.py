"""Vectors as a second stage of a search stores them, to score the candidates of the first stage again."""

from typing import Literal

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.methods.int8 import Int8

Rerank = Literal["exact", "float16", "int8"]
"""What the second stage scores with: the vectors themselves, or what it decodes from a code of them."""


def second_stage_vectors(vectors: FloatArray, rerank: Rerank) -> FloatArray:
    """What the second stage decodes from its code of vectors (n, d) float32: (n, d) float32, each row by itself.

    `float16` rounds each number to half precision; `int8` is the method of that name, one scale per vector.

    Raises:
        InputError: a number is too large for float16.
    """
    if rerank == "exact":
        return vectors
    if rerank == "int8":
        code = Int8().fit(vectors[:1])  # which learns nothing
        return code.decode(code.encode(vectors))
    with np.errstate(over="ignore"):
        rounded = vectors.astype(np.float16)
    if np.isinf(rounded).any():
        raise InputError(
            f"--rerank float16 cannot hold the number {vectors[np.isinf(rounded)][0]:.4g}; its largest is "
            f"{np.finfo(np.float16).max:g}. Use --rerank int8 or exact."
        )
    return rounded.astype(np.float32)
