"""Encoding and decoding speed of our own quantizers, compared with faiss's on the same rows in the same run.

    python benchmarks/encode.py [--data PATH] [--rows 20000] [--dim 384] [--threads 1,2] [--repeats 5]

PATH is a .npy file, or a folder with base.npy; without it, Gaussian vectors are generated.

Every rate is that of the fastest repeat, in thousand vectors per second, rotation and packing included. A peer is
timed right after each of our own repeats, so that a busy machine slows both. Compilation is timed separately. On a
busy machine, `--clock cpu --threads 1` counts only CPU time.

The second table compares `rabitq` with the library of its authors, if that is installed (`pip install
'vq-benchmark[rabitqlib]'`). It includes the cosine between vectors and codes, both relative to the mean of the rows.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import faiss
import numpy as np
from rich.console import Console
from rich.table import Table

from vq_benchmark.arrays import FloatArray
from vq_benchmark.machine.threads import use_threads
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.methods.rabitq import Rabitq
from vq_benchmark.quantizers.methods.rabitqlib import Rabitqlib
from vq_benchmark.quantizers.registry import get_quantizer


@dataclass(frozen=True)
class Case:
    """One configuration, the faiss index of the same method (if any), and the goals on one thread."""

    method: str
    parameters: dict[str, object]
    peer: str | None = None
    least_rate: float = 0.0
    """Thousand vectors per second."""
    least_ratio: float = 0.0
    """Times the rate of the peer."""

    @property
    def label(self) -> str:
        return " ".join([self.method, *(f"{name}={value}" for name, value in self.parameters.items())])


CASES = [
    Case("eden", {"bits": 1}, "EDEN1"),
    Case("eden", {"bits": 2}, "EDEN2"),
    Case("eden", {"bits": 4}, "EDEN4", 150, 1.5),
    Case("eden", {"bits": 8}, "EDEN8"),
    Case("eden", {"bits": 4, "rotation": "qr"}, "EDEN4"),
    Case("turboquant", {"bits": 4}),
    Case("turboquant", {"bits": 4, "variant": "prod"}),
    Case("rabitq", {"bits": 1}, "RaBitQ1"),
    Case("rabitq", {"bits": 2}, "RaBitQ2"),
    Case("rabitq", {"bits": 4}, "RaBitQ4", 150, 8),
    Case("rabitq", {"bits": 8}, "RaBitQ8", 0, 25),
    Case("caq", {"bits": 4}, None, 80),
    Case("saq", {"bits": 4}, None, 50),
    Case("segmented-eden", {"bits": 4}),
    Case("trellis", {"bits": 1}, None, 40),
    Case("trellis", {"bits": 2}, None, 25),
    Case("lvq", {"bits": 4}, "SQ4", 400),
    Case("lvq", {"bits": 8}, "SQ8", 400),
    Case("lvq", {"bits": 4, "bits2": 4}),
]
LEAST_DECODE, LEAST_SCORES, LEAST_SPEEDUP = 150, 400, 1.7


@dataclass
class Rates:
    """Thousand vectors per second."""

    encode: float
    peer: float | None
    decode: float
    scores: float


Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}


def measure(quantizer: Quantizer, peer: faiss.Index | None, rows: FloatArray, repeats: int, clock: Clock) -> Rates:
    def seconds(work: Callable[[], object]) -> float:
        start = clock()
        work()
        return clock() - start

    codes = quantizer.encode(rows)
    tasks: dict[str, Callable[[], object]] = {
        "encode": lambda: quantizer.encode(rows),
        "decode": lambda: quantizer.decode(codes),
        "scores": lambda: quantizer.decode_for_scores(codes),
    }
    best = {name: min(seconds(task) for _ in range(2)) for name, task in tasks.items()}
    few = rows[: max(1, len(rows) // 8)]  # faiss's RaBitQ would take a minute for all
    best_peer = float("inf")
    for _ in range(repeats):
        for name, task in tasks.items():
            best[name] = min(best[name], seconds(task))
        if peer is not None:
            best_peer = min(best_peer, seconds(lambda: peer.sa_encode(few)))
    return Rates(
        encode=len(rows) / best["encode"] / 1e3,
        peer=len(few) / best_peer / 1e3 if peer is not None else None,
        decode=len(rows) / best["decode"] / 1e3,
        scores=len(rows) / best["scores"] / 1e3,
    )


def rabitqlib_table(rows: FloatArray, threads: list[int], repeats: int, clock: str) -> Table:
    """A comparison of our `rabitq` with the library's exact and fast encoders on the same rows; encoding only.

    Cosines vary randomly from rotation to rotation, so for these our code uses the rotation of the library.
    Dimensions beyond a multiple of 64 are left out, because the library would pad them.
    """
    rows = np.ascontiguousarray(rows[:, : rows.shape[1] // 64 * 64])
    columns = ["bits", "rabitqlib", "threads", "rabitq", "rabitqlib", "ratio", "cos rabitq", "cos rabitqlib"]
    table = Table(*columns, title=f"thousand vectors per second of {clock} time, n={len(rows)}, d={rows.shape[1]}")
    for bits, search in product((1, 2, 4, 8), ("exact", "fast")):
        ours = get_quantizer("rabitq", bits=bits).fit(rows)
        theirs = get_quantizer("rabitqlib", bits=bits, search=search).fit(rows)
        assert isinstance(theirs, Rabitqlib)
        same = Rabitq(ours.parameters).fit(rows)
        same._rotation = theirs._rotation
        cosines = [mean_cosine(quantizer, rows[:4000]) for quantizer in (same, theirs)]
        for count in threads:
            use_threads(count)
            best = [float("inf"), float("inf")]
            for _ in range(repeats):
                for place, encode in enumerate((ours.encode, theirs.filled_index)):
                    start = CLOCKS[clock]()
                    encode(rows)
                    best[place] = min(best[place], CLOCKS[clock]() - start)
            rates = [len(rows) / seconds / 1e3 for seconds in best]
            has_goal = (bits, search) == (4, "exact") and count == 1
            ratio = mark(rates[0] / rates[1], 2.0 if has_goal else 0, 2)
            table.add_row(
                *(str(bits), search, str(count)),
                *(f"{rate:.1f}" for rate in rates),
                ratio,
                *(f"{cosine:.6f}" for cosine in cosines),
            )
    return table


def mean_cosine(quantizer: Quantizer, rows: FloatArray) -> float:
    """The mean cosine between rows and their reconstructions, both relative to the mean of the rows."""
    centre = rows.mean(axis=0)
    decoded = quantizer.decode(quantizer.encode(rows)) - centre
    offsets = rows - centre
    products = np.einsum("ij,ij->i", offsets, decoded)
    return float((products / np.linalg.norm(offsets, axis=1) / np.linalg.norm(decoded, axis=1)).mean())


def mark(value: float, goal: float, digits: int = 0) -> str:
    """The value, green if it reaches a goal above zero, red if it does not."""
    text = f"{value:.{digits}f}"
    if goal <= 0:
        return text
    return f"[green]{text}[/]" if value >= goal else f"[red]{text} < {goal:g}[/]"


def load_rows(path: Path | None, count: int, d: int) -> FloatArray:
    if path is None:
        return np.random.default_rng(0).standard_normal((count, d)).astype(np.float32)
    return np.ascontiguousarray(
        np.load(path / "base.npy" if path.is_dir() else path, mmap_mode="r")[:count], np.float32
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a .npy file of vectors; default: generated Gaussian vectors")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=384, help="dimension of generated vectors")
    parser.add_argument("--threads", default="1,2", help="numbers of threads; the goals apply to the first")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--only", default="", help="measure only configurations whose label contains this")
    options = parser.parse_args()
    rows = load_rows(options.data, options.rows, options.dim)
    threads = [int(count) for count in options.threads.split(",")]

    columns = ["configuration", "threads", "encode", "faiss", "ratio", "speed-up", "decode", "for scores"]
    table = Table(
        *columns, title=f"thousand vectors per second of {options.clock} time, n={len(rows)}, d={rows.shape[1]}"
    )
    compilation = 0.0
    for case in [case for case in CASES if options.only in case.label]:
        quantizer = get_quantizer(case.method, **case.parameters).fit(rows)
        start = time.perf_counter()
        quantizer.decode_for_scores(quantizer.encode(rows[:1]))
        compilation += time.perf_counter() - start
        peer = faiss.index_factory(rows.shape[1], case.peer) if case.peer else None
        if peer is not None:
            peer.train(rows)
        first: Rates | None = None
        for count in threads:
            use_threads(count)
            found = measure(quantizer, peer, rows, options.repeats, CLOCKS[options.clock])
            goals = case if first is None else Case(case.method, {})
            speedup = mark(found.encode / first.encode, LEAST_SPEEDUP, 2) if first else ""
            table.add_row(
                case.label,
                str(count),
                mark(found.encode, goals.least_rate),
                f"{found.peer:.1f}" if found.peer else "",
                mark(found.encode / found.peer, goals.least_ratio, 1) if found.peer else "",
                speedup,
                mark(found.decode, LEAST_DECODE if first is None else 0),
                mark(found.scores, LEAST_SCORES if first is None else 0),
            )
            first = first or found
    console = Console(width=120)
    console.print(table)
    console.print(f"first calls, including compilation or loading from the disk cache: {compilation:.1f} s")
    reason = Rabitqlib.unavailable()
    if reason:
        console.print(f"rabitqlib: not compared; {reason}")
    elif "rabitqlib".startswith(options.only):
        console.print(rabitqlib_table(rows, threads, options.repeats, options.clock))


if __name__ == "__main__":
    main()
