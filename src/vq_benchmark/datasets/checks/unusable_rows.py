"""Rows that make every result meaningless: NaN or infinite values, and zero vectors under cosine."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from vq_benchmark.arrays import Array, FloatArray, IdArray
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import BadRows, InputError

LARGEST_VALUE = 1e17
"""Larger values overflow float32 when they are squared and summed, so errors and scores would be meaningless."""
SMALLEST_VALUE = 1e-17
"""If all values of a row are smaller, squared errors underflow in float32, and all rows would look the same."""
PROBE_RUNS, PROBE_RUN_ROWS = 32, 32


@dataclass(frozen=True)
class Magnitudes:
    """The largest magnitude in each of n rows, which tells whether it can be measured."""

    largest: FloatArray
    """(n,) float32; NaN or infinite if the row holds such a value."""

    @classmethod
    def of(cls, rows: FloatArray) -> Self:
        """Those of rows (n, d)."""
        with np.errstate(invalid="ignore"):  # signalling NaN
            return cls(np.maximum(rows.max(axis=1), -rows.min(axis=1)))

    @property
    def non_finite(self) -> Array:
        """(n,) bool: which rows hold a NaN or an infinite value."""
        return np.asarray(~np.isfinite(self.largest))

    @property
    def zero(self) -> Array:
        """(n,) bool: which rows are all zero."""
        return np.asarray(self.largest == 0)

    @property
    def too_large(self) -> Array:
        """(n,) bool: which rows are finite and hold a value above LARGEST_VALUE in magnitude."""
        return np.asarray((self.largest > LARGEST_VALUE) & ~self.non_finite)

    @property
    def too_small(self) -> Array:
        """(n,) bool: which rows hold only values below SMALLEST_VALUE in magnitude, but not only zeros."""
        return np.asarray((self.largest < SMALLEST_VALUE) & ~self.zero)

    def bad(self, distance: Distance) -> Array:
        """(n,) bool: which rows cannot be measured, see `bad_rows`."""
        return self.non_finite | self.zero if distance == "cosine" else self.non_finite


def check_rows(rows: FloatArray, first_row: int, distance: Distance, *, what: str = "base") -> None:
    """Refuse rows that cannot be scored; `rows` (n, d) start at row `first_row` of the file of `what`.

    Raises:
        BadRows: a row is not finite, holds a value above LARGEST_VALUE, is zero under cosine, or under another
            distance holds only values below SMALLEST_VALUE; the sentence gives the count and the first row.
    """
    check_numbered_rows(rows, np.arange(first_row, first_row + len(rows)), distance, what=what)


def check_numbered_rows(rows: FloatArray, numbers: IdArray, distance: Distance, *, what: str = "base") -> None:
    """`check_rows` for rows (n, d) whose numbers (n,) in the file are not consecutive."""
    checked = _checked(numbers)
    magnitudes = Magnitudes.of(rows)
    bad = magnitudes.non_finite
    if bad.any():
        raise BadRows(
            f"{bad.sum()} of the {what} rows {checked} are null or empty, or hold NaN or infinite values, the first "
            f"is row {numbers[bad.argmax()]}; run `vq-benchmark inspect` to count them all."
        )
    check_scale(magnitudes, numbers, distance, what=what)
    zero = magnitudes.zero
    if distance == "cosine" and zero.any():
        raise BadRows(
            f"{zero.sum()} of the {what} rows {checked} are zero vectors, the first is row {numbers[zero.argmax()]}; "
            "cosine is not defined for them: remove them or use --metric ip or l2."
        )


def check_scale(rows: Magnitudes, numbers: IdArray, distance: Distance, *, what: str = "base") -> None:
    """Refuse finite rows, with numbers (n,) in the file, that float32 arithmetic cannot compare.

    Raises:
        BadRows: a row holds a value above LARGEST_VALUE, or, but under cosine, only values below SMALLEST_VALUE.
    """
    checked = _checked(numbers)
    large = rows.too_large
    if large.any():
        raise BadRows(
            f"{large.sum()} of the {what} rows {checked} hold values above {LARGEST_VALUE:g}, too large for float32 "
            f"arithmetic, the first is row {numbers[large.argmax()]}; scale the vectors down."
        )
    small = rows.too_small
    if distance != "cosine" and small.any():
        raise BadRows(
            f"{small.sum()} of the {what} rows {checked} hold only values below {SMALLEST_VALUE:g}, too small for "
            f"float32 arithmetic, the first is row {numbers[small.argmax()]}; scale the vectors up, or use --metric "
            "cosine, which ignores lengths."
        )


def _checked(numbers: IdArray) -> str:
    return f"checked ({len(numbers)} from {numbers[0]} to {numbers[-1]})" if len(numbers) else ""


def repeated_rows(rows: FloatArray, queries: FloatArray) -> tuple[str, ...]:
    """Remarks on duplicates in a sample of base rows (n, d), and on queries (q, d) that occur in it."""
    with np.errstate(invalid="ignore"):  # -0 is 0, and signalling NaN become quiet ones
        keys, asked = ([(row + np.float32(0)).tobytes() for row in each] for each in (rows, queries))
    repeats = len(keys) - len(set(keys))
    known = set(keys)
    in_base = sum(key in known for key in asked)
    remarks = []
    if repeats:
        remarks.append(f"{repeats} of {len(rows)} sampled base rows are duplicates of others.")
    if in_base:
        remarks.append(
            f"{in_base} of {len(queries)} queries also occur among {len(rows)} sampled base rows, which inflates "
            "recall."
        )
    return tuple(remarks)


def probe_rows(n: int) -> IdArray:
    """A fixed sample of at most 1,024 of n row numbers: 32 evenly spread runs of 32, with the first and the last row.

    Runs, because a file in row groups or on a disk answers few large reads faster than many small ones.
    """
    if n <= PROBE_RUNS * PROBE_RUN_ROWS:
        return np.arange(n, dtype=np.int64)
    starts = [(n - PROBE_RUN_ROWS) * run // (PROBE_RUNS - 1) for run in range(PROBE_RUNS)]
    rows = np.add.outer(np.array(starts, dtype=np.int64), np.arange(PROBE_RUN_ROWS, dtype=np.int64))
    return np.unique(rows)


def require_rows(source: VectorSource, what: str) -> None:
    """Raises InputError unless there is at least one row of at least one value."""
    if source.n and not source.d:
        raise InputError(f"every row of {what} is null or empty, so none of its {source.n:,} rows is a vector.")
    if source.n == 0:
        raise InputError(f"{what} is empty: it has {source.n} rows of dimension {source.d}.")
