"""The Viterbi algorithm over a bit-shift trellis, for sixteen rows at a time, one in each lane of a vector.

A state is the last L bits of a bit stream. A step of k bits moves from state s to (s·2^k + u) mod 2^L and emits the
level, or the pair of levels, of the new state. No lane depends on another, and ties go to the lowest state, so a row
has the same path in any batch and on any processor.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from vq_benchmark.arrays import Array, FloatArray, IdArray
from vq_benchmark.quantizers.kernels import vector_ir
from vq_benchmark.quantizers.kernels.compile import row_kernel

LANES = 16
KINDS = ((1, 2), (1, 1), (3, 2), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1))
"""(bits, levels) of a step. The order is part of the codes of stored models."""

_BYTE, _FLOAT = ir.IntType(8), ir.FloatType()
_CACHE_LINE = 64


@intrinsic
def _step(context: Any, costs: Any, values: Any, book: Any, kind: Any, following: Any, choices: Any) -> Any:
    """Extend the best paths by one step of a kind, a place in KINDS; each kind has loops of its own.

    costs and following (2^L, LANES) float32: the least error of a path to each state, before and after the step.
    values (≥ levels of a step, LANES) float32: the coordinates to match. book (≥ levels·2^L,) float32: the levels of
    each state. choices (≥ 2^(L − bits), LANES) uint8: the high bits of the best state before, for each of its low
    L − bits.
    """
    signature = types.void(costs, values, book, types.int64, following, choices)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[3]
        arrays = [
            vector_ir.array_data(context, builder, array, value)
            for array, value in zip(signature.args, arguments, strict=True)
            if isinstance(array, types.Array)
        ]
        states = builder.udiv(arrays[0][1], vector_ir.index(LANES))
        for number, (bits, width) in enumerate(KINDS):
            with builder.if_then(builder.icmp_signed("==", kind, vector_ir.index(number))):
                _emit_step(builder, [data for data, _ in arrays], states, bits, width)
        return context.get_dummy_value()

    return signature, code


def _emit_step(builder: Any, data: list[Any], states: Any, bits: int, width: int) -> None:
    costs, values, book, following, choices = data
    branches, lanes = 1 << bits, vector_ir.index(LANES)
    rest = builder.lshr(states, vector_ir.index(bits))
    wanted = [vector_ir.load(builder, values, vector_ir.index(LANES * i), LANES, _FLOAT) for i in range(width)]

    def extend(low: Any, _: list[Any]) -> list[Any]:
        first = vector_ir.load(builder, costs, builder.mul(low, lanes), LANES, _FLOAT)

        def compare(i: Any, best: list[Any]) -> list[Any]:
            high = builder.add(i, vector_ir.index(1))
            state = builder.add(builder.mul(high, rest), low)
            cost = vector_ir.load(builder, costs, builder.mul(state, lanes), LANES, _FLOAT)
            less = builder.fcmp_ordered("<", cost, best[0])
            chosen = vector_ir.spread(builder, builder.trunc(high, _BYTE), LANES)
            return [builder.select(less, cost, best[0]), builder.select(less, chosen, best[1])]

        none = ir.Constant(ir.VectorType(_BYTE, LANES), None)
        least, choice = vector_ir.loop(builder, vector_ir.index(branches - 1), [first, none], compare)
        place = builder.gep(choices, [builder.mul(low, lanes)])
        builder.store(choice, builder.bitcast(place, choice.type.as_pointer()), align=1)

        def emit(i: Any, _: list[Any]) -> list[Any]:
            state = builder.add(builder.mul(low, vector_ir.index(branches)), i)
            total = least
            for place in range(width):
                at = builder.add(builder.mul(state, vector_ir.index(width)), vector_ir.index(place))
                level = vector_ir.spread(builder, builder.load(builder.gep(book, [at])), LANES)
                error = builder.fsub(wanted[place], level)
                total = builder.fadd(total, builder.fmul(error, error))
            vector_ir.store(builder, total, following, builder.mul(state, lanes))
            return []

        vector_ir.loop(builder, vector_ir.index(branches), [], emit)
        return []

    vector_ir.loop(builder, rest, [], extend)


@row_kernel
def aligned(rows: int) -> FloatArray:
    """(rows, LANES) float32, each row in one cache line: rows across two lines take twice as long to read."""
    memory = np.empty((rows + 1) * LANES, np.float32)
    skipped = (-memory.ctypes.data % _CACHE_LINE) // 4
    return memory[skipped : skipped + rows * LANES].reshape(rows, LANES)


@row_kernel
def best_path(
    values: FloatArray,
    kinds: IdArray,
    columns: IdArray,
    places: IdArray,
    books: FloatArray,
    starts: IdArray,
    ends: IdArray,
    costs: FloatArray,
    following: FloatArray,
    choices: Array,
    states: Array,
) -> None:
    """states (steps, LANES) int32 gets the path of least squared error for each lane.

    Args:
        values: (e, LANES) float32 coordinates.
        kinds: (steps,) places in KINDS.
        columns: (steps,) the first row of `values` that each step emits.
        places: (steps,) the row of `books` of each step.
        books: (·, 2·2^L) float32 levels, by state.
        starts: (LANES,) state before the first step; negative: any.
        ends: (LANES,) state after the last step; negative: the one with the least error.
        costs, following: scratch (2^L, LANES) float32.
        choices: scratch (steps, 2^(L − 1), LANES) uint8.
    """
    _start(starts, costs)
    for j in range(kinds.size):
        _step(costs, values[columns[j] :], books[places[j]], kinds[j], following, choices[j])
        costs, following = following, costs
    for lane in range(LANES):
        state = np.int64(ends[lane])
        if state < 0:
            state = np.argmin(costs[:, lane])
        for back in range(kinds.size):
            j = kinds.size - 1 - back
            states[j, lane] = state
            bits = KINDS[kinds[j]][0]
            low = state >> bits
            state = low | (np.int64(choices[j, low, lane]) * (costs.shape[0] >> bits))


@row_kernel
def _start(starts: IdArray, costs: FloatArray) -> None:
    for lane in range(LANES):
        known = starts[lane] >= 0
        costs[:, lane] = np.float32(np.inf) if known else np.float32(0)
        if known:
            costs[starts[lane], lane] = 0
