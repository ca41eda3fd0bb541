"""The best R base rows of each query by estimated score, found in one pass and mergeable without loss."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numba
import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, FloatArray, IdArray
from vq_benchmark.datasets.dataset import Distance
from vq_benchmark.evaluation.inner_products import pair_products
from vq_benchmark.quantizers.kernels.sums import dot64

NO_ID = -1
QUERIES_PER_PRODUCT = 1024
"""Queries per matrix product, which limits its result to 1024 × rows of a tile."""


TOP_ARRAYS = ("ids", "scores", "exact", "second")
"""The arrays of `TopCandidates`; `second` is absent without a second stage."""
ROWS_PER_RUN = 64
"""Rows that are checked together before any of them is checked alone."""


@dataclass
class TopCandidates:
    """Per query the best `size` rows: highest score first, equal scores by lower id.

    The order is total, so the best of a union is the best of the parts' best: merging loses nothing.
    """

    scores: DoubleArray
    """(q, size) float64 estimated scores; -inf if there are fewer than `size` rows."""
    ids: IdArray
    """(q, size) int64 row numbers of the base; -1 if there are fewer rows."""
    exact: DoubleArray
    """(q, size) float64 exact scores of the same rows."""
    second: DoubleArray | None = None
    """(q, size) float64 scores of the same rows by the code of a second stage; None without one."""

    @classmethod
    def empty(cls, queries: int, size: int, *, with_second: bool = False) -> Self:
        shape = (queries, size)
        second = np.full(shape, -np.inf) if with_second else None
        return cls(np.full(shape, -np.inf), np.full(shape, NO_ID, dtype=np.int64), np.full(shape, -np.inf), second)

    @classmethod
    def best_of(cls, exact: DoubleArray, ids: IdArray, size: int) -> Self:
        """The best `size` of listed rows (q, listed) by their exact scores."""
        order = _order(exact, ids)[:, :size]
        best = cls.empty(len(ids), size)
        best.scores[:, : order.shape[1]] = best.exact[:, : order.shape[1]] = np.take_along_axis(exact, order, axis=1)
        best.ids[:, : order.shape[1]] = np.take_along_axis(ids, order, axis=1)
        return best

    @property
    def size(self) -> int:
        return int(self.ids.shape[1])

    def offer(
        self, row_ids: IdArray, rows: slice, estimated: "Scores", exact: "Scores", second: "Scores | None" = None
    ) -> None:
        """Offer the rows of a tile, which have the ids `row_ids` (r,); only those inside `rows` count.

        `second` are the scores of the second stage, of the same queries as `exact`; needed if these are kept.

        A float32 matrix product proposes rows, and float64 products decide what rounding may have got wrong. So the
        result depends neither on the shape of the product, nor on its library, nor on the processor.
        """
        bounds = estimated.rounding_bound()
        further = (None, None) if second is None else (second.vectors, second.offsets)
        for first in range(0, len(estimated.queries), QUERIES_PER_PRODUCT):
            group = slice(first, first + QUERIES_PER_PRODUCT)
            with np.errstate(over="ignore", invalid="ignore"):  # their bound is infinite, so float64 decides
                products = estimated.queries[group] @ estimated.vectors.T
            _offer(
                self.scores[group], self.ids[group], self.exact[group], row_ids, rows.start, rows.stop,
                products, bounds[group],
                estimated.queries[group], estimated.vectors, estimated.factor, estimated.offsets,
                exact.queries[group], exact.vectors, exact.factor, exact.offsets,
                None if self.second is None else self.second[group], *further,
            )  # fmt: skip

    def part(self, queries: slice) -> Self:
        """The candidates of some of the queries."""
        return type(self)(**{name: array[queries] for name, array in self.arrays().items()})

    def first(self, size: int) -> Self:
        """The best `size` of sorted candidates."""
        return self if size == self.size else type(self)(**{name: a[:, :size] for name, a in self.arrays().items()})

    def arrays(self) -> dict[str, Array]:
        """The arrays that are kept, by name."""
        named = {name: getattr(self, name) for name in TOP_ARRAYS}
        return {name: array for name, array in named.items() if array is not None}

    def sort(self) -> None:
        """Sort every query's candidates; call it once after the last `offer`."""
        self._reorder(_order(self.scores, self.ids))

    def sorted(self) -> Self:
        """A sorted copy; the original still accepts rows."""
        copy = replace(self)  # shares the arrays, which sorting replaces
        copy.sort()
        return copy

    def merge(self, other: Self) -> None:
        """Merge the candidates of other rows into these.

        Raises:
            ValueError: they have another number of queries or of candidates per query, or only one keeps scores of a
                second stage.
        """
        if self.ids.shape != other.ids.shape:
            raise ValueError(f"candidates of shape {self.ids.shape} and {other.ids.shape} cannot be merged")
        if (self.second is None) != (other.second is None):
            raise ValueError("candidates with and without scores of a second stage cannot be merged")
        others = other.arrays()
        for name, array in self.arrays().items():
            setattr(self, name, np.concatenate([array, others[name]], axis=1))
        self._reorder(_order(self.scores, self.ids)[:, : other.size])

    def _reorder(self, order: Array) -> None:
        for name, array in self.arrays().items():
            setattr(self, name, np.take_along_axis(array, order, axis=1))


def _order(scores: DoubleArray, ids: IdArray) -> Array:
    missing_last = np.where(ids == NO_ID, np.iinfo(np.int64).max, ids)
    return np.lexsort((missing_last, -scores), axis=1)


@dataclass(frozen=True)
class Scores:
    """Scores of a tile of vectors for all queries: factor · ⟨query, vector⟩ − offset of the vector.

    Inner product and cosine: factor 1, offset 0. L2: factor 2, offset ‖x‖², which is ‖q‖² − ‖q − x‖² and so ranks
    as the distance does.
    """

    queries: FloatArray
    """(q, e) float32."""
    vectors: FloatArray
    """(rows, e) float32."""
    factor: float
    offsets: DoubleArray
    """(rows,) float64."""

    def rounding_bound(self) -> DoubleArray:
        """(q,) float64 bounds on the rounding error of the float32 scores of this tile.

        The forward error of a product of length e in any order of summation is at most e·u·‖q‖‖x‖ (Higham, Accuracy
        and Stability of Numerical Algorithms, 2002, section 3.1); one more u for rounding the offset. Each term may
        lose another 2⁻¹²⁶ if it is too small for float32. Infinite if a product may be too large for it.
        """
        limits = np.finfo(np.float32)
        unit_roundoff, terms = float(limits.eps) / 2, self.vectors.shape[1] + 2
        queries = np.sqrt(squared_norms(self.queries))
        lengths = queries * np.sqrt(squared_norms(self.vectors).max(initial=0.0))
        products = self.factor * terms * (unit_roundoff * lengths + float(limits.tiny))
        bound = products + unit_roundoff * np.abs(self.offsets).max(initial=0.0)
        return np.where(lengths < float(limits.max) / 2, bound, np.inf)

    def of_pairs(self, queries: IdArray, rows: IdArray) -> DoubleArray:
        """(p,) float64 scores of the pairs (queries[p], rows[p])."""
        return np.asarray(self.factor * pair_products(self.queries, self.vectors, queries, rows) - self.offsets[rows])


def scores_of(
    queries: FloatArray, vectors: FloatArray, distance: Distance, norms: DoubleArray | None = None
) -> Scores:
    """Scores of (q, e) queries and (rows, e) vectors; norms (rows,) are the ‖x‖² of L2, default the vectors' own."""
    # The layout in memory decides the order in which a product is summed up, so all have the same.
    queries, vectors = np.ascontiguousarray(queries), np.ascontiguousarray(vectors)
    if distance == "l2":
        return Scores(queries, vectors, 2.0, squared_norms(vectors) if norms is None else norms)
    return Scores(queries, vectors, 1.0, np.zeros(len(vectors)))


def squared_norms(vectors: FloatArray) -> DoubleArray:
    """(n,) float64 squared Euclidean norms of (n, d) float32 vectors; ‖x‖² has the bits of ⟨x, x⟩."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    rows = np.arange(len(vectors))
    return np.asarray(pair_products(vectors, vectors, rows, rows))


@numba.njit(cache=True)
def _worse(score_a: float, id_a: int, score_b: float, id_b: int) -> bool:
    return score_a < score_b or (score_a == score_b and id_a > id_b)


@numba.njit(cache=True)
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


@numba.njit(cache=True, fastmath=True)
def _highest(products: Any, offsets: Any, factor: float) -> Any:
    """The highest float32 score of a run of rows: a plain reduction, so that it compiles to vector instructions."""
    highest = factor * products[0] - offsets[0]
    for row in range(1, products.shape[0]):
        highest = max(highest, factor * products[row] - offsets[row])
    return highest


@numba.njit(cache=True, parallel=True)
def _offer(
    heap_scores: Any, heap_ids: Any, heap_exact: Any, row_ids: Any, start: int, stop: int,
    products: Any, bounds: Any,
    queries: Any, vectors: Any, factor: float, offsets: Any,
    exact_queries: Any, exact_vectors: Any, exact_factor: float, exact_offsets: Any,
    heap_second: Any, second_vectors: Any, second_offsets: Any,
) -> None:  # fmt: skip
    # The arrays of a second stage are None without one, and numba then compiles none of its branches.
    for query in numba.prange(heap_scores.shape[0]):
        scores, ids, exact = heap_scores[query], heap_ids[query], heap_exact[query]
        for run in range(start, stop, ROWS_PER_RUN):
            end = min(run + ROWS_PER_RUN, stop)
            if _highest(products[query, run:end], offsets[run:end], factor) < scores[0] - bounds[query]:
                continue
            for row in range(run, end):
                if factor * products[query, row] - offsets[row] < scores[0] - bounds[query]:
                    continue
                score = factor * dot64(queries[query], vectors[row]) - offsets[row]
                id_ = row_ids[row]
                if _worse(scores[0], ids[0], score, id_):
                    exact_score = exact_factor * dot64(exact_queries[query], exact_vectors[row]) - exact_offsets[row]
                    if heap_second is None:
                        _replace_worst(scores, ids, exact, None, score, id_, exact_score, None)
                    else:
                        second_score = (
                            exact_factor * dot64(exact_queries[query], second_vectors[row]) - second_offsets[row]
                        )
                        _replace_worst(scores, ids, exact, heap_second[query], score, id_, exact_score, second_score)
