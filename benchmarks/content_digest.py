"""The cost of the loop that hashes, checks and squares rows: its speed on one core, and its share of a run.

    python benchmarks/content_digest.py [--rows 1000000] [--dim 768]

`run` (sq, 8 bits, float16 vectors, ground truth included) runs in its own process, which measures the CPU time of
that loop and of the whole process.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from vq_benchmark.datasets.sources.synthetic import write_synthetic
from vq_benchmark.evaluation.content import row_facts
from vq_benchmark.machine.threads import use_threads

PROGRAM = """
import atexit, sys, time
from vq_benchmark.evaluation import tiling
from vq_benchmark.cli.main import main

digest, spent = tiling.row_facts, [0.0]

def counted(vectors, first_row):
    began = time.thread_time()
    found = digest(vectors, first_row)
    spent[0] += time.thread_time() - began
    return found

tiling.row_facts = counted
atexit.register(lambda: print(spent[0], time.process_time(), file=sys.stderr))
main()
"""


def gigabytes_per_second(d: int) -> float:
    """The best of ten passes over 256 MB of float32 rows, which fit in no cache, by CPU time."""
    rows = np.random.default_rng(0).standard_normal((256_000_000 // (4 * d), d), dtype=np.float32)
    best = 0.0
    for _ in range(10):
        began = time.thread_time()
        row_facts(rows, 0)
        best = max(best, rows.nbytes / (time.thread_time() - began) / 1e9)
    return best


def cpu_seconds(vectors: Path, folder: Path) -> tuple[float, float]:
    """CPU time of the digest and of the whole process of one `run` with empty caches."""
    options = ["--cache-dir", folder, "--codebooks-dir", folder, "--db-path", folder / "x.db", "--threads", "1"]
    command = [sys.executable, "-c", PROGRAM, "run", "--dataset", vectors, "--method", "sq", "--bits", "8"]
    done = subprocess.run([*map(str, command + options)], check=True, capture_output=True, text=True)
    digest, whole = map(float, done.stderr.splitlines()[-1].split())
    return digest, whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=768)
    given = parser.parse_args()
    use_threads(1)
    for d in (96, 384, 768, 1536):
        print(f"d = {d}: {gigabytes_per_second(d):.1f} GB/s of float32 on one core", flush=True)
    with tempfile.TemporaryDirectory() as name:
        vectors = Path(name, "base.npy")
        write_synthetic(vectors, given.rows, given.dim, dtype="float16")
        digest, whole = cpu_seconds(vectors, Path(name, "caches"))
    size = f"{given.rows:,} × {given.dim} float16"
    print(f"{size}, sq at 8 bits: {digest:.2f} of {whole:.1f} s of CPU, {digest / whole:.1%}")


if __name__ == "__main__":
    main()
