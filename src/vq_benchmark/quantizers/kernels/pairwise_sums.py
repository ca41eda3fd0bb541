"""Squared distances in float64 that are added in numpy's order: the bits of ((a − b)²).sum() of float64 arrays.

numpy adds up to 128 numbers in eight lanes and halves longer rows (Higham, Accuracy and Stability of Numerical
Algorithms, 2002, section 4.2). Here a row is read once, and no array of differences exists.
"""

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from vq_benchmark.arrays import Array
from vq_benchmark.quantizers.kernels import vector_ir
from vq_benchmark.quantizers.kernels.compile import row_kernel

_LANES, _LEAF = 8, 128
DEPTH = 64
"""More sums than are open at once for rows of any length."""


@intrinsic
def _sum_of_lanes(context: Any, a: Any, b: Any, at: Any, count: Any) -> Any:
    """Σ (a_j − b_j)² over j in [at, at + count), count a multiple of 8, in eight lanes."""
    vector_ir.require_contiguous(a, b)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = [
            vector_ir.array_data(context, builder, array, value)[0]
            for array, value in zip(signature.args[:2], arguments[:2], strict=True)
        ]

        def add(step: Any, sums: list[Any]) -> list[Any]:
            place = builder.add(arguments[2], builder.mul(step, vector_ir.index(_LANES)))
            x, y = (vector_ir.load(builder, each, place, _LANES, ir.DoubleType()) for each in data)
            difference = builder.fsub(x, y)
            return [builder.fadd(sums[0], builder.fmul(difference, difference))]

        zero = ir.Constant(ir.VectorType(ir.DoubleType(), _LANES), None)
        steps = builder.udiv(arguments[3], vector_ir.index(_LANES))
        (lanes,) = vector_ir.loop(builder, steps, [zero], add)
        sums = [builder.extract_element(lanes, ir.Constant(ir.IntType(32), j)) for j in range(_LANES)]
        while len(sums) > 1:
            sums = [builder.fadd(*sums[i : i + 2]) for i in range(0, len(sums), 2)]
        return sums[0]

    return types.float64(a, b, types.intp, types.intp), code


@cache
def leaves(d: int) -> Array:
    """(leaves, 2) int64: how numpy adds d numbers: the size of each leaf, and how many sums end after it."""
    return np.array(_leaves(d), dtype=np.int64).reshape(-1, 2)


def _leaves(d: int) -> list[tuple[int, int]]:
    if d <= _LEAF:
        return [(d, 0)]
    half = d // 2 - d // 2 % _LANES
    *right, (size, ends) = _leaves(d - half)
    return [*_leaves(half), *right, (size, ends + 1)]


@row_kernel
def squared_distance(a: Any, b: Any, tree: Any, sums: Any) -> Any:
    """Σ (a_j − b_j)² of two contiguous float32 rows; `tree` is `leaves` of their length, sums (DEPTH,) is scratch."""
    start, depth = 0, 0
    for leaf in range(len(tree)):
        stop = start + tree[leaf, 0]
        whole = (stop - start) // _LANES * _LANES
        total = _sum_of_lanes(a, b, start, whole)
        for j in range(start + whole, stop):
            difference = np.float64(a[j]) - np.float64(b[j])
            total += difference * difference
        sums[depth] = total
        for _ in range(tree[leaf, 1]):
            depth -= 1
            sums[depth] += sums[depth + 1]
        start, depth = stop, depth + 1
    return sums[0]
