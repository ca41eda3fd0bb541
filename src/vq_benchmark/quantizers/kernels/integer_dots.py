"""Exact inner products of packed integers and coded queries, for 32 rows at once, in LLVM's vector instructions.

The sums are integers, so they are the same on every processor; only which instructions add them differs:
AVX-512 VNNI, AVX2, or whatever LLVM makes of plain vector code.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

from vq_benchmark.quantizers.kernels.vector_ir import INDEX, array_data, index, loop, spread

ROWS = 32
"""Rows of a block."""
QUERIES = 8
"""Queries that `byte_dots` multiplies with a block in one pass over it."""
PLANES = 4
"""Bits of the queries of `plane_dots`."""
MOST_LEVEL = 127
"""Largest level: two products with an int8 then fit into 16 bits, as AVX2 adds them."""
CHUNK_BYTES, CHUNK_BITS = 128, 32
"""Of a chunk: bytes, and bits of each of its rows."""
_HALVES, _LANES = 2, 16
_AHEAD = 1 << 13
"""Bytes from what is read to what is prefetched for a single query."""
_CHAINS = 4
"""Sums that a single query keeps of the same rows, because one addition waits for the one before."""
_I8, _I16, _I32 = (ir.IntType(bits) for bits in (8, 16, 32))
_BYTES, _WORDS = ir.VectorType(_I8, 4 * _LANES), ir.VectorType(_I32, _LANES)


def chunks_of(columns: int, bits: int) -> int:
    """Chunks of a block of `byte_dots` with so many integers in a row."""
    return -(-columns * bits // CHUNK_BITS)


def words_of(columns: int) -> int:
    """Words of a row of bits in a block of `plane_dots`."""
    return -(-columns // 64)


@intrinsic(prefer_literal=True)
def byte_dots(
    context: Any,
    codes: Any,
    codes_at: Any,
    levels: Any,
    queries: Any,
    queries_at: Any,
    chunks: Any,
    sums: Any,
    bits: Any,
    count: Any,
    is_uniform: Any,
) -> Any:
    """sums[q·32 + r] = Σ_j queries[q, j]·levels[integer j of row r], for the 32 rows of a block.

    codes: uint8, the block at codes_at: `chunks` of 64 bytes for rows 0 to 15 and 64 for rows 16 to 31. Byte 4r + k
        of them holds coordinate 4(8/bits·chunk + s) + k of row r in its bits from s·bits on.
    levels: (16,) uint8 up to 127; not read if is_uniform, where the integers are the levels.
    queries: (q, chunks·32/bits) int8, from row queries_at on, `count` rows.
    bits: 1, 2, 4 or 8, count: 1 or 8, is_uniform: literals.
    """
    for literal in (bits, count, is_uniform):
        if not isinstance(literal, types.Literal):
            raise TypingError("bits, count and is_uniform must be literals")
    shape = (bits.literal_value, count.literal_value, bool(is_uniform.literal_value))
    at = types.intp
    return types.void(codes, at, levels, queries, at, at, sums, bits, count, is_uniform), _byte_dots(*shape)


def _byte_dots(bits: int, count: int, is_uniform: bool) -> Callable[..., Any]:
    slots = 8 // bits
    chains = _CHAINS if count == 1 else 1

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        features = str(context.codegen()._tm_features)
        data = {
            name: array_data(context, builder, signature.args[place], arguments[place])[0]
            for name, place in (("codes", 0), ("levels", 2), ("queries", 3), ("sums", 6))
        }
        codes_at, queries_at, chunks = arguments[1], arguments[4], arguments[5]
        block = builder.gep(data["codes"], [codes_at])
        stride = builder.mul(chunks, index(4 * slots))
        table = None if is_uniform else _table(builder, data["levels"])
        together = count if "+avx512f" in features else min(count, 2)  # what the registers hold

        def rows_of(first: int) -> list[Any]:
            return [
                builder.gep(data["queries"], [builder.mul(builder.add(queries_at, index(first + q)), stride)])
                for q in range(together)
            ]

        for first in range(0, count, together):
            rows = rows_of(first)

            def step(c: Any, totals: list[Any], rows: list[Any] = rows) -> list[Any]:
                totals = list(totals)
                packed = [
                    _vector(builder, block, builder.add(builder.mul(c, index(128)), index(64 * half)), _WORDS)
                    for half in range(_HALVES)
                ]
                if count == 1:
                    _prefetch(builder, block, builder.mul(c, index(128)))
                for slot in range(slots):
                    values = [_integers(builder, word, slot * bits, bits) for word in packed]
                    if table is not None:
                        values = [_look_up(builder, table, value, features) for value in values]
                    quad = builder.add(builder.mul(c, index(4 * slots)), index(4 * slot))
                    for q, row in enumerate(rows):
                        four = builder.load(builder.bitcast(builder.gep(row, [quad]), _I32.as_pointer()), align=1)
                        query = builder.bitcast(spread(builder, four, _LANES), _BYTES)
                        for half in range(_HALVES):
                            place = (q * _HALVES + half) * chains + slot % chains
                            totals[place] = _add_products(builder, totals[place], values[half], query, features)
                return totals

            zero = ir.Constant(_WORDS, None)
            totals = loop(builder, chunks, [zero] * (together * _HALVES * chains), step)
            for place in range(together * _HALVES):
                total = totals[place * chains]
                for chain in range(1, chains):
                    total = builder.add(total, totals[place * chains + chain])
                _store(builder, total, data["sums"], index(first * ROWS + place * _LANES))
        return context.get_dummy_value()

    return code


@intrinsic
def plane_dots(context: Any, codes: Any, codes_at: Any, planes: Any, query: Any, words: Any, sums: Any) -> Any:
    """sums[r] = Σ_p 2^p·|bits of row r that plane p of the query has too|, for the 32 rows of a block.

    codes: uint64, the block at codes_at: `words` times one word of each of its 32 rows.
    planes: (q, words, 4) uint64, contiguous; query: the row of it.
    sums: (≥ 32,) int32.
    """
    at = types.intp
    return types.void(codes, at, planes, at, at, sums), _plane_dots


def _plane_dots(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    lanes = 8
    kind = ir.VectorType(INDEX, lanes)
    codes, planes, sums = (
        array_data(context, builder, signature.args[place], arguments[place])[0] for place in (0, 2, 5)
    )
    block = builder.gep(codes, [arguments[1]])
    words = arguments[4]
    row = builder.gep(planes, [builder.mul(arguments[3], builder.mul(words, index(PLANES)))])
    popcount = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind]), f"llvm.ctpop.v{lanes}i64"
    )

    def step(w: Any, totals: list[Any]) -> list[Any]:
        added = []
        wanted = [
            spread(
                builder, builder.load(builder.gep(row, [builder.add(builder.mul(w, index(PLANES)), index(p))])), lanes
            )
            for p in range(PLANES)
        ]
        for part in range(ROWS // lanes):
            bits = _vector(builder, block, builder.add(builder.mul(w, index(ROWS)), index(part * lanes)), kind, 8)
            for p in range(PLANES):
                both = builder.call(popcount, [builder.and_(bits, wanted[p])])
                added.append(builder.add(totals[part * PLANES + p], both))
        return added

    totals = loop(builder, words, [ir.Constant(kind, None)] * (ROWS // lanes * PLANES), step)
    for part in range(ROWS // lanes):
        total = totals[part * PLANES]
        for p in range(1, PLANES):
            weighted = builder.shl(totals[part * PLANES + p], ir.Constant(kind, [p] * lanes))
            total = builder.add(total, weighted)
        _store(builder, builder.trunc(total, ir.VectorType(_I32, lanes)), sums, index(part * lanes))
    return context.get_dummy_value()


def _prefetch(builder: Any, base: Any, at: Any) -> None:
    """Ask for the chunk that is read some blocks later: processors do not prefetch beyond a page of memory."""
    bits = ir.IntType(32)
    pointer = base.type
    kind = ir.FunctionType(ir.VoidType(), [pointer, bits, bits, bits])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    for line in range(0, CHUNK_BYTES, 64):
        place = builder.gep(base, [builder.add(at, index(_AHEAD + line))])
        builder.call(function, [place, *(bits(value) for value in (0, 3, 1))])


def _vector(builder: Any, base: Any, at: Any, kind: Any, align: int = 1) -> Any:
    return builder.load(builder.bitcast(builder.gep(base, [at]), kind.as_pointer()), align=align)


def _store(builder: Any, vector: Any, base: Any, at: Any) -> None:
    builder.store(vector, builder.bitcast(builder.gep(base, [at]), vector.type.as_pointer()), align=4)


def _integers(builder: Any, words: Any, first: int, bits: int) -> Any:
    """The integers in the bits from `first` on of each byte of 32-bit words, as bytes."""
    if first:
        words = builder.lshr(words, ir.Constant(_WORDS, [first] * _LANES))
    values = builder.bitcast(words, _BYTES)
    return values if bits == 8 else builder.and_(values, ir.Constant(_BYTES, [(1 << bits) - 1] * _BYTES.count))


def _table(builder: Any, levels: Any) -> Any:
    """The 16 levels, four times."""
    sixteen = ir.VectorType(_I8, 16)
    return _shuffled(builder, _vector(builder, levels, index(0), sixteen), list(range(16)) * 4)


def _shuffled(builder: Any, vector: Any, places: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(_I32, len(places)), places)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _in_halves(builder: Any, work: Callable[..., Any], *vectors: Any) -> Any:
    """What work makes of the lower and of the upper halves of vectors, side by side."""
    found = [
        work(
            *(
                _shuffled(builder, v, list(range(first * v.type.count // 2, (first + 1) * v.type.count // 2)))
                for v in vectors
            )
        )
        for first in range(2)
    ]
    both = ir.Constant(ir.VectorType(_I32, 2 * found[0].type.count), list(range(2 * found[0].type.count)))
    return builder.shuffle_vector(*found, both)


def _look_up(builder: Any, table: Any, values: Any, features: str) -> Any:
    """The entry below 16 of each byte, in the table of its 16 bytes."""
    if "+avx512bw" in features:
        return _call(builder, "llvm.x86.avx512.pshuf.b.512", _BYTES, table, values)
    if "+avx2" in features:
        half = ir.VectorType(_I8, _BYTES.count // 2)
        return _in_halves(builder, lambda t, v: _call(builder, "llvm.x86.avx2.pshuf.b", half, t, v), table, values)
    entries = [_shuffled(builder, table, [entry] * _BYTES.count) for entry in range(16)]
    for bit in range(4):
        is_set = builder.icmp_unsigned(
            "!=", builder.and_(values, ir.Constant(_BYTES, [1 << bit] * _BYTES.count)), ir.Constant(_BYTES, None)
        )
        entries = [builder.select(is_set, high, low) for low, high in zip(entries[::2], entries[1::2], strict=True)]
    return entries[0]


def _add_products(builder: Any, total: Any, values: Any, query: Any, features: str) -> Any:
    """total plus the sums of four products of bytes up to 127 and signed bytes."""
    if "+avx512vnni" in features:
        kind = _BYTES if llvmlite.binding.llvm_version_info[0] >= 22 else _WORDS
        values, query = (builder.bitcast(vector, kind) for vector in (values, query))
        return _call(builder, "llvm.x86.avx512.vpdpbusd.512", _WORDS, total, values, query)
    if "+avx2" in features:
        return builder.add(total, _in_halves(builder, lambda *pair: _avx2_products(builder, *pair), values, query))
    pairs = ir.VectorType(_I16, _BYTES.count // 2)
    values, query = (builder.bitcast(vector, pairs) for vector in (values, query))
    eight = ir.Constant(pairs, [8] * pairs.count)
    low = builder.mul(
        builder.and_(values, ir.Constant(pairs, [255] * pairs.count)), builder.ashr(builder.shl(query, eight), eight)
    )
    high = builder.mul(builder.lshr(values, eight), builder.ashr(query, eight))
    two = builder.bitcast(builder.add(low, high), _WORDS)
    sixteen = ir.Constant(_WORDS, [16] * _LANES)
    return builder.add(
        total, builder.add(builder.ashr(builder.shl(two, sixteen), sixteen), builder.ashr(two, sixteen))
    )


def _avx2_products(builder: Any, values: Any, query: Any) -> Any:
    pairs, words = ir.VectorType(_I16, values.type.count // 2), ir.VectorType(_I32, values.type.count // 4)
    two = _call(builder, "llvm.x86.avx2.pmadd.ub.sw", pairs, values, query)
    return _call(builder, "llvm.x86.avx2.pmadd.wd", words, two, ir.Constant(pairs, [1] * pairs.count))
