"""An audit of a data set: what would invalidate results, and what makes it easy or hard to compress."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vq_benchmark.arrays import Array, DoubleArray, FloatArray
from vq_benchmark.datasets.checks.bad_rows import bad_rows
from vq_benchmark.datasets.checks.unusable_rows import require_rows
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.parts.origins import Origin
from vq_benchmark.datasets.row_hashes import repeats, row_hashes
from vq_benchmark.datasets.sources.number_types import type_name
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.datasets.sources.wrappers import UnitNormSource, unit_norm
from vq_benchmark.errors import InputError

BLOCK_ROWS = 4096


@dataclass(frozen=True)
class FoundRows:
    """The number of rows with a property, and the first of them."""

    count: int
    first: int | None


@dataclass(frozen=True)
class Norms:
    """Euclidean norms of the finite rows, as stored."""

    min: float
    mean: float
    median: float
    max: float


@dataclass(frozen=True)
class Spectrum:
    """The distribution of the variance over the principal components of the finite rows."""

    variance_shares: tuple[tuple[int, float], ...]
    """(m, share of the variance in the first m components), for m = 1, 8, 32, d/4, d/2."""
    effective_dimension: float
    """(sum of variances)^2 / sum of squared variances: d if all variances are equal, 1 if only one is not zero."""


@dataclass(frozen=True)
class Inspection:
    """The findings on a data set. Rows are base rows as they are searched, unless stated otherwise."""

    name: str
    n: int
    d: int
    dtype: str
    distance: Distance
    fingerprint: str
    notes: tuple[str, ...]
    origins: tuple[Origin, ...]
    """Where each part comes from, and what is not used."""
    rows_inspected: int
    """n, unless max_rows was lower; all figures below describe these rows."""
    norms: Norms | None
    """None if no row is finite."""
    spectrum: Spectrum | None
    """None if fewer than two rows are finite, or all are equal."""
    zero_rows: FoundRows
    non_finite_rows: FoundRows
    bad_rows: FoundRows
    """Rows that are not finite or, under cosine, zero: a measurement leaves them out, or refuses them."""
    duplicate_rows: FoundRows
    """Rows that equal an earlier row."""
    num_queries: int
    queries_in_base: FoundRows
    """Queries that equal a base row."""
    bad_queries: FoundRows
    """Queries that are not finite or, under cosine, zero."""


def inspect_dataset(
    dataset: Dataset, *, max_rows: int | None = None, progress: Callable[[int, int], None] | None = None
) -> Inspection:
    """Audit a data set in one pass; load it with `check=False`, so that bad rows are reported instead of refused.

    It takes the memory of one block, a d x d matrix, and 16 bytes per inspected row (its hash and norm). With
    max_rows, evenly spread blocks of up to 4,096 rows are inspected. `progress(rows_done, rows_total)` is called
    after each block.

    Raises:
        InputError: the base is empty, or max_rows is below 1.
    """
    require_rows(dataset.base, "the base")
    stored = dataset.base.source if isinstance(dataset.base, UnitNormSource) else dataset.base
    ranges = _ranges(dataset.n, max_rows)
    norms, hashes, moments = [], [], _Moments(dataset.d)
    total, done = sum(stop - start for start, stop in ranges), 0
    for start, stop in ranges:
        rows = stored.read(start, stop)
        norms.append(_norms(rows))
        hashes.append(row_hashes(unit_norm(rows) if stored is not dataset.base else rows))
        moments.add(rows[np.isfinite(norms[-1])])
        done += stop - start
        if progress is not None:
            progress(done, total)
    base = _Rows(stored, ranges, np.concatenate(norms), np.concatenate(hashes))
    bad_queries = bad_rows(dataset.queries, dataset.distance)
    zero, finite = base.norms == 0, np.isfinite(base.norms)
    in_base = np.isin(row_hashes(dataset.queries), base.hashes) & ~bad_queries
    return Inspection(
        name=dataset.name,
        n=dataset.n,
        d=dataset.d,
        dtype=type_name(dataset.base.dtype),
        distance=dataset.distance,
        fingerprint=dataset.fingerprint,
        notes=dataset.notes,
        origins=dataset.origins,
        rows_inspected=total,
        norms=base.finite_norms(),
        spectrum=moments.spectrum(),
        zero_rows=base.found(zero),
        non_finite_rows=base.found(~finite),
        bad_rows=base.found(~finite | zero if dataset.distance == "cosine" else ~finite),
        duplicate_rows=base.found(repeats(base.hashes) & finite),
        num_queries=len(dataset.queries),
        queries_in_base=_found(in_base),
        bad_queries=_found(bad_queries),
    )


@dataclass(frozen=True)
class _Rows:
    """Norms and hashes of the rows of some ranges of equal length (the last may be shorter)."""

    source: VectorSource
    ranges: list[tuple[int, int]]
    norms: DoubleArray
    hashes: Array

    def found(self, which: Array) -> FoundRows:
        """The count of a (rows,) bool, and the number in the file of its first row."""
        at = _found(which)
        if at.first is None:
            return at
        start, stop = self.ranges[0]
        index, offset = divmod(at.first, stop - start)
        (number,) = self.source.rows_in_file(np.array([self.ranges[index][0] + offset])).tolist()
        return FoundRows(at.count, number)

    def finite_norms(self) -> Norms | None:
        norms = self.norms[np.isfinite(self.norms)]
        if not len(norms):
            return None
        return Norms(float(norms.min()), float(norms.mean()), float(np.median(norms)), float(norms.max()))


class _Moments:
    """Sums that determine the covariance of all rows."""

    def __init__(self, d: int) -> None:
        self.count = 0
        self.sum: DoubleArray = np.zeros(d)
        self.products: DoubleArray = np.zeros((d, d))

    def add(self, rows: FloatArray) -> None:
        doubles = rows.astype(np.float64)
        self.count += len(rows)
        self.sum += doubles.sum(axis=0)
        self.products += doubles.T @ doubles

    def spectrum(self) -> Spectrum | None:
        if self.count < 2:
            return None
        mean = self.sum / self.count
        covariance = self.products / self.count - np.outer(mean, mean)
        variances = np.clip(np.linalg.eigvalsh(covariance)[::-1], 0, None)
        total = variances.sum()
        if total <= 1e-12 * (mean @ mean):  # the variance of equal rows is rounding error
            return None
        d = len(variances)
        components = sorted({m for m in (1, 8, 32, d // 4, d // 2) if 1 <= m <= d})
        shares = np.cumsum(variances) / total
        effective = float(total**2 / (variances**2).sum())
        return Spectrum(tuple((m, float(shares[m - 1])) for m in components), effective)


def _ranges(n: int, max_rows: int | None) -> list[tuple[int, int]]:
    """Ranges of at most 4,096 rows: all of them, or evenly spread ones with at most max_rows rows in total."""
    if max_rows is None or max_rows >= n:
        return [(start, min(start + BLOCK_ROWS, n)) for start in range(0, n, BLOCK_ROWS)]
    if max_rows < 1:
        raise InputError(f"cannot inspect {max_rows} rows; the number must be at least 1.")
    rows = min(BLOCK_ROWS, max_rows)
    blocks = max_rows // rows
    starts = [(n - rows) * block // max(blocks - 1, 1) for block in range(blocks)]
    return [(start, start + rows) for start in starts]


def _norms(rows: FloatArray) -> DoubleArray:
    """(n,) float64; not finite if the row is not."""
    doubles = rows.astype(np.float64)
    return np.asarray(np.sqrt((doubles * doubles).sum(axis=1)))


def _found(which: Array) -> FoundRows:
    return FoundRows(int(which.sum()), int(which.argmax()) if which.any() else None)
