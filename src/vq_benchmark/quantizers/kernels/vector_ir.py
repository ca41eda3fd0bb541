"""Loops in LLVM's vector instructions, for sums that must keep the order in which they are written.

LLVM splits vectors that are longer than the processor's into shorter ones, with the same result. `llvm.fma`
multiplies and adds with one rounding on every processor. So nothing here depends on the width of the registers,
unlike loops that the compiler vectorises.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError

INDEX = ir.IntType(64)
_LANE = ir.IntType(32)


def index(value: int) -> ir.Constant:
    """An array index."""
    return ir.Constant(INDEX, value)


def require_contiguous(*arrays: Any) -> None:
    """Raise TypingError unless these numba types are of contiguous float32 or float64 arrays."""
    for array in arrays:
        is_real = isinstance(array, types.Array) and array.dtype in (types.float32, types.float64)
        if not (is_real and array.layout == "C"):
            raise TypingError(f"needs a C-contiguous array of real numbers, not {array}")


def array_data(context: Any, builder: Any, array: Any, value: Any) -> tuple[Any, Any]:
    """The pointer to the first element of an array of that numba type and value, and its number of elements."""
    found = context.make_array(array)(context, builder, value)
    return found.data, found.nitems


def load(builder: Any, base: Any, at: Any, lanes: int, element: Any) -> Any:
    """base[at : at + lanes] as a vector of the LLVM type `element`, to which float32 numbers may be widened."""
    stored = base.type.pointee
    pointer = builder.bitcast(builder.gep(base, [at]), ir.VectorType(stored, lanes).as_pointer())
    vector = builder.load(pointer, align=_size(stored))
    return vector if stored == element else builder.fpext(vector, ir.VectorType(element, lanes))


def store(builder: Any, vector: Any, base: Any, at: Any) -> None:
    """base[at : at + lanes] = vector."""
    pointer = builder.bitcast(builder.gep(base, [at]), vector.type.as_pointer())
    builder.store(vector, pointer, align=_size(base.type.pointee))


def spread(builder: Any, scalar: Any, lanes: int) -> Any:
    """A vector with the scalar in all lanes."""
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_LANE, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_LANE, lanes), None))


def fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once, of scalars or vectors of one type."""
    kind = a.type
    element, lanes = (kind.element, f"v{kind.count}") if isinstance(kind, ir.VectorType) else (kind, "")
    name = f"llvm.fma.{lanes}f{8 * _size(element)}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
    return builder.call(function, [a, b, c])


def loop(builder: Any, count: Any, sums: Sequence[Any], body: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """The sums after body(i, sums) has replaced them for each i below count, which may be zero."""
    before = builder.block
    head, inside, after = (builder.append_basic_block(name) for name in ("head", "inside", "after"))
    builder.branch(head)
    builder.position_at_end(head)
    i = builder.phi(INDEX)
    i.add_incoming(index(0), before)
    current = [builder.phi(value.type) for value in sums]
    for phi, value in zip(current, sums, strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_signed("<", i, count), inside, after)
    builder.position_at_end(inside)
    following = body(i, list(current))
    i.add_incoming(builder.add(i, index(1)), builder.block)
    for phi, value in zip(current, following, strict=True):
        phi.add_incoming(value, builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    return list(current)


def add_lanes(builder: Any, vector: Any) -> Any:
    """The sum of the lanes, a power of two of them: the upper half is added to the lower one until one is left."""
    lanes = vector.type.count
    while lanes > 1:
        lanes //= 2
        undefined = ir.Constant(vector.type, ir.Undefined)
        halves = [
            builder.shuffle_vector(
                vector,
                undefined,
                ir.Constant(ir.VectorType(_LANE, lanes), [ir.Constant(_LANE, first + k) for k in range(lanes)]),
            )
            for first in (0, lanes)
        ]
        vector = builder.fadd(*halves)
    return builder.extract_element(vector, ir.Constant(_LANE, 0))


def _size(element: Any) -> int:
    return 8 if isinstance(element, ir.DoubleType) else 4
