"""What the content digest costs: its speed on one core, and its share of the CPU time of `vq-benchmark run`.

    python benchmarks/content_digest.py [--rows 1000000] [--dim 768] [--runs 2]

`run` (sq, 8 bits, float16 vectors, ground truth included) is a process of its own, with the digest and with one
that returns 0 at once, in turn.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from vq_benchmark.datasets.synthetic import write_synthetic
from vq_benchmark.evaluation.content import rows_digest

PROGRAM = """
import sys
from vq_benchmark.evaluation import grid
if sys.argv.pop(1) == "without":
    grid.rows_digest = lambda vectors, first_row: 0
from vq_benchmark.cli.main import main
main()
"""


def gigabytes_per_second(d: int) -> float:
    """The best of ten passes over 256 MB of float32 rows, which lie in no cache."""
    rows = np.random.default_rng(0).standard_normal((256_000_000 // (4 * d), d), dtype=np.float32)
    best = 0.0
    for _ in range(10):
        began = time.perf_counter()
        rows_digest(rows, 0)
        best = max(best, rows.nbytes / (time.perf_counter() - began) / 1e9)
    return best


def cpu_seconds(vectors: Path, folder: Path, which: str) -> float:
    """User and system time of one `run` with empty caches."""
    options = ["--cache-dir", folder, "--codebooks-dir", folder, "--db-path", folder / "x.db", "--threads", "1"]
    command = [sys.executable, "-c", PROGRAM, which, "run", "--dataset", vectors, "--method", "sq", "--bits", "8"]
    before = os.times()
    subprocess.run([*map(str, command + options)], check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--runs", type=int, default=2)
    given = parser.parse_args()
    for d in (96, 384, given.dim, 1536):
        print(f"d = {d}: {gigabytes_per_second(d):.1f} GB/s of float32 on one core")
    with tempfile.TemporaryDirectory() as name:
        vectors = Path(name, "base.npy")
        write_synthetic(vectors, given.rows, given.dim, dtype="float16")
        seconds: dict[str, list[float]] = {"with": [], "without": []}
        for run in range(given.runs):
            for which, times in seconds.items():
                folder = Path(name, f"{which}{run}")
                times.append(cpu_seconds(vectors, folder, which))
        best = {which: min(times) for which, times in seconds.items()}
    share = (best["with"] - best["without"]) / best["without"]
    print(f"{given.rows:,} × {given.dim} float16, sq at 8 bits: {best['with']:.1f} s of CPU, {best['without']:.1f} s")
    print(f"without the digest: it adds {share:.1%} (least of {given.runs} runs each)")


if __name__ == "__main__":
    main()
