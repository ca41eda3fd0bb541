"""Offer the rows of a tile to the best candidates of each query: compiled, and one thread per query.

A float32 product proposes rows. The candidates are those that may be among the best R of what was kept and of the
tile, given how far the product may be off; only these are scored in float64, which decides.
"""

from typing import Any

import numpy as np
from numba import njit

from vq_benchmark.arrays import FloatArray
from vq_benchmark.machine.threads import one_blas_thread
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot64
from vq_benchmark.quantizers.kernels.tiles import in_tiles, threads

ROWS_PER_RUN = 64
"""Rows that are checked together before any of them is checked alone."""


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


@row_kernel
def _replace_worst(
    scores: Any, ids: Any, exact: Any, second: Any, score: float, id_: int, exact_score: float, second_score: Any
) -> None:
    """Put a better candidate in place of the root of a heap whose root is its worst; `second` may be None."""
    size = scores.shape[0]
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and _worse(scores[child + 1], ids[child + 1], scores[child], ids[child]):
            child += 1
        if not _worse(scores[child], ids[child], score, id_):
            break
        scores[hole], ids[hole], exact[hole] = scores[child], ids[child], exact[child]
        if second is not None:
            second[hole] = second[child]
        hole = child
    scores[hole], ids[hole], exact[hole] = score, id_, exact_score
    if second is not None:
        second[hole] = second_score


@njit(cache=True, nogil=True, fastmath=True)
def _highest(products: Any, offsets: Any, factor: Any) -> Any:
    """The highest float32 score of a run of rows: a plain reduction, so that it compiles to vector instructions."""
    highest = factor * products[0] - offsets[0]
    for row in range(1, products.shape[0]):
        highest = max(highest, factor * products[row] - offsets[row])
    return highest


@row_kernel
def _rounded_down(value: float) -> Any:
    """A float32 number at or below the value."""
    return np.float32(value - abs(value) * 2.0**-23)


@row_kernel
def _kth_largest(values: Any, k: int) -> float:
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
    return float(values[wanted])


@row_kernel
def _proposed(
    products: Any, factor: float, offsets: Any, single_offsets: Any, threshold: float, limit: Any,
    start: int, stop: int, rows: Any, scores: Any,
) -> int:  # fmt: skip
    """Write the rows that reach the threshold, and their approximate scores; return their number.

    A run of rows below the limit, which allows for the float32 arithmetic of the run, is passed over.
    """
    count, single_factor = 0, np.float32(factor)
    for run in range(start, stop, ROWS_PER_RUN):
        end = min(run + ROWS_PER_RUN, stop)
        if _highest(products[run:end], single_offsets[run:end], single_factor) < limit:
            continue
        for row in range(run, end):
            score = factor * products[row] - offsets[row]
            if not score < threshold:  # NaN, where float32 cannot hold a product, is proposed
                rows[count], scores[count] = row, score
                count += 1
    return count


@tile_kernel
def offer_products(
    heap_scores: Any, heap_ids: Any, heap_exact: Any, row_ids: Any, start: int, stop: int,
    products: Any, bounds: Any, roundings: Any,
    queries: Any, vectors: Any, factor: float, offsets: Any, single_offsets: Any,
    exact_queries: Any, exact_vectors: Any, exact_factor: float, exact_offsets: Any,
    heap_second: Any, second_vectors: Any, second_offsets: Any,
) -> None:  # fmt: skip
    """Offer the rows [start, stop) of a tile to the heaps of queries, all of which have the same size.

    Args:
        row_ids: ids of the rows.
        products, bounds, roundings: float32 products (queries, rows), `Scores.rounding_bound` and
            `Scores.rounding_to_float32`.
        single_offsets: the offsets as float32.
        exact_queries: None if the estimated scores are the exact ones.
        heap_second, second_vectors, second_offsets: None without a second stage; numba then compiles none of its
            branches.
    """
    size = heap_scores.shape[1]
    rows, approximate, pool = np.empty(stop - start, np.int64), np.empty(stop - start), np.empty(size + stop - start)
    query, exact_query = np.empty(queries.shape[1]), np.empty(exact_vectors.shape[1])
    for q in range(len(heap_scores)):
        scores, ids, exact = heap_scores[q], heap_ids[q], heap_exact[q]
        bound = bounds[q]
        threshold = scores[0] - bound
        limit = _rounded_down(threshold - roundings[q])
        count = _proposed(
            products[q], factor, offsets, single_offsets, threshold, limit, start, stop, rows, approximate
        )
        if count == 0:
            continue
        if count > size // 4 and bound < np.inf:
            pool[:size] = scores
            pool[size : size + count] = approximate[:count] - bound
            threshold = _kth_largest(pool[: size + count], size) - bound
        query[:] = queries[q]
        if exact_queries is not None:
            exact_query[:] = exact_queries[q]
        for i in range(count):
            if approximate[i] < max(threshold, scores[0] - bound):
                continue
            row = rows[i]
            score = factor * dot64(query, vectors[row]) - offsets[row]
            id_ = row_ids[row]
            if not _worse(scores[0], ids[0], score, id_):
                continue
            exact_score = score
            if exact_queries is not None:
                exact_score = exact_factor * dot64(exact_query, exact_vectors[row]) - exact_offsets[row]
            if heap_second is None:
                _replace_worst(scores, ids, exact, None, score, id_, exact_score, None)
            else:
                second_score = exact_factor * dot64(exact_query, second_vectors[row]) - second_offsets[row]
                _replace_worst(scores, ids, exact, heap_second[q], score, id_, exact_score, second_score)
