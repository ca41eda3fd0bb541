"""Axes for vectors and for queries, where the queries are not distributed like the vectors."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from vq_benchmark.arrays import DoubleArray, FloatArray
from vq_benchmark.quantizers.parts.principal_axes import PrincipalAxes, descending_axes, principal_axes

_LEAST_SHARE = 1e-6
"""Variances of queries are taken for at least this share of the largest, so that their axes exist."""


@dataclass(frozen=True)
class QueryAxes:
    """Two bases A and B with ABᵀ = 1, so that ⟨q, x⟩ = ⟨Bq, Ax⟩."""

    mean: DoubleArray
    """(d,) of the queries, as far as they determine it."""
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
    own axes. If queries are distributed like vectors, the least error on these axes is that of a plan on the vectors'
    own axes with the power 1 + exponent.
    """
    of_queries = principal_axes(queries)
    with threadpool_limits(1, user_api="blas"):
        spread, directions = descending_axes(_shrunk(of_queries, vectors, len(queries)))
        spread = np.maximum(spread, _LEAST_SHARE * spread[0]) if spread[0] > 0 else np.ones_like(spread)
        spread /= spread.mean()
        root = (directions.T * spread ** (exponent / 2)) @ directions
        inverse = (directions.T * spread ** (-exponent / 2)) @ directions
        factor = root @ (vectors.axes.T * np.sqrt(vectors.variances))
        variances, axes = descending_axes(factor @ factor.T)
        return QueryAxes(_shrunk_mean(of_queries, vectors, len(queries)), axes @ root, axes @ inverse, variances)


def _shrunk_mean(of_queries: PrincipalAxes, vectors: PrincipalAxes, n: int) -> DoubleArray:
    """The mean (d,) of n queries, shrunk towards that of the vectors by the share of its error in their distance."""
    apart = of_queries.mean - vectors.mean
    square = float(apart @ apart)
    share = min(float(of_queries.variances.sum()) / (n * square), 1.0) if square > 0 else 1.0
    return np.asarray(of_queries.mean - share * apart)


def _shrunk(of_queries: PrincipalAxes, vectors: PrincipalAxes, n: int) -> DoubleArray:
    """The covariance (d, d) of n queries, shrunk towards that of the vectors, scaled to the same trace.

    There may be fewer queries than dimensions. The share of the vectors' covariance is the one of least expected
    error (Ledoit & Wolf, Journal of Empirical Finance 10, 2003), with the variance that the entries of a covariance
    of n Gaussian rows have. So it is near 1 if queries are distributed like vectors.
    """
    found, prior = (_covariance(each) for each in (of_queries, vectors))
    trace = float(of_queries.variances.sum())
    if trace == 0:
        return prior
    target = prior * (trace / max(float(vectors.variances.sum()), np.finfo(np.float64).tiny))
    noise = (float(np.square(of_queries.variances).sum()) + trace**2) / n
    distance = float(np.square(found - target).sum())
    share = min(noise / distance, 1.0) if distance > 0 else 1.0
    return (1 - share) * found + share * target


def _covariance(found: PrincipalAxes) -> DoubleArray:
    return np.asarray((found.axes.T * found.variances) @ found.axes)
