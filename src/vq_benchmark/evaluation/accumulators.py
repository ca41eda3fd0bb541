"""What one pass over some rows accumulates: small, mergeable without loss, and serialisable."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.evaluation.content import ContentDigest
from vq_benchmark.evaluation.spans import Span, joined
from vq_benchmark.evaluation.statistics.exact_sum import ExactSum
from vq_benchmark.evaluation.topk import TopCandidates
from vq_benchmark.evaluation.topk_coding import coded, decoded
from vq_benchmark.machine.archive import ArchiveFormat
from vq_benchmark.machine.damage import taking_apart

FORMAT = ArchiveFormat("accumulators", version=3)
"""Of version 2 are candidates as plain arrays."""


@dataclass
class Accumulators:
    """Sums over vectors and over fixed pairs, and the best candidates of every query, for the rows in `spans`.

    The accumulators of any partition of the rows merge to those of the whole, bit for bit.
    """

    spans: list[Span] = field(default_factory=list)
    """Disjoint ascending row ranges [start, stop) that were processed; adjacent ranges are joined."""
    sums: dict[str, ExactSum] = field(default_factory=dict)
    top: TopCandidates | None = None
    """None if scoring was off."""
    content: ContentDigest = field(default_factory=ContentDigest)
    """Digest of the rows that were processed."""

    def add(self, name: str, values: DoubleArray) -> None:
        """Add (n,) float64 values to the sum `name`."""
        self.sums.setdefault(name, ExactSum()).add(values)

    def add_moments(self, name: str, values: DoubleArray) -> None:
        """Add to the count, sum and sum of squares of `name`, which give its mean and its interval."""
        self.add(f"{name}:0", np.ones(len(values)))
        self.add(f"{name}:1", values)
        self.add(f"{name}:2", values * values)

    def add_joint_moments(self, name: str, x: DoubleArray, y: DoubleArray) -> None:
        """Add to the moments of two variables up to the second degree."""
        self.add_moments(f"{name}:x", x)
        self.add_moments(f"{name}:y", y)
        self.add(f"{name}:xy", x * y)

    def total(self, name: str) -> float:
        """The sum `name`; 0 if nothing was added."""
        return self.sums.get(name, ExactSum()).value

    def copy(self, spans: list[Span]) -> Self:
        """An independent snapshot of a pass that has processed `spans` so far."""
        sums = {name: replace(total) for name, total in self.sums.items()}
        return type(self)(spans, sums, None if self.top is None else self.top.copy(), self.content.copy())

    def merge(self, other: Self) -> None:
        """Merge the accumulators of other rows into these.

        Raises:
            ValueError: both cover the same row, or only one keeps candidates, or they keep different numbers of them.
                Nothing is changed then.
        """
        if (self.top is None) != (other.top is None) and self.spans and other.spans:
            raise ValueError("accumulators with and without candidates cannot be merged")
        spans = joined(self.spans + other.spans)
        if self.top is None:
            self.top = None if other.top is None else replace(other.top)  # ours to change, theirs not
        elif other.top is not None:
            self.top.merge(other.top)
        for name, total in other.sums.items():
            self.sums.setdefault(name, ExactSum()).merge(total)
        self.content.merge(other.content)
        self.spans = spans

    def to_bytes(self) -> bytes:
        """An .npz archive (no pickle) that `from_bytes` reads."""
        units = {name: hex(total.units) for name, total in sorted(self.sums.items())}
        header = {"spans": self.spans, "sums": units}
        top = {} if self.top is None else coded(self.top)
        return FORMAT.pack(header, top | self.content.to_arrays())

    @classmethod
    @taking_apart(FORMAT.kind)
    def from_bytes(cls, data: bytes) -> Self:
        """The accumulators that `to_bytes` wrote.

        Raises:
            ValueError: the bytes are damaged, or have another format version.
        """
        header, arrays = FORMAT.unpack(data)
        return cls(
            spans=[(start, stop) for start, stop in header["spans"]],
            sums={name: ExactSum(int(units, 16)) for name, units in header["sums"].items()},
            top=decoded(arrays) if "ids" in arrays else None,
            content=ContentDigest.from_arrays(arrays),
        )
