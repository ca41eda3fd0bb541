"""Scores of a tile of vectors for all queries: approximate ones by a float32 product, and those of float64."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray, IdArray
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.evaluation.inner_products import pair_products, squared_norms


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
    query_norms: DoubleArray | None = None
    """(q,) float64 ‖q‖² if they are known."""
    norms: DoubleArray | None = None
    """(rows,) float64 ‖x‖² of `vectors` if they are known."""

    @cached_property
    def lengths(self) -> DoubleArray:
        """(q,) float64 ‖q‖ times the largest ‖x‖."""
        queries = squared_norms(self.queries) if self.query_norms is None else self.query_norms
        norms = squared_norms(self.vectors) if self.norms is None else self.norms
        return np.asarray(np.sqrt(queries) * np.sqrt(norms.max(initial=0.0)))

    @cached_property
    def largest_offset(self) -> float:
        """The largest magnitude of an offset."""
        return float(np.abs(self.offsets).max(initial=0.0))

    def rounding_bound(self) -> DoubleArray:
        """(q,) float64 bounds on the rounding error of the float32 scores of this tile.

        The forward error of a product of length e in any order of summation is at most e·u·‖q‖‖x‖ (Higham, Accuracy
        and Stability of Numerical Algorithms, 2002, section 3.1); one more u for rounding the offset. Each term may
        lose another 2⁻¹²⁶ if it is too small for float32. Infinite if a product may be too large for it.
        """
        limits = np.finfo(np.float32)
        unit_roundoff, terms = float(limits.eps) / 2, self.vectors.shape[1] + 2
        products = self.factor * terms * (unit_roundoff * self.lengths + float(limits.tiny))
        bound = products + unit_roundoff * self.largest_offset
        return np.where(self.lengths < float(limits.max) / 2, bound, np.inf)

    def rounding_to_float32(self) -> DoubleArray:
        """(q,) float64 bounds on what computing factor · product − offset in float32 may change of a score.

        Three roundings of numbers below factor · ‖q‖‖x‖ + offset, and one to spare.
        """
        return np.asarray(2 * np.finfo(np.float32).eps * (self.factor * self.lengths + self.largest_offset))

    def of_pairs(self, queries: IdArray, rows: IdArray) -> DoubleArray:
        """(p,) float64 scores of the pairs (queries[p], rows[p])."""
        return np.asarray(self.factor * pair_products(self.queries, self.vectors, queries, rows) - self.offsets[rows])


def scores_of(
    queries: FloatArray,
    vectors: FloatArray,
    distance: Distance,
    norms: DoubleArray | None = None,
    *,
    own_norms: DoubleArray | None = None,
    query_norms: DoubleArray | None = None,
) -> Scores:
    """Scores of (q, e) queries and (rows, e) vectors.

    Args:
        norms: (rows,) the ‖x‖² of L2; default: the vectors' own.
        own_norms, query_norms: (rows,) and (q,) squared norms of the vectors and of the queries, if they are known.
    """
    # The layout in memory decides the order in which a product is summed up, so all have the same.
    queries, vectors = np.ascontiguousarray(queries), np.ascontiguousarray(vectors)
    if distance != "l2":
        return Scores(queries, vectors, 1.0, np.zeros(len(vectors)), query_norms, own_norms)
    if norms is None:
        norms = own_norms = squared_norms(vectors) if own_norms is None else own_norms
    return Scores(queries, vectors, 2.0, norms, query_norms, own_norms)
