"""The best R base rows of each query by estimated score, found in one pass and mergeable without loss."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, FloatArray, IdArray
from vq_benchmark.evaluation.offers import offer_products, products_of
from vq_benchmark.evaluation.scores import Scores
from vq_benchmark.quantizers.kernels.tiles import in_tiles

NO_ID = -1
QUERIES_PER_PRODUCT = 1024
"""Queries per matrix product, which limits its result to 1024 × rows of a tile."""


TOP_ARRAYS = ("ids", "scores", "exact", "second")
"""The arrays of `TopCandidates`; `second` is absent without a second stage."""
QUERIES_PER_TASK = 64
"""Queries whose candidates a thread updates at a time."""


@dataclass
class TopCandidates:
    """Per query the best `size` rows, always sorted: highest score first, equal scores by lower id.

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
        self, row_ids: IdArray, rows: slice, estimated: Scores, exact: Scores, second: Scores | None = None
    ) -> None:
        """Offer the rows of a tile, which have the ids `row_ids` (r,); only those inside `rows` count.

        `second` are the scores of the second stage, of the same queries as `exact`; needed if these are kept.

        A float32 matrix product proposes rows, and float64 products decide what rounding may have got wrong. So the
        result depends neither on the shape of the product, nor on its library, nor on the processor.
        """
        bounds, roundings = estimated.rounding_bound(), estimated.rounding_to_float32()
        with np.errstate(over="ignore"):  # a row with an infinite offset is far below all others
            single_offsets = estimated.offsets.astype(np.float32)
        exact_queries = None if exact is estimated else exact.queries
        further = (None, None) if second is None else (second.vectors, second.offsets)

        for first in range(0, len(self.ids), QUERIES_PER_PRODUCT):
            products = products_of(estimated.queries[first : first + QUERIES_PER_PRODUCT], estimated.vectors)

            def offer(part: slice, first: int = first, products: FloatArray = products) -> None:
                at = slice(first + part.start, first + part.stop)
                offer_products(
                    self.scores[at], self.ids[at], self.exact[at], row_ids, rows.start, rows.stop,
                    products[part], bounds[at], roundings[at],
                    estimated.queries[at], estimated.vectors, estimated.factor, estimated.offsets, single_offsets,
                    None if exact_queries is None else exact_queries[at], exact.vectors, exact.factor, exact.offsets,
                    None if self.second is None else self.second[at], *further,
                )  # fmt: skip

            in_tiles(len(products), offer, rows=QUERIES_PER_TASK)

    def without_idle(self, kth: DoubleArray) -> Self:
        """The candidates with -inf for those exact scores on which no metric depends; ids and estimates stay.

        `kth` (p, k) are the exact scores of the k best rows of the first p queries, among any rows of the base. A row
        after the first k candidates whose exact score is below the last of them is never counted as found, nor is it
        among the k of which scores are added up, whatever is merged later.
        """
        queries, k = kth.shape
        exact = self.exact.copy()
        behind = exact[:queries, k:]
        behind[behind < kth[:, -1:]] = -np.inf
        return replace(self, exact=exact)

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

    def copy(self) -> Self:
        """An independent copy."""
        return type(self)(**{name: array.copy() for name, array in self.arrays().items()})

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
        order = _order(self.scores, self.ids)[:, : other.size]
        for name, array in self.arrays().items():
            setattr(self, name, np.take_along_axis(array, order, axis=1))


def _order(scores: DoubleArray, ids: IdArray) -> Array:
    missing_last = np.where(ids == NO_ID, np.iinfo(np.int64).max, ids)
    return np.lexsort((missing_last, -scores), axis=1)
