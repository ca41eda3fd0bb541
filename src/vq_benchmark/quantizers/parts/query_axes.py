"""Axes for vectors and for queries, where the queries are not distributed like the vectors."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import DoubleArray, FloatArray
from vq_benchmark.quantizers.parts.principal_axes import PrincipalAxes, descending_axes, principal_axes


@dataclass(frozen=True)
class QueryAxes:
    """Two bases A and B with ABᵀ = 1, so that ⟨q, x⟩ = ⟨Bq, Ax⟩."""

    mean: DoubleArray
    """(d,) of the queries."""
    axes: DoubleArray
    """(d, d) A: the coordinates of vectors along its rows are uncorrelated."""
    query_axes: DoubleArray
    """(d, d) B."""
    variances: DoubleArray
    """(d,) descending: the population variance of the vectors along each row of A."""


def query_axes(vectors: PrincipalAxes, queries: FloatArray, exponent: float) -> QueryAxes:
    """The axes on which equal errors of vectors are about equally bad for queries (t, d).

    An error e of a vector changes the score of a query q by ⟨q − mean, e⟩, if the mean's part is stored exactly. Its
    square is eᵀWe on average, with the covariance W of the queries. So A holds the principal axes of W^½(x − c), on
    which only the length of an error counts. A smaller exponent than 1 takes W^exponent for W: 0 gives the vectors'
    own axes. If queries are distributed like vectors, `exponent` is the same as the power 1 + exponent of the
    variances in a plan.

    W is shrunk towards a multiple of the identity, because there may be fewer queries than dimensions: OAS (Chen et
    al., "Shrinkage algorithms for MMSE covariance estimation", IEEE Trans. Signal Processing 58, 2010).
    """
    of_queries = principal_axes(queries)
    spread = _shrunk(of_queries.variances, len(queries))
    with threadpool_limits(1, user_api="blas"):
        root = (of_queries.axes.T * spread ** (exponent / 2)) @ of_queries.axes
        inverse = (of_queries.axes.T * spread ** (-exponent / 2)) @ of_queries.axes
        factor = root @ (vectors.axes.T * np.sqrt(vectors.variances))
        variances, axes = descending_axes(factor @ factor.T)
        return QueryAxes(of_queries.mean, axes @ root, axes @ inverse, variances)


def _shrunk(variances: DoubleArray, n: int) -> DoubleArray:
    """The eigenvalues (d,) of a covariance of n rows after shrinkage, with mean 1; all 1 if there is no variance."""
    d, mean = variances.size, float(variances.mean())
    if mean == 0:
        return np.ones(d)
    scaled = variances / mean
    squares = float(np.square(scaled).sum())
    excess = (n + 1 - 2 / d) * (squares - d)
    share = 1.0 if excess <= 0 else min(((1 - 2 / d) * squares + d**2) / excess, 1.0)
    return (1 - share) * scaled + share
