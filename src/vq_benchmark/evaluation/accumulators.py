"""What one pass over some rows leaves behind: small, mergeable without loss, and serialisable."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.evaluation.exact_sum import ExactSum
from vq_benchmark.evaluation.top_candidates import TopCandidates
from vq_benchmark.machine.archive import pack, unpack
from vq_benchmark.machine.damage import taking_apart

Span = tuple[int, int]
FORMAT_VERSION = 1


@dataclass
class Accumulators:
    """Sums over vectors and over fixed pairs, and the best candidates of every query, for the rows in `spans`.

    The accumulators of any partition of the rows merge to those of the whole, bit for bit.
    """

    spans: list[Span] = field(default_factory=list)
    """Disjoint ascending row ranges [start, stop) that were seen; neighbours are joined."""
    sums: dict[str, ExactSum] = field(default_factory=dict)
    top: TopCandidates | None = None
    """None where no scores were asked for."""

    def add(self, name: str, values: DoubleArray) -> None:
        """Add (n,) float64 values to the sum `name`."""
        self.sums.setdefault(name, ExactSum()).add(values)

    def add_moments(self, name: str, values: DoubleArray) -> None:
        """Add to the count, sum and sum of squares of `name`, which `mean` and its interval are made from."""
        self.add(f"{name}:0", np.ones(len(values)))
        self.add(f"{name}:1", values)
        self.add(f"{name}:2", values * values)

    def add_joint_moments(self, name: str, x: DoubleArray, y: DoubleArray) -> None:
        """Add to the moments of two variables up to the second degree."""
        self.add_moments(f"{name}:x", x)
        self.add_moments(f"{name}:y", y)
        self.add(f"{name}:xy", x * y)

    def total(self, name: str) -> float:
        """The sum `name`, 0 if nothing was ever added."""
        return self.sums.get(name, ExactSum()).value

    def copy(self, spans: list[Span]) -> Self:
        """The same in the middle of a pass that has seen `spans` so far: finished, and apart from what goes on."""
        sums = {name: replace(total) for name, total in self.sums.items()}
        return type(self)(spans, sums, None if self.top is None else self.top.sorted())

    def merge(self, other: Self) -> None:
        """Take in the accumulators of other rows.

        Raises:
            ValueError: both have seen the same row, only one of them kept candidates, or not as many; nothing is
                changed then.
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
        self.spans = spans

    def to_bytes(self) -> bytes:
        """An .npz archive (no pickle) that `from_bytes` reads."""
        units = {name: hex(total.units) for name, total in sorted(self.sums.items())}
        header = {"version": FORMAT_VERSION, "spans": self.spans, "sums": units}
        arrays = {} if self.top is None else {name: getattr(self.top, name) for name in ("scores", "ids", "exact")}
        return pack(header, arrays)

    @classmethod
    @taking_apart("accumulators")
    def from_bytes(cls, data: bytes) -> Self:
        """The accumulators that `to_bytes` wrote.

        Raises:
            ValueError: the bytes are damaged or of another format version.
        """
        header, arrays = unpack(data)
        if header.get("version") != FORMAT_VERSION:
            raise ValueError(f"accumulators of format {header.get('version')}, this version reads {FORMAT_VERSION}")
        return cls(
            spans=[(start, stop) for start, stop in header["spans"]],
            sums={name: ExactSum(int(units, 16)) for name, units in header["sums"].items()},
            top=TopCandidates(**arrays) if arrays else None,
        )


def joined(spans: list[Span]) -> list[Span]:
    """The spans in ascending order with neighbours joined; ValueError if two overlap."""
    out: list[Span] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if out and start < out[-1][1]:
            raise ValueError(f"rows {start} to {min(stop, out[-1][1])} were seen twice")
        if out and start == out[-1][1]:
            out[-1] = (out[-1][0], stop)
        else:
            out.append((start, stop))
    return out


def gaps(spans: list[Span], n: int) -> list[Span]:
    """The row ranges of [0, n) that no span covers; spans as `joined` gives them."""
    edges = [0, *(edge for span in spans for edge in span), n]
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if start < stop]


def next_row(done: Span, start: int, stop: int) -> int:
    """Where a pass over rows [start, stop) goes on whose rows `done` are done; ValueError if it did not begin so."""
    if done[0] != start or not start < done[1] <= stop:
        raise ValueError(f"rows {done[0]} to {done[1]} are no beginning of the rows {start} to {stop}")
    return done[1]
