"""The scores of a block of 32 rows from integer products, in LLVM's vector instructions, and whether any is high.

Operations round one by one, in the order in which they are written.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from vq_benchmark.quantizers.kernels.integer_dots import ROWS
from vq_benchmark.quantizers.kernels.vector_ir import array_data, index, load, spread, store

_LANES = 16
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, _LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), _LANES)


@intrinsic
def linear_scores(
    context: Any,
    sums: Any,
    sums_at: Any,
    factors: Any,
    block: Any,
    terms: Any,
    query: Any,
    scores: Any,
    least: Any,
) -> Any:
    """scores[r] = sum·slope·s + total·t + shift·g + offset for 32 rows; whether any is above least.

    sums int32 from sums_at on; factors, a tuple of four float32 arrays (blocks, 32); terms (q, 3) float32: s, t, g.
    """
    at = types.intp
    signature = types.boolean(sums, at, factors, at, terms, at, scores, types.float32)
    return signature, _linear_scores


def _linear_scores(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    sums, terms, scores = (array_data(context, builder, signature.args[p], arguments[p])[0] for p in (0, 4, 6))
    columns = [
        array_data(context, builder, kind, builder.extract_value(arguments[2], place))[0]
        for place, kind in enumerate(signature.args[2].types)
    ]
    row = builder.mul(arguments[5], index(3))
    s, t, g = (_spread_at(builder, terms, builder.add(row, index(place))) for place in range(3))
    first = builder.mul(arguments[3], index(ROWS))
    found = []
    for part in range(0, ROWS, _LANES):
        at = builder.add(first, index(part))
        slope, total, shift, offset = (load(builder, column, at, _LANES, _FLOAT) for column in columns)
        score = builder.fmul(builder.fmul(_floats(builder, sums, builder.add(arguments[1], index(part))), slope), s)
        for column, factor in ((total, t), (shift, g)):
            score = builder.fadd(score, builder.fmul(column, factor))
        found.append(builder.fadd(score, offset))
        store(builder, found[-1], scores, index(part))
    return _any_above(builder, found, arguments[7])


@intrinsic
def add_segment_scores(
    context: Any, sums: Any, sums_at: Any, slopes: Any, slopes_at: Any, step: Any, shift: Any, scores: Any, at: Any
) -> Any:
    """scores[at + r] += slopes[slopes_at + r]·(sum·step + shift) for 32 rows; arrays are flat, scores float32."""
    place, number = types.intp, types.float32
    return types.void(sums, place, slopes, place, number, number, scores, place), _add_segment_scores


def _add_segment_scores(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    sums, slopes, scores = (array_data(context, builder, signature.args[p], arguments[p])[0] for p in (0, 2, 6))
    step, shift = (spread(builder, arguments[p], _LANES) for p in (4, 5))
    for part in range(0, ROWS, _LANES):
        slope = load(builder, slopes, builder.add(arguments[3], index(part)), _LANES, _FLOAT)
        product = builder.fmul(_floats(builder, sums, builder.add(arguments[1], index(part))), step)
        at = builder.add(arguments[7], index(part))
        added = builder.fmul(slope, builder.fadd(product, shift))
        store(builder, builder.fadd(load(builder, scores, at, _LANES, _FLOAT), added), scores, at)
    return context.get_dummy_value()


@intrinsic
def any_above(context: Any, scores: Any, at: Any, least: Any) -> Any:
    """Whether any of scores[at : at + 32] is above least; scores flat float32."""
    return types.boolean(scores, types.intp, types.float32), _any_above_code


def _any_above_code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    scores = array_data(context, builder, signature.args[0], arguments[0])[0]
    parts = [
        load(builder, scores, builder.add(arguments[1], index(part)), _LANES, _FLOAT)
        for part in range(0, ROWS, _LANES)
    ]
    return _any_above(builder, parts, arguments[2])


def _any_above(builder: Any, parts: list[Any], least: Any) -> Any:
    bound = spread(builder, least, _LANES)
    above = None
    for part in parts:
        compared = builder.fcmp_ordered(">", part, bound)
        above = compared if above is None else builder.or_(above, compared)
    bits = builder.bitcast(above, ir.IntType(_LANES))
    return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(_LANES), 0))


def _floats(builder: Any, sums: Any, at: Any) -> Any:
    pointer = builder.bitcast(builder.gep(sums, [at]), _INTEGERS.as_pointer())
    return builder.sitofp(builder.load(pointer, align=4), _VECTOR)


def _spread_at(builder: Any, base: Any, at: Any) -> Any:
    return spread(builder, builder.load(builder.gep(base, [at])), _LANES)
