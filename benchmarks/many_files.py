"""Many .npy files as one base: the audit of 10,000 small ones, and the time to read 64 large ones against one file.

    python benchmarks/many_files.py [--small 10000] [--large 64] [--rows 2000000] [--dim 384] [--dtype float16]
        [--repeats 5] [--folder DIR]

The audit is `inspect` in its own process. Large files are read in blocks of 16,384 rows, alternately as one file and
as many, from the page cache; the best times are compared.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.lib import format as numpy_format

from vq_benchmark.datasets.parts.shards import in_order, open_files
from vq_benchmark.datasets.sources.vector_source import VectorSource

PROGRAM = [sys.executable, "-c", "from vq_benchmark.cli.main import main; main()"]
BLOCK_ROWS = 16_384
WRITTEN_ROWS = 4096


def audit(folder: Path, files: int) -> None:
    """Print the cost of `inspect` on one file of five rows, and on many."""
    rng, shards = np.random.default_rng(0), folder / "small"
    shards.mkdir()
    for number in range(files):
        np.save(shards / f"emb_{number}.npy", rng.standard_normal((5, 32), dtype=np.float32))
    for what, path in (("one file", shards / "emb_0.npy"), (f"{files:,} files", shards)):
        began = time.perf_counter()
        command = [*PROGRAM, "inspect", str(path), "--cache-dir", str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        wall, cpu = time.perf_counter() - began, used.ru_utime + used.ru_stime
        if status:
            sys.exit(f"`{' '.join(command)}` failed.")
        print(f"inspect of {what}: {cpu:.1f} s of CPU, {wall:.1f} s, {used.ru_maxrss >> 10} MiB", flush=True)


def write(folder: Path, rows: int, dim: int, files: int, dtype: str) -> tuple[VectorSource, VectorSource]:
    """The same rows in one file and in many."""
    rng = np.random.default_rng(0)
    edges = np.linspace(0, rows, files + 1).astype(int).tolist()
    some = rng.standard_normal((WRITTEN_ROWS, dim), dtype=np.float32).astype(dtype)
    with (folder / "one.npy").open("wb") as whole:
        _begin(whole, rows, dim, some.dtype)
        for number, (start, stop) in enumerate(itertools.pairwise(edges)):
            with (folder / f"base_{number}.npy").open("wb") as shard:
                _begin(shard, stop - start, dim, some.dtype)
                for first in range(start, stop, WRITTEN_ROWS):
                    block = some[: min(WRITTEN_ROWS, stop - first)]
                    whole.write(block.data)
                    shard.write(block.data)
    return open_files([folder / "one.npy"]).base, open_files(in_order(folder.glob("base_*.npy"))).base


def _begin(file, rows: int, dim: int, dtype: np.dtype) -> None:
    header = {"descr": numpy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": (rows, dim)}
    numpy_format.write_array_header_1_0(file, header)


def one_pass(source: VectorSource) -> tuple[float, float]:
    """CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    for start in range(0, source.n, BLOCK_ROWS):
        source.read(start, min(start + BLOCK_ROWS, source.n))
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=64)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--dtype", default="float16")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="folder for the files; default: a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        audit(Path(name), given.small)
        sources = write(Path(name), given.rows, given.dim, given.large, given.dtype)
        times = np.array([[one_pass(source) for source in sources] for _ in range(given.repeats)])
    (cpu, wall), (cpus, walls) = times.min(axis=0)
    what = f"{given.rows:,} × {given.dim} {given.dtype}"
    print(f"{what} in one file: {cpu:.2f} s of CPU, {wall:.2f} s; in {given.large}: {cpus:.2f} s, {walls:.2f} s")
    print(f"ratio: {cpus / cpu:.2f} of CPU time, {walls / wall:.2f} of wall time")


if __name__ == "__main__":
    main()
