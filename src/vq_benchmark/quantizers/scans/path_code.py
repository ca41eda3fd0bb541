"""The paths of `trellis` as a scan reads them: windows of bits look up levels of 7 bits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vq_benchmark.arrays import Array, CodeArray, DoubleArray, FloatArray
from vq_benchmark.quantizers.kernels.integer_dots import MOST_LEVEL, QUERIES, ROWS
from vq_benchmark.quantizers.kernels.scan_paths import PathTables, decode_block
from vq_benchmark.quantizers.kernels.viterbi import KINDS
from vq_benchmark.quantizers.parts.trellis_paths import TrellisPaths

_MOST_WINDOW = 15
"""Bits of the largest window: its table of 128 KiB stays in the second-level cache."""
_MOST_QUERY = 127


class Rounded(NamedTuple):
    """The levels of a segment as low + step·integers up to 127."""

    low: float
    step: float
    integers: Array


@dataclass(frozen=True)
class PathCode:
    """The tables of the paths of a fitted model, and the levels that their bytes stand for."""

    paths: TrellisPaths
    tables: PathTables
    rounded: list[Rounded]
    """Of each segment."""

    def levels(self, codes: CodeArray, side: int = 0) -> list[DoubleArray]:
        """The levels of each segment, (n, size), of codes (n, bytes) whose paths follow `side` bytes."""
        quads = int(self.tables.quads[-1])
        out = np.zeros((len(codes), 4 * quads), np.uint8)
        for first in range(0, len(codes), ROWS):
            block = np.zeros(quads * ROWS, np.uint32)
            part = codes[first : first + ROWS]
            decode_block(part, side, self.tables, self.paths.bits, block)
            out[first : first + ROWS] = (
                block.view(np.uint8).reshape(quads, ROWS, 4).transpose(1, 0, 2).reshape(ROWS, -1)[: len(part)]
            )
        starts = 4 * self.tables.quads
        return [
            each.low + each.step * out[:, start : start + size].astype(np.float64)
            for each, start, size in zip(self.rounded, starts[:-1], self.tables.sizes, strict=True)
        ]

    def coded(self, projected: FloatArray) -> tuple[Array, FloatArray]:
        """Queries (q, e) as `scan_paths` takes them: 8 bits a coordinate, between −127 and 127 steps in each segment.

        The step of a segment is the largest magnitude over 127, 1 where all are 0.
        """
        count = len(projected)
        padded = -(-count // QUERIES) * QUERIES
        queries, terms = [], np.empty((count, len(self.rounded), 2), np.float32)
        for s, (start, size) in enumerate(zip(self.paths.steps.edges, self.tables.sizes, strict=False)):
            values = projected[:, start : start + size].astype(np.float64)
            most = np.abs(values).max(axis=1)
            step = np.where(most > 0, most, _MOST_QUERY) / _MOST_QUERY
            integers = np.rint(values / step[:, None])
            width = 4 * int(self.tables.quads[s + 1] - self.tables.quads[s])
            part = np.zeros((padded, width), np.int8)
            part[:count, :size] = integers
            queries.append(part.ravel())
            terms[:, s, 0] = step
            terms[:, s, 1] = step * integers.sum(axis=1) * self.rounded[s].low / self.rounded[s].step
        return np.concatenate(queries), terms


@dataclass(frozen=True)
class PathScan:
    """What a scan must know of a fitted model whose codes hold paths."""

    code: PathCode
    side: int
    """Bytes of a code before the path."""
    read: Callable[[CodeArray], tuple[FloatArray, FloatArray]]
    """The radii (n, segments) of codes, and the numbers (n,) to add to their scores."""


def path_code(paths: TrellisPaths) -> PathCode:
    """The tables of paths of at least one bit.

    A look-up gives as many levels, up to four, as a small table allows.
    """
    rounded, tables, shapes = [], [], []
    sizes = np.diff(paths.steps.edges)
    for kind, size in zip(paths.steps.kinds_of_segments, sizes, strict=True):
        bits, width = KINDS[kind]
        found = _rounded(paths.books[kind, : width << paths.memory])
        levels = next(
            count for count in (4, 2, 1)
            if size % count == 0 and count >= width
            and (count == width or paths.memory + (count // width - 1) * bits <= _MOST_WINDOW)
        )  # fmt: skip
        need = levels // width * bits
        window = paths.memory - bits + need
        rounded.append(found)
        tables.append(_table(found.integers, paths.memory, bits, width, levels))
        shapes.append((need, levels, window))
    sizes_of_tables = [0, *(len(table) for table in tables)]
    bits_of, levels_of, windows = (np.array(column, np.int64) for column in zip(*shapes, strict=True))
    quads = np.cumsum([0, *(-(-sizes // 4))])
    starts = np.cumsum(sizes_of_tables)[:-1]
    return PathCode(
        paths, PathTables(quads, sizes, bits_of, levels_of, windows, starts, np.concatenate(tables)), rounded
    )


def _rounded(book: FloatArray) -> Rounded:
    low, high = float(book.min()), float(book.max())
    step = (high - low) / MOST_LEVEL if high > low else 1.0
    return Rounded(low, step, np.rint((book.astype(np.float64) - low) / step).astype(np.uint32))


def _table(integers: Array, memory: int, bits: int, width: int, levels: int) -> Array:
    """(2^window,) uint32: the levels of each window, the first state and the new bits of the states after it."""
    steps = levels // width
    window = memory + (steps - 1) * bits
    places = np.arange(1 << window)
    out = np.zeros(1 << window, np.uint32)
    for step in range(steps):
        states = (places >> ((steps - 1 - step) * bits)) & ((1 << memory) - 1)
        for i in range(width):
            out |= integers[width * states + i] << np.uint32(8 * (step * width + i))
    return out
