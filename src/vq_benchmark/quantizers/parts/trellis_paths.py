"""One closed path through a bit-shift trellis for each row: its search, its bit stream, and its levels.

The path is tail-biting: its last state is also its first, so the stream, read as a ring, holds every state as the L
bits before a position, and no bits are spent on a start. The search is that of Calderbank, Fishburn & Rabanovich
(IEEE Trans. IT 41, 1995), in two passes: a short one over the end and the beginning of the ring finds the state where
they meet, and a full one keeps it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vq_benchmark.arrays import CodeArray, FloatArray, IdArray
from vq_benchmark.quantizers.kernels.compile import row_kernel, tile_kernel
from vq_benchmark.quantizers.kernels.sums import dot, dot_and_square
from vq_benchmark.quantizers.kernels.viterbi import KINDS, LANES, aligned, best_path
from vq_benchmark.quantizers.parts.trellis_books import books_of, kind_of, memory_within

_JOINT_STATES = 5
"""The first pass covers this many memory lengths on both sides of the joint; further away, the path hardly cares."""


class Steps(NamedTuple):
    """The steps of a path, as kernels take them."""

    kinds: IdArray
    """(steps,) places in KINDS."""
    columns: IdArray
    """(steps,) the first coordinate of each."""
    edges: IdArray
    """(segments + 1,) the coordinates at which segments begin, and the end."""
    kinds_of_segments: IdArray
    """(segments,) places in KINDS."""
    segments: IdArray
    """(steps,) the segment of each step."""
    roots: FloatArray
    """(segments,) the roots of their weights."""


@dataclass(frozen=True)
class TrellisPaths:
    """The paths of rows that are cut into segments with bits of their own."""

    steps: Steps
    books: FloatArray
    """(KINDS, 2·2^memory) levels."""
    weighted: FloatArray
    """(segments, 2·2^memory) the levels of each, times the root of its weight."""
    memory: int
    """L: bits of a state."""
    bits: int
    """Bits of a path."""

    @property
    def code_bytes(self) -> int:
        """Bytes of a path."""
        return (self.bits + 7) // 8

    def encode(self, y: FloatArray, codes: CodeArray) -> FloatArray:
        """Write the paths of y (n, ≥ e) to codes (n, code_bytes); return ‖z‖/cos of each segment z, (n, segments)."""
        radii = np.empty((y.shape[0], self.steps.edges.size - 1), np.float32)
        if self.bits:
            _encode(y, self.steps, self.books, self.weighted, self.memory, self._joint_steps(), codes, radii)
        return radii

    def decode(self, codes: CodeArray, radii: FloatArray, out: FloatArray) -> None:
        """out[:, :e] = radius/‖q‖·q in each segment, for levels q of codes (n, code_bytes); radii (n, segments)."""
        if self.bits:
            _decode(codes, self.steps, self.books, self.memory, self.bits, radii, out)

    def _joint_steps(self) -> int:
        least = min((KINDS[kind][0] for kind in self.steps.kinds), default=1)
        return min(self.steps.kinds.size, -(-_JOINT_STATES * self.memory // least))


def paths_of(sizes: Sequence[int], rates: Sequence[float], weights: Sequence[float], memory: int) -> TrellisPaths:
    """The paths of segments with these numbers of axes and bits per axis, and of states of `memory` bits at most.

    The weight of a segment is that of the error of its axes, relative to their mean square. It matters where segments
    meet, because the last bits of one are also the first window of the next.
    """
    kinds = [kind_of(rate) for rate in rates]
    counts = [size // KINDS[kind][1] for size, kind in zip(sizes, kinds, strict=True)]
    step_kinds = np.repeat(np.array(kinds, np.int64), counts)
    widths = np.array([KINDS[kind][1] for kind in step_kinds], np.int64)
    bits = sum(KINDS[kind][0] * count for kind, count in zip(kinds, counts, strict=True))
    memory = memory_within(min(memory, max(bits, 1)))
    steps = Steps(
        step_kinds,
        np.cumsum(widths) - widths,
        np.cumsum([0, *sizes]),
        np.array(kinds, np.int64),
        *_weighing(counts, weights),
    )
    books = books_of(memory)
    return TrellisPaths(steps, books, books[steps.kinds_of_segments] * steps.roots[:, None], memory, bits)


def _weighing(counts: Sequence[int], weights: Sequence[float]) -> tuple[IdArray, FloatArray]:
    """The segment of each step, and the roots of the weights, the largest 1."""
    roots = np.sqrt(np.array(weights, np.float64))
    return np.repeat(np.arange(len(counts)), counts), (roots / max(roots.max(initial=0), 1e-30)).astype(np.float32)


@tile_kernel
def _encode(
    y: FloatArray,
    steps: Steps,
    books: FloatArray,
    weighted: FloatArray,
    memory: int,
    joint: int,
    codes: CodeArray,
    radii: FloatArray,
) -> None:
    n, count = y.shape[0], steps.kinds.size
    free = np.full(LANES, -1, np.int64)
    costs, following = aligned(1 << memory), aligned(1 << memory)
    choices = np.empty((count, 1 << (memory - 1), LANES), np.uint8)
    values, states = aligned(steps.edges[-1]), np.empty((count, LANES), np.int32)
    around = np.concatenate((np.arange(count - joint, count), np.arange(joint)))
    around_kinds, around_columns, around_segments = steps.kinds[around], steps.columns[around], steps.segments[around]
    around_choices = choices if 2 * joint <= count else np.empty((2 * joint, 1 << (memory - 1), LANES), np.uint8)
    around_states = np.empty((2 * joint, LANES), np.int32)
    levels = np.empty(steps.edges[-1], np.float32)
    for first in range(0, n, LANES):
        lanes = min(LANES, n - first)
        _normalise(y[first : first + lanes], steps, values)
        best_path(
            values, around_kinds, around_columns, around_segments, weighted, free, free,
            costs, following, around_choices, around_states,
        )  # fmt: skip
        joints = around_states[joint - 1].astype(np.int64)
        best_path(
            values, steps.kinds, steps.columns, steps.segments, weighted, joints, joints,
            costs, following, choices, states,
        )  # fmt: skip
        for lane in range(lanes):
            _write(states[:, lane], steps.kinds, codes[first + lane])
            _read_levels(states[:, lane], steps, books, levels)
            for s in range(steps.edges.size - 1):
                start, stop = steps.edges[s], steps.edges[s + 1]
                z = y[first + lane, start:stop]
                ip, l2 = dot_and_square(levels[start:stop], z)
                radii[first + lane, s] = dot(z, z) * np.sqrt(l2) / ip if ip > 0 else np.float32(0)


@row_kernel
def _normalise(y: FloatArray, steps: Steps, values: FloatArray) -> None:
    """values (e, LANES): the rows of y, each segment scaled to its weight; lanes without a row are zero."""
    for lane in range(LANES):
        for s in range(steps.edges.size - 1):
            start, stop = steps.edges[s], steps.edges[s + 1]
            scale = np.float32(0)
            if lane < y.shape[0]:
                z = y[lane, start:stop]
                square = dot(z, z)
                scale = steps.roots[s] * np.sqrt(np.float32(stop - start) / square) if square > 0 else np.float32(0)
            for j in range(start, stop):
                values[j, lane] = y[lane, j] * scale if scale > 0 else np.float32(0)


@row_kernel
def _write(states: IdArray, kinds: IdArray, code: CodeArray) -> None:
    """The new bits of each state, the highest first, from the highest bit of the first byte on."""
    code[:] = 0
    at = 0
    for j in range(kinds.size):
        bits = KINDS[kinds[j]][0]
        for i in range(bits):
            bit = (states[j] >> (bits - 1 - i)) & 1
            code[at >> 3] |= np.uint8(bit << (7 - (at & 7)))
            at += 1


@row_kernel
def _read_levels(states: IdArray, steps: Steps, books: FloatArray, levels: FloatArray) -> None:
    for j in range(steps.kinds.size):
        width = KINDS[steps.kinds[j]][1]
        for i in range(width):
            levels[steps.columns[j] + i] = books[steps.kinds[j], width * states[j] + i]


@tile_kernel
def _decode(
    codes: CodeArray, steps: Steps, books: FloatArray, memory: int, bits: int, radii: FloatArray, out: FloatArray
) -> None:
    for i in range(codes.shape[0]):
        _look_up(codes[i], steps, books, memory, bits, out[i])
        for s in range(steps.edges.size - 1):
            part = out[i, steps.edges[s] : steps.edges[s + 1]]
            length = np.sqrt(dot(part, part))
            factor = radii[i, s] / length if length > 0 else np.float32(0)
            for j in range(part.size):
                part[j] *= factor


@row_kernel
def _look_up(code: CodeArray, steps: Steps, books: FloatArray, memory: int, bits: int, levels: FloatArray) -> None:
    """levels[:e] gets those of one code: each state is the last `memory` bits read."""
    mask = (1 << memory) - 1
    read = np.int64(0)  # the bits read last, the newest lowest; before the first byte, those at the end of the ring
    for at in range(bits - memory, bits):
        read = (read << 1) | ((np.int64(code[at >> 3]) >> (7 - (at & 7))) & 1)
    byte, ahead = 0, 0
    for s in range(steps.edges.size - 1):
        start, stop, kind = steps.edges[s], steps.edges[s + 1], steps.kinds_of_segments[s]
        count, width = KINDS[kind]
        book, row = books[kind], levels[start:stop]
        for j in range(0, stop - start, width):
            if ahead < count:
                read = ((read & 0xFFFFFFFF) << 8) | np.int64(code[byte])
                byte += 1
                ahead += 8
            ahead -= count
            state = (read >> ahead) & mask
            row[j] = book[width * state]
            if width == 2:
                row[j + 1] = book[2 * state + 1]
