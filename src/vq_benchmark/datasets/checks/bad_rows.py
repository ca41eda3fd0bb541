"""Rows that no method can be measured on: zero under cosine, null, empty, or not finite. A few of them are left out.

A left-out row keeps its number, so ground truth and judgements need no other numbers. It is in no answer, in no
error and in no training sample. Sources return NaN for a row that is null or empty in its file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from vq_benchmark.arrays import Array, FloatArray, IdArray
from vq_benchmark.datasets.checks.unusable_rows import Magnitudes, check_numbered_rows
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.sampling import take
from vq_benchmark.datasets.sources.vector_source import MAX_RANGE_ROWS, VectorSource
from vq_benchmark.datasets.sources.wrappers import WrappedSource
from vq_benchmark.errors import BadRows

BadRowPolicy = Literal["drop", "refuse"]
MOST_LEFT_OUT = 0.01
"""The largest share of rows that may be left out."""
LEFT_OUT_KEY = "left_out_rows"


@dataclass(frozen=True)
class LeftOut:
    """How many rows were left out, why, and which was the first; the counts of other rows can be added."""

    non_finite: int = 0
    """Null or empty in the file, or with a NaN or infinite value."""
    zero: int = 0
    """Zero vectors under cosine."""
    first: int | None = None
    """The smallest of their numbers in the file."""

    @classmethod
    def of(cls, rows: FloatArray, numbers: IdArray, bad: Array) -> Self:
        """The rows (n, d) that `bad` (n,) marks; their numbers (n,) in the file ascend."""
        if not bad.any():
            return cls()
        zero = int(np.count_nonzero(Magnitudes.of(rows[bad]).zero))
        return cls(int(np.count_nonzero(bad)) - zero, zero, int(numbers[bad][0]))

    @property
    def count(self) -> int:
        return self.non_finite + self.zero

    def __add__(self, other: "LeftOut") -> "LeftOut":
        firsts = [each.first for each in (self, other) if each.first is not None]
        return LeftOut(self.non_finite + other.non_finite, self.zero + other.zero, min(firsts, default=None))

    def sentence(self, n: int, what: str = "base rows") -> str:
        """How many of n rows they are, of what kinds, and the first, without a full stop."""
        zeros = "zero vector" if self.zero == 1 else "zero vectors"
        kinds = [
            (self.non_finite, "null, empty or with NaN or infinite values"),
            (self.zero, f"{zeros} under cosine"),
        ]
        found = " and ".join(f"{count:,} {kind}" for count, kind in kinds if count)
        share = percent(self.count / n)
        return f"{self.count:,} of {n:,} {what} ({share}) cannot be measured: {found}, the first is row {self.first}"

    def as_json(self, n: int) -> dict[str, Any]:
        """What the environment of a result says of them under LEFT_OUT_KEY, where n rows were read."""
        return {
            "count": self.count, "share": self.count / n, "first": self.first,
            "non_finite": self.non_finite, "zero": self.zero,
        }  # fmt: skip


NOTHING_LEFT_OUT = LeftOut()


def bad_rows(rows: FloatArray, distance: Distance) -> Array:
    """(n,) bool: which rows (n, d) cannot be measured."""
    return Magnitudes.of(rows).bad(distance)


def percent(share: float) -> str:
    """A share of rows, never as 0 % where there are some."""
    return f"{share:.2%}".replace("%", " %") if share >= 1e-4 else "under 0.01 %"


def require_few(left_out: LeftOut, n: int, what: str = "base rows", *, so_far: bool = False) -> None:
    """Refuse n rows of which more than 1 % would be left out; `so_far`: there may be others than these.

    Raises:
        BadRows: the sentence says how many there are, and which is the first.
    """
    if left_out.count > MOST_LEFT_OUT * n:
        least = "at least " if so_far else ""
        remedy = ", or use --metric ip or l2, which compare zero vectors too" if left_out.zero else ""
        raise BadRows(
            f"{least}{left_out.sentence(n, what)}; at most {MOST_LEFT_OUT * 100:g} % may be left out, so remove "
            f"them{remedy} (`vq-benchmark inspect` counts them)."
        )


def usable_sample(source: VectorSource, rows: IdArray, distance: Distance, what: str | None) -> FloatArray:
    """Rows (m,) ascending of a source without those that cannot be measured, as (<= m, d) float32.

    Args:
        what: the name of a source that no pass reads; if a row of the sample is bad, all its rows are counted here.

    Raises:
        BadRows: all rows of the sample are bad, or more than 1 % of such a source.
    """
    sample = take(source, rows)
    bad = bad_rows(sample, distance)
    if not bad.any():
        return sample
    if what is not None:
        require_few(counted(source, distance), source.n, what)
    if bad.all():
        found = LeftOut.of(sample, source.rows_in_file(rows), bad)
        raise BadRows(f"{found.sentence(len(rows), 'sampled training rows')}, so there is nothing to train on.")
    return sample[~bad]


def counted(source: VectorSource, distance: Distance) -> LeftOut:
    """The bad rows of a whole source, in one pass and the memory of 4,096 rows."""
    found = NOTHING_LEFT_OUT
    for start, rows in _blocks(source):
        numbers = source.rows_in_file(np.arange(start, start + len(rows)))
        found += LeftOut.of(rows, numbers, bad_rows(rows, distance))
    return found


def _blocks(source: VectorSource) -> Iterator[tuple[int, FloatArray]]:
    for start in range(0, source.n, MAX_RANGE_ROWS):
        yield start, source.read(start, min(start + MAX_RANGE_ROWS, source.n))


@dataclass(frozen=True)
class RefusingSource(WrappedSource):
    """Another source that raises BadRows when it reads a row that cannot be measured: `--bad-rows refuse`."""

    distance: Distance
    what: str = "base"

    def read(self, start: int, stop: int) -> FloatArray:
        return self._checked(self.source.read(start, stop), np.arange(start, stop))

    def gather(self, rows: IdArray, *, gap: int, keep: bool) -> FloatArray:
        return self._checked(self.source.gather(rows, gap=gap, keep=keep), rows)

    def _checked(self, vectors: FloatArray, rows: IdArray) -> FloatArray:
        check_numbered_rows(vectors, self.rows_in_file(rows), self.distance, what=self.what)
        return vectors
