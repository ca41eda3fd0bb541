"""A digest of the rows that a pass has read, which detects changed data: one number per tile of the grid.

Each row has a 64-bit hash of its float32 values and its row number; the digest of a tile is the sum of these modulo
2^64. So the digests of any partition of the rows add up to that of the whole, in any order. It detects accidents, not
forgery. The same vectors have the same digest in any file format.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import numpy as np
from numba import u4, u8

from vq_benchmark.arrays import Array, DoubleArray, FloatArray
from vq_benchmark.datasets.checks.bad_rows import NOTHING_LEFT_OUT, LeftOut
from vq_benchmark.errors import ChangedData
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot64
from vq_benchmark.quantizers.kernels.tiles import in_tiles

MODULUS = 1 << 64
KEY_SEED = 0x76716264
"""Seed of the hash keys; part of the definition of the digest."""


@dataclass
class ContentDigest:
    """Sums of the hashes of the rows that were read, by tile, and which of these rows were left out."""

    tiles: dict[int, int] = field(default_factory=dict)
    """By tile number; a tile is absent if none of its rows was read."""
    left_out: LeftOut = NOTHING_LEFT_OUT
    """The rows that were read but cannot be measured."""

    def add(self, tile: int, digest: int, left_out: LeftOut = NOTHING_LEFT_OUT) -> None:
        """Add the digest of further rows of a tile, and which of them were left out."""
        self.tiles[tile] = (self.tiles.get(tile, 0) + digest) % MODULUS
        self.left_out += left_out

    def merge(self, other: Self) -> None:
        """Add the digest of other rows."""
        for tile, digest in other.tiles.items():
            self.add(tile, digest)
        self.left_out += other.left_out

    def copy(self) -> Self:
        """An independent copy of the digest so far."""
        return type(self)(dict(self.tiles), self.left_out)

    @property
    def hex(self) -> str:
        """The digest of all rows that were read, as 16 hex digits."""
        return f"{sum(self.tiles.values()) % MODULUS:016x}"

    def to_arrays(self) -> dict[str, Array]:
        """Arrays from which `from_arrays` restores the digest; each takes a few bytes per tile."""
        tiles = sorted(self.tiles)
        arrays: dict[str, Array] = {
            "content_tiles": np.array(tiles, dtype=np.int64),
            "content_sums": np.array([self.tiles[tile] for tile in tiles], dtype=np.uint64),
        }
        out = self.left_out
        if out.count:
            arrays["content_left_out"] = np.array([out.non_finite, out.zero, out.first], dtype=np.int64)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Self:
        """The digest that `to_arrays` wrote; KeyError if it is missing."""
        tiles, sums = arrays["content_tiles"].tolist(), arrays["content_sums"].tolist()
        found = arrays.get("content_left_out")
        left_out = NOTHING_LEFT_OUT if found is None else LeftOut(*found.tolist())
        return cls(dict(zip(tiles, sums, strict=True)), left_out)


def first_changed_rows(
    one: ContentDigest, one_spans: Sequence[Span], other: ContentDigest, other_spans: Sequence[Span], tile_rows: int
) -> Span | None:
    """Rows [start, stop) of the first tile in which two passes read the same rows but different values.

    `one_spans` and `other_spans` are the row ranges that the passes have read. A tile is only compared if both
    read the same rows of it. None if no tile differs.
    """
    for tile in sorted(one.tiles.keys() & other.tiles.keys()):
        rows = (tile * tile_rows, (tile + 1) * tile_rows)
        seen = _within(one_spans, rows)
        if one.tiles[tile] != other.tiles[tile] and seen == _within(other_spans, rows):
            return seen[0][0], seen[-1][1]
    return None


def require_same_content(
    one: ContentDigest, one_spans: Sequence[Span], other: ContentDigest, other_spans: Sequence[Span], tile_rows: int
) -> None:
    """Check that a pass read the vectors that its ground truth was computed from.

    Raises:
        ChangedData: naming the first rows that differ.
    """
    changed = first_changed_rows(one, one_spans, other, other_spans, tile_rows)
    if changed is not None:
        raise ChangedData(
            f"base rows {changed[0]} to {changed[1]} differ from those that the ground truth was computed from, so "
            "the data changed in between; `touch` the data files and rerun the commands, which then check every "
            "result against the vectors."
        )


def _within(spans: Sequence[Span], rows: Span) -> list[Span]:
    cut = [(max(start, rows[0]), min(stop, rows[1])) for start, stop in spans]
    return [(start, stop) for start, stop in cut if start < stop]


def rows_digest(vectors: FloatArray, first_row: int) -> int:
    """The sum modulo 2^64 of the hashes of rows (n, d) float32; the first row has number `first_row`."""
    return total_of(row_facts(vectors, first_row).hashes)


def total_of(hashes: Array) -> int:
    """The sum modulo 2^64 of hashes (n,) uint64."""
    return int(hashes.sum(dtype=np.uint64))


@dataclass(frozen=True)
class RowFacts:
    """What one loop over rows finds out about each of them."""

    hashes: Array
    """(n,) uint64 hash of its values and its number."""
    largest: FloatArray
    """(n,) float32 largest magnitude; NaN or infinite if the row holds such a value."""
    squared_norms: DoubleArray
    """(n,) float64, with the bits of `squared_norms`."""

    def part(self, rows: slice) -> Self:
        """The facts of some of the rows."""
        return type(self)(self.hashes[rows], self.largest[rows], self.squared_norms[rows])


def row_facts(vectors: FloatArray, first_row: int) -> RowFacts:
    """The facts of rows (n, d) float32, of which the first has number `first_row`, in one parallel loop."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    n, d = vectors.shape
    facts = RowFacts(np.empty(n, np.uint64), np.empty(n, np.float32), np.empty(n))
    keys = _keys(d)

    def scan(part: slice) -> None:
        _scan(
            vectors[part], vectors[part].view(np.uint32), keys, np.uint64(first_row + part.start),
            facts.hashes[part], facts.largest[part].view(np.uint32), facts.squared_norms[part],
        )  # fmt: skip

    in_tiles(n, scan)
    return facts


@cache
def _keys(d: int) -> Array:
    return np.random.default_rng(KEY_SEED).integers(1 << 32, size=d, dtype=np.uint32)


@tile_kernel
def _scan(vectors: Any, words: Any, keys: Any, first_row: Any, hashes: Any, largest: Any, squared_norms: Any) -> None:
    for row in range(len(words)):
        hashes[row] = _hash(words[row], keys, first_row + u8(row))
        largest[row] = _largest(words[row])
        squared_norms[row] = dot64(vectors[row], vectors[row])


@row_kernel
def _largest(words: Any) -> Any:
    """The largest magnitude of float32 numbers: their bits without the sign have the order of the magnitudes."""
    largest = u4(0)
    for j in range(len(words)):
        largest = max(largest, words[j] & u4(0x7FFFFFFF))
    return largest


@row_kernel
def _hash(words: Any, keys: Any, number: Any) -> Any:
    """The products of keyed pairs of words, as in XXH3 (and NH: Black et al., UMAC, CRYPTO 1999), plus the words
    themselves, so that no value hides another; then the finaliser of SplitMix64 over that and the number of the row.

    All sums are of integers modulo 2^64, so the compiler may vectorise them at any width.
    """
    d = len(words)
    half = d // 2
    hashed = u8(0)
    for j in range(half):
        a, b = words[j], words[half + j]
        hashed += u8(a ^ keys[j]) * u8(b ^ keys[half + j]) + (u8(a) | (u8(b) << u8(32)))
    if d % 2:
        hashed += u8(words[d - 1]) * (u8(keys[d - 1]) | u8(1))
    hashed ^= number * u8(0x9E3779B97F4A7C15)
    hashed = (hashed ^ (hashed >> u8(30))) * u8(0xBF58476D1CE4E5B9)
    hashed = (hashed ^ (hashed >> u8(27))) * u8(0x94D049BB133111EB)
    return hashed ^ (hashed >> u8(31))
