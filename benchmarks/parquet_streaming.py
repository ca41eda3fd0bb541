"""Time and peak memory of a large base in many parquet shards: opening, sampling, one pass, and a whole run.

    python benchmarks/parquet_streaming.py [--rows 2000000] [--dim 96] [--shards 60] [--row-group 1000 1000000]
        [--dtype float32] [--folder DIR]

Each row group size is a separate data set. Every measurement runs in its own process, whose peak resident set is
reported by the kernel. The files are generated, with a column of names beside the vectors.
"""

import argparse
import itertools
import json
import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peak_memory import peak_bytes

MEASURE = """
import json, sys, time
from pathlib import Path
from vq_benchmark.datasets.sources.parquet.parquet_source import open_parquet
from vq_benchmark.datasets.parts.directory import files_of_directory
from vq_benchmark.datasets.sources.sampling import sample_rows, take
from vq_benchmark.machine.memory import peak_bytes, reset_peak

folder, cache = map(Path, sys.argv[1:])
found = {}
def timed(name, action):
    began = time.perf_counter()
    result = action()
    found[name] = round(time.perf_counter() - began, 3)
    return result
paths = files_of_directory(folder).base
timed("open, first time (s)", lambda: open_parquet(paths, None, cache))
source = timed("open again (s)", lambda: open_parquet(paths, None, cache))
rows = sample_rows(source.n, 20_000, 0)
timed("20,000 random rows (s)", lambda: take(source, rows))
timed("the same again (s)", lambda: take(source, rows))
reset_peak()
def one_pass():
    for start in range(0, source.n, 16_384):
        source.read(start, min(start + 16_384, source.n))
timed("one pass (s)", one_pass)
found["row groups"] = len(source.index.edges) - 1
found["peak of the pass (MiB)"] = peak_bytes() >> 20
print(json.dumps(found))
"""


def write(folder: Path, rows: int, dim: int, shards: int, row_group: int, dtype: str) -> None:
    """Write shards base/00.parquet, base/01.parquet and so on, of Gaussian rows."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    edges = np.linspace(0, rows, shards + 1).astype(int).tolist()
    for number, (start, stop) in enumerate(itertools.pairwise(edges)):
        vectors = rng.standard_normal((stop - start, dim), dtype=np.float32).astype(dtype)
        offsets = pa.array(np.arange(0, vectors.size + 1, dim), pa.int32())
        lists = pa.ListArray.from_arrays(offsets, pa.array(vectors.ravel()))
        table = pa.table({"docid": [f"document {row}" for row in range(start, stop)], "emb": lists})
        pq.write_table(table, folder / f"{number:02d}.parquet", row_group_size=row_group)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--dim", type=int, default=96)
    parser.add_argument("--shards", type=int, default=60)
    parser.add_argument("--row-group", type=int, nargs="+", default=[1000, 1_000_000])
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--num-queries", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="folder for the files; default: a temporary folder")
    arguments = parser.parse_args()
    program = [sys.executable, "-c", "from vq_benchmark.cli.main import main; main()"]
    for row_group in arguments.row_group:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            folder, cache = Path(name) / "base", Path(name) / "cache"
            facts = (folder, arguments.rows, arguments.dim, arguments.shards, row_group, arguments.dtype)
            writer = multiprocessing.get_context("spawn").Process(target=write, args=facts)
            writer.start()  # the kernel counts the memory of a parent as its child's, so this process stays small
            writer.join()
            size = sum(path.stat().st_size for path in folder.iterdir())
            what = f"{arguments.rows:,} × {arguments.dim} {arguments.dtype} in {arguments.shards} shards"
            print(f"{what}, {size >> 20:,} MiB")
            measured = subprocess.run(
                [sys.executable, "-c", MEASURE, folder, cache], check=True, capture_output=True, text=True
            )
            for what, value in json.loads(measured.stdout).items():
                print(f"  {what}: {value:,}")
            run = [*program, "run", "--dataset", name, "--method", "sq", "--bits", "8", "--metric", "l2"]
            places = ["--db-path", f"{name}/x.db", "--codebooks-dir", name, "--cache-dir", str(cache)]
            peak = peak_bytes([*run, *places, "--num-queries", str(arguments.num_queries)])
            print(f"  peak of `run` with exact search of {arguments.num_queries} queries (MiB): {peak >> 20:,}")


if __name__ == "__main__":
    main()
