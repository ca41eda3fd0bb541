"""Train the levels of the trellis and measure their errors; write both beside `parts/trellis_books.py`.

    python benchmarks/trellis_books.py [MEMORY ...]

Takes about twenty minutes on one core, most of it for 2^12 states. With arguments, only these books are made again.
"""

import sys
import time
from pathlib import Path

import numpy as np

from vq_benchmark.quantizers.kernels.compile import row_kernel
from vq_benchmark.quantizers.kernels.viterbi import KINDS, LANES, aligned, best_path
from vq_benchmark.quantizers.parts import trellis_books
from vq_benchmark.quantizers.parts.lloyd_max import lloyd_max
from vq_benchmark.quantizers.parts.segment_distortions import SIZES
from vq_benchmark.quantizers.parts.trellis_paths import paths_of

MEASURED = {8: 1_000_000, 10: 400_000, 12: 100_000}
"""Values that the errors of a segment are measured on, by memory."""
NEIGHBOUR = 128
"""Axes of the segment beside it."""
MOST_TRAINED_BITS = 4
"""With more bits per step, more than 2^8 states gain too little for a search of their own."""
VALUES = 512
"""Values of a training path."""


@row_kernel
def sums_by_state(values, kind, width, books, memory, sums, counts):  # type: ignore[no-untyped-def]
    """Add what each state stands for on the best paths of values (paths, VALUES, LANES); return the squared error."""
    steps = values.shape[1] // width
    kinds, columns = np.full(steps, kind), np.arange(steps) * width
    free = np.full(LANES, -1)
    costs, following = aligned(1 << memory), aligned(1 << memory)
    choices = np.empty((steps, 1 << (memory - 1), LANES), np.uint8)
    states = np.empty((steps, LANES), np.int32)
    error = 0.0
    for path in range(values.shape[0]):
        best_path(values[path], kinds, columns, kinds, books, free, free, costs, following, choices, states)
        for j in range(steps):
            for lane in range(LANES):
                state = states[j, lane]
                counts[state] += 1
                for i in range(width):
                    value = values[path, columns[j] + i, lane]
                    sums[width * state + i] += value
                    error += (value - books[kind, width * state + i]) ** 2
    return error


def trained(book, kind, memory, paths, rounds, rng):  # type: ignore[no-untyped-def]
    """Lloyd's iteration, with new values in every round: the book, and its mean error in the last quarter."""
    width = KINDS[kind][1]
    errors = []
    for _ in range(rounds):
        values = rng.standard_normal((paths, VALUES, LANES), dtype=np.float32)
        books = np.zeros((len(KINDS), 2 << memory), np.float32)
        books[kind, : book.size] = book
        sums, counts = np.zeros(width << memory), np.zeros(1 << memory)
        errors.append(sums_by_state(values, kind, width, books, memory, sums, counts) / values.size)
        repeated = np.repeat(counts, width)
        book = np.where(repeated > 0, sums / np.maximum(repeated, 1), book).astype(np.float32)
    return book, float(np.mean(errors[-(rounds // 4 or 1) :]))


def start(kind, memory, rng):  # type: ignore[no-untyped-def]
    """Levels by the parities of random subsets of a state's bits, a little disturbed."""
    bits, width = KINDS[kind]
    resolution = min(8, memory, bits + 1 if width == 1 else bits // 2 + 1)
    levels = lloyd_max(resolution).levels
    states = np.arange(1 << memory)
    book = np.empty((1 << memory, width))
    for i in range(width):
        masks = rng.integers(1, 1 << memory, size=resolution)
        parity = np.array([[int(s & mask).bit_count() & 1 for mask in masks] for s in states])
        book[:, i] = levels[parity @ (1 << np.arange(resolution))]
    return (book + 0.02 * rng.standard_normal(book.shape)).astype(np.float32).ravel()


def best_book(kind, memory):  # type: ignore[no-untyped-def]
    """The best of many starts after a few rounds, trained further."""
    bits, width = KINDS[kind]
    if bits == memory and width == 1:
        return lloyd_max(bits).levels.astype(np.float32)
    rng = np.random.default_rng([memory, kind])
    size = {10: 2, 12: 6}.get(memory, 1)
    if memory > 8 and bits > MOST_TRAINED_BITS:
        begun = [np.tile(trellis_books.books_of(8)[kind, : width << 8], 1 << (memory - 8))]  # ignores the older bits
    else:
        starts = [start(kind, memory, rng) for _ in range(10 if memory > 8 else 60)]
        tries = [trained(book, kind, memory, 6 * size, 16, rng) for book in starts]
        begun = [book for book, _ in sorted(tries, key=lambda each: each[1])[: 2 if memory > 8 else 3]]
    finer = [trained(book, kind, memory, 12 * size, 20, rng) for book in begun]
    book, _ = min(finer, key=lambda each: each[1])
    return trained(book, kind, memory, 40 * size, 20, rng)[0]


def measured(memory):  # type: ignore[no-untyped-def]
    """(kinds, sizes): the relative error of a segment on a path with a longer one, as in `segment_distortions`."""
    errors = np.empty((len(KINDS), len(SIZES)))
    for kind, rate in enumerate(trellis_books.RATES):
        for place, size in enumerate(SIZES):
            paths = paths_of([size, NEIGHBOUR], [rate, rate], [1, 1], memory)
            n = max(MEASURED[memory] // (size + NEIGHBOUR), 200)
            z = np.random.default_rng([7, size]).standard_normal((n, size + NEIGHBOUR), dtype=np.float32)
            radii = paths.encode(z, np.empty((n, paths.code_bytes), np.uint8))[:, 0]
            square = np.square(z[:, :size], dtype=np.float64).sum()
            errors[kind, place] = 1 - square / np.square(radii, dtype=np.float64).sum()
    return errors


def books(memory):  # type: ignore[no-untyped-def]
    """The books of all kinds of steps, as `trellis_books.books_of` returns them."""
    made = np.zeros((len(KINDS), 2 << memory), np.float32)
    for kind, (bits, _) in enumerate(KINDS):
        if bits <= memory:
            book = best_book(kind, memory)
            made[kind, : book.size] = book
    return made


def main() -> None:
    """Train, measure, report, write."""
    target = Path(trellis_books.__file__).with_name(trellis_books.FILE)
    memories = [int(word) for word in sys.argv[1:]] or list(trellis_books.MEMORIES)
    made = dict(trellis_books._shipped()) if target.exists() else {}
    for memory in memories:
        began = time.monotonic()
        made[f"books_{memory}"] = books(memory)
        print(f"{2**memory} states: {time.monotonic() - began:.0f} s", flush=True)
        np.savez_compressed(target, **made)
    trellis_books._shipped.cache_clear()
    for memory in set(memories) & set(MEASURED):
        made[f"errors_{memory}"] = measured(memory)
        for (bits, levels), errors in zip(KINDS, made[f"errors_{memory}"], strict=True):
            print(f"{2**memory} states, {bits}/{levels} bits: {-10 * np.log10(errors[-1]):.2f} dB")
        np.savez_compressed(target, **made)
    print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
