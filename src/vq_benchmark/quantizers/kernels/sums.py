"""Sums of products inside kernels, in one fixed order: the same bits on every processor.

Element j is added to lane j mod 32 by a fused multiply-add, the lanes are added in halves, and the elements after the
last whole 32 follow one by one.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from vq_benchmark.quantizers.kernels import vector_ir

_LANES = 32


@intrinsic
def dot(context: Any, a: Any, b: Any) -> Any:
    """Σ a_j·b_j for contiguous a and b, b at least as long as a: in float32 if both are, else in float64."""
    vector_ir.require_contiguous(a, b)
    total = types.float32 if a.dtype == b.dtype == types.float32 else types.float64
    return total(a, b), lambda *code: _dots(code, [(0, 1)], total)[0]


@intrinsic
def dot64(context: Any, a: Any, b: Any) -> Any:
    """The same in float64, whatever the types of the arrays."""
    vector_ir.require_contiguous(a, b)
    return types.float64(a, b), lambda *code: _dots(code, [(0, 1)], types.float64)[0]


@intrinsic
def dot_and_square(context: Any, a: Any, b: Any) -> Any:
    """(Σ a_j·b_j, Σ a_j²) in float32 for contiguous float32 arrays, b at least as long as a."""
    vector_ir.require_contiguous(a, b)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums = _dots((context, builder, signature, arguments), [(0, 1), (0, 0)], types.float32)
        return context.make_tuple(builder, signature.return_type, sums)

    return types.UniTuple(types.float32, 2)(a, b), code


@intrinsic
def fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once, for scalars of one type, float32 or float64."""
    if not (a == b == c and a in (types.float32, types.float64)):
        return None
    return a(a, b, c), lambda context, builder, signature, arguments: vector_ir.fma(builder, *arguments)


def _dots(code: tuple[Any, Any, Any, Any], pairs: Sequence[tuple[int, int]], total: Any) -> list[Any]:
    """Σ x_j·y_j of the type `total`, for pairs (x, y) of the two arrays, which are given by index.

    code is what numba passes to an intrinsic: context, builder, signature and arguments.
    """
    context, builder, signature, arguments = code
    element = ir.FloatType() if total == types.float32 else ir.DoubleType()
    (a_data, size), (b_data, _) = (
        vector_ir.array_data(context, builder, array, value)
        for array, value in zip(signature.args, arguments, strict=True)
    )

    def add(at: Any, lanes: int, sums: list[Any]) -> list[Any]:
        loaded = [vector_ir.load(builder, data, at, lanes, element) for data in (a_data, b_data)]
        return [vector_ir.fma(builder, loaded[x], loaded[y], s) for (x, y), s in zip(pairs, sums, strict=True)]

    zero = ir.Constant(ir.VectorType(element, _LANES), None)
    blocks = builder.udiv(size, vector_ir.index(_LANES))
    sums = vector_ir.loop(
        builder,
        blocks,
        [zero] * len(pairs),
        lambda i, sums: add(builder.mul(i, vector_ir.index(_LANES)), _LANES, sums),
    )
    whole = builder.mul(blocks, vector_ir.index(_LANES))
    one = ir.Constant(ir.IntType(32), 0)
    started = [
        builder.insert_element(
            ir.Constant(ir.VectorType(element, 1), ir.Undefined), vector_ir.add_lanes(builder, s), one
        )
        for s in sums
    ]
    sums = vector_ir.loop(
        builder, builder.sub(size, whole), started, lambda i, sums: add(builder.add(whole, i), 1, sums)
    )
    return [builder.extract_element(s, one) for s in sums]
