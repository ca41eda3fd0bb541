"""Inner products of float32 vectors in float64, added in one fixed order, so that every processor gets the same bits.

The product of two float32 numbers is exact in float64, so only the order of the additions can change a result. A
compiler that is free to choose it adds as many numbers at once as the registers of its processor hold.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
"""Sums kept side by side: element i belongs to sum i % LANES."""


@numba.njit(cache=True, forceinline=True)
def product(a: Any, b: Any) -> float:
    """Return ⟨a, b⟩ of two C-contiguous float32 vectors of equal length, as float64.

    Whole groups of LANES elements are added to LANES sums. These are added in a tree that folds the upper half onto
    the lower one. The remaining elements follow one by one.
    """
    total: float = _whole_groups(a, b)
    for i in range(a.shape[0] // LANES * LANES, a.shape[0]):
        total += np.float64(a[i]) * np.float64(b[i])
    return total


@numba.njit(cache=True, parallel=True)
def pair_products(a: Any, b: Any, rows_a: Any, rows_b: Any) -> Any:
    """Return (p,) float64 products of the rows a[rows_a[p]] and b[rows_b[p]] of two C-contiguous float32 matrices."""
    products = np.empty(len(rows_a))
    for pair in numba.prange(len(rows_a)):
        products[pair] = product(a[rows_a[pair]], b[rows_b[pair]])
    return products


@intrinsic
def _whole_groups(typing_context: Any, a: Any, b: Any) -> Any:
    """Sum over the whole groups, as operations on vectors of LANES numbers that LLVM splits to fit any processor."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        floats, doubles = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(ir.DoubleType(), LANES)
        arrays = [
            context.make_array(type_)(context, builder, value)
            for type_, value in zip(signature.args, arguments, strict=True)
        ]
        (length,) = cgutils.unpack_tuple(builder, arrays[0].shape)
        lanes = ir.Constant(length.type, LANES)
        sums = cgutils.alloca_once_value(builder, ir.Constant(doubles, None))
        with cgutils.for_range(builder, builder.sdiv(length, lanes)) as loop:
            factors = []
            for array in arrays:
                start = builder.gep(array.data, [builder.mul(loop.index, lanes)])
                group = builder.load(builder.bitcast(start, floats.as_pointer()), align=4)
                factors.append(builder.fpext(group, doubles))
            # A fused multiply-add gives the same bits, because the product is exact.
            products = builder.fmul(*factors, flags=["contract"])
            builder.store(builder.fadd(builder.load(sums), products, flags=["contract"]), sums)
        total, width = builder.load(sums), LANES
        while width > 1:
            width //= 2
            lower, upper = (_lanes(builder, total, range(first, first + width)) for first in (0, width))
            total = builder.fadd(lower, upper)
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    for type_ in (a, b):
        if (type_.dtype, type_.ndim, type_.layout) != (numba.types.float32, 1, "C"):
            raise numba.TypingError(f"{type_} is not a C-contiguous float32 vector")
    return numba.types.float64(a, b), generate


def _lanes(builder: Any, vector: Any, numbers: range) -> Any:
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), list(numbers))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)
