"""Offer the rows of a tile to the best candidates of each query: compiled, and its queries spread over the threads.

A float32 product proposes rows. The candidates are those that may be among the best R of what was kept and of the
tile, given how far the product may be off; only these are scored in float64, which decides.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from vq_benchmark.arrays import FloatArray
from vq_benchmark.machine.threads import one_blas_thread
from vq_benchmark.quantizers.kernels import vector_ir
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot64
from vq_benchmark.quantizers.kernels.tiles import in_tiles, threads

ROWS_PER_RUN = 64
"""Rows that are checked together before any of them is checked alone."""
ALL_ROWS = np.uint64(2**64 - 1)
MORE_CANDIDATES = 512
"""Candidates of a tile, beside as many as are kept, from which the best are chosen before more are collected."""


def products_of(queries: FloatArray, vectors: FloatArray) -> FloatArray:
    """(q, rows) float32 products of queries (q, e) and vectors (rows, e), split by rows among the threads."""
    products = np.empty((len(queries), len(vectors)), np.float32)

    def multiply(rows: slice) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # their bound is infinite, so float64 decides
            np.matmul(queries, vectors[rows].T, out=products[:, rows])

    with one_blas_thread():
        in_tiles(len(vectors), multiply, rows=max(-(-len(vectors) // threads()), 1))
    return products


@row_kernel
def _worse(score_a: float, id_a: int, score_b: float, id_b: int) -> bool:
    return score_a < score_b or (score_a == score_b and id_a > id_b)


@intrinsic
def _reaching(context: Any, products: Any, offsets: Any, start: Any, factor: Any, limit: Any) -> Any:
    """The bits of the rows [start, start + 64) whose factor · product − offset is not below the limit, in float32.

    NaN, where float32 cannot hold a product, is not below it.
    """
    vector_ir.require_contiguous(products, offsets)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        element = ir.FloatType()
        product, offset = (
            vector_ir.load(
                builder,
                vector_ir.array_data(context, builder, array, value)[0],
                arguments[2],
                ROWS_PER_RUN,
                element,
            )
            for array, value in zip(signature.args[:2], arguments[:2], strict=True)
        )
        factors, limits = (vector_ir.spread(builder, each, ROWS_PER_RUN) for each in arguments[3:])
        scores = builder.fsub(builder.fmul(factors, product), offset)
        return builder.bitcast(builder.fcmp_unordered(">=", scores, limits), ir.IntType(ROWS_PER_RUN))

    return types.uint64(products, offsets, types.intp, types.float32, types.float32), code


@intrinsic
def _lowest_bit(context: Any, bits: Any) -> Any:
    """The number of the lowest bit that is set."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.intp(types.uint64), code


@row_kernel
def _rounded_down(value: float) -> Any:
    """A float32 number at or below the value."""
    return np.float32(value - abs(value) * 2.0**-23)


@row_kernel
def _kth_largest(values: Any, k: int) -> Any:
    """The k-th largest of some numbers, which it reorders: Hoare's selection."""
    low, high, wanted = 0, len(values) - 1, k - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i, j = i + 1, j - 1
        if wanted <= j:
            high = j
        elif wanted >= i:
            low = i
        else:
            break
    return values[wanted]


@row_kernel
def _survivors(kept: Any, bound: float, rows: Any, scores: Any, count: int, pool: Any) -> Any:
    """Drop the candidates that cannot be among the best, as many as are kept; return a threshold and how many remain.

    Each kept score, and each approximate one less the bound, is a score that some row at least has.
    """
    size = len(kept)
    pool[:size] = kept
    for i in range(count):
        pool[size + i] = scores[i] - bound
    threshold = _kth_largest(pool[: size + count], size) - bound
    left = 0
    for i in range(count):
        if not scores[i] < threshold:
            rows[left], scores[left] = rows[i], scores[i]
            left += 1
    return threshold, left


@row_kernel
def _proposed(
    kept: Any, products: Any, factor: float, offsets: Any, single_offsets: Any, bound: float, rounding: float,
    start: int, stop: int, rows: Any, scores: Any, pool: Any,
) -> int:  # fmt: skip
    """Write the rows that may be among the best, and their approximate scores; return their number.

    Runs of rows are compared in float32, with a limit that allows for its rounding.
    """
    count, single_factor, size = 0, np.float32(factor), len(kept)
    threshold = kept[size - 1] - bound
    limit = _rounded_down(threshold - rounding)
    full = size + MORE_CANDIDATES
    for run in range(start, stop, ROWS_PER_RUN):
        if run + ROWS_PER_RUN <= len(products):
            bits = _reaching(products, single_offsets, run, single_factor, limit)
        else:
            bits = ALL_ROWS
        if stop - run < ROWS_PER_RUN:
            bits &= (np.uint64(1) << np.uint64(stop - run)) - np.uint64(1)
        while bits:
            row = run + _lowest_bit(bits)
            bits &= bits - np.uint64(1)
            score = factor * products[row] - offsets[row]
            if not score < threshold:
                rows[count], scores[count] = row, score
                count += 1
        if count > full and bound < np.inf:
            threshold, count = _survivors(kept, bound, rows, scores, count, pool)
            limit = _rounded_down(threshold - rounding)
            full = count + MORE_CANDIDATES
    if count > size // 8 and bound < np.inf:
        _, count = _survivors(kept, bound, rows, scores, count, pool)
    return count


@row_kernel
def _sort(scores: Any, rows: Any, count: int) -> None:
    """Sort candidates, the best first; rows ascend, so a stable sort puts equal scores in the order of their ids."""
    if count > 32:
        order = np.argsort(-scores[:count], kind="mergesort")
        scores[:count], rows[:count] = scores[:count][order], rows[:count][order]
        return
    for i in range(1, count):
        score, row = scores[i], rows[i]
        j = i
        while j > 0 and scores[j - 1] < score:
            scores[j], rows[j] = scores[j - 1], rows[j - 1]
            j -= 1
        scores[j], rows[j] = score, row


@tile_kernel
def offer_products(
    kept_scores: Any, kept_ids: Any, kept_exact: Any, row_ids: Any, start: int, stop: int,
    products: Any, bounds: Any, roundings: Any,
    queries: Any, vectors: Any, factor: float, offsets: Any, single_offsets: Any,
    exact_queries: Any, exact_vectors: Any, exact_factor: float, exact_offsets: Any,
    kept_second: Any, second_vectors: Any, second_offsets: Any,
) -> None:  # fmt: skip
    """Merge the rows [start, stop) of a tile into the candidates of queries, which are sorted, the best first.

    Args:
        row_ids: ids of the rows.
        products, bounds, roundings: float32 products (queries, rows), `Scores.rounding_bound` and
            `Scores.rounding_to_float32`.
        single_offsets: the offsets as float32.
        exact_queries: None if the estimated scores are the exact ones.
        kept_second, second_vectors, second_offsets: None without a second stage; numba then compiles none of its
            branches.
    """
    size = kept_scores.shape[1]
    rows, found, pool = np.empty(stop - start, np.int64), np.empty(stop - start), np.empty(size + stop - start)
    query, exact_query = np.empty(queries.shape[1]), np.empty(exact_vectors.shape[1])
    for q in range(len(kept_scores)):
        scores, ids, exact = kept_scores[q], kept_ids[q], kept_exact[q]
        count = _proposed(
            scores, products[q], factor, offsets, single_offsets, bounds[q], roundings[q],
            start, stop, rows, found, pool,
        )  # fmt: skip
        if count == 0:
            continue
        query[:] = queries[q]
        new = 0
        for i in range(count):
            row = rows[i]
            score = factor * dot64(query, vectors[row]) - offsets[row]
            if _worse(scores[size - 1], ids[size - 1], score, row_ids[row]):
                found[new], rows[new] = score, row
                new += 1
        _sort(found, rows, new)
        old = size
        while old + new > size:
            if old > 0 and _worse(scores[old - 1], ids[old - 1], found[new - 1], row_ids[rows[new - 1]]):
                old -= 1
            else:
                new -= 1
        exact_query[:] = queries[q] if exact_queries is None else exact_queries[q]
        for at in range(size - 1, -1, -1):  # from the worst, so that nothing is overwritten before it has moved
            if new == 0:
                break
            row = rows[new - 1]
            if old > 0 and _worse(scores[old - 1], ids[old - 1], found[new - 1], row_ids[row]):
                old -= 1
                scores[at], ids[at], exact[at] = scores[old], ids[old], exact[old]
                if kept_second is not None:
                    kept_second[q, at] = kept_second[q, old]
                continue
            new -= 1
            scores[at], ids[at], exact[at] = found[new], row_ids[row], found[new]
            if exact_queries is not None:
                exact[at] = exact_factor * dot64(exact_query, exact_vectors[row]) - exact_offsets[row]
            if kept_second is not None:
                kept_second[q, at] = exact_factor * dot64(exact_query, second_vectors[row]) - second_offsets[row]
