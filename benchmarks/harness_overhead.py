"""CPU time of `vq-benchmark run` against a bare script that does the same work with faiss.

Both train PQ (M = 96, 8 bits) on the same rows, encode and decode the base, find the exact neighbours of all queries,
and search with the codes. Each runs in its own process, timed as a whole, in turn. Two bare scripts are timed: one
with faiss's own training, and one that is given the codebooks, which isolates the overhead of the harness outside
training.

    python benchmarks/harness_overhead.py [--data FOLDER] [--runs 3]

FOLDER holds base.npy and queries.npy; without it, 100,000 × 384 synthetic vectors are generated.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BARE = """
import sys, time, faiss, numpy as np
base_path, queries_path, codebooks = sys.argv[1:4]
faiss.omp_set_num_threads(1)
base = np.load(base_path).astype(np.float32)
queries = np.load(queries_path).astype(np.float32)
base /= np.linalg.norm(base, axis=1, keepdims=True)
queries /= np.linalg.norm(queries, axis=1, keepdims=True)
pq = faiss.ProductQuantizer(base.shape[1], 96, 8)
if codebooks == "-":
    rows = np.random.default_rng(0).choice(len(base), 20000, replace=False)
    pq.train(base[np.sort(rows)])
else:
    faiss.copy_array_to_vector(np.load(codebooks)["codebooks"].ravel(), pq.centroids)
codes = pq.compute_codes(base)
decoded = pq.decode(codes)
print(((base - decoded) ** 2).sum(axis=1).mean())
_, exact = faiss.knn(queries, base, 100, faiss.METRIC_INNER_PRODUCT)
index = faiss.IndexPQ(base.shape[1], 96, 8, faiss.METRIC_INNER_PRODUCT)
index.pq = pq
index.is_trained = True
index.add_sa_codes(codes)
_, found = index.search(queries, 200)
print(np.mean([len(set(e[:10]) & set(f[:10])) / 10 for e, f in zip(exact, found)]))
"""


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    """User and system time of one process."""
    before = os.times()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def only_vectors(source: Path, folder: Path) -> Path:
    """A folder with only the base and the queries: judged queries would be work that the bare script does not do."""
    for name in ("base.npy", "queries.npy"):
        (folder / name).symlink_to((source / name).resolve())
    return folder


def synthetic(folder: Path) -> Path:
    from vq_benchmark.datasets.sources.synthetic import write_synthetic

    write_synthetic(folder / "base.npy", 100_000, 384)
    write_synthetic(folder / "queries.npy", 1000, 384, seed=1)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    environment = {**os.environ, **threads}
    times: dict[str, list[float]] = {
        "run, training": [],
        "bare, training": [],
        "run, trained": [],
        "bare, trained": [],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = synthetic(folder) if arguments.data is None else only_vectors(arguments.data, folder)
        run = [
            sys.executable, "-c", "from vq_benchmark.cli.main import main; main()", "run", "--dataset", str(data),
            "--method", "pq", "--param", "m=96", "--param", "nbits=8", "--metric", "cosine", "--threads", "1",
            "--codebooks-dir", str(folder / "codebooks"), "--db-path", str(folder / "x.db"), "--force",
        ]  # fmt: skip
        bare = [sys.executable, "-c", BARE, str(data / "base.npy"), str(data / "queries.npy")]
        subprocess.run([*run, "--cache-dir", str(folder / "warm")], check=True, env=environment, capture_output=True)
        (codebooks,) = (folder / "codebooks").glob("*.npz")
        for number in range(arguments.runs):
            fresh = ["--cache-dir", str(folder / f"cache-{number}")]
            untrained = [*fresh, "--codebooks-dir", str(folder / f"codebooks-{number}")]
            times["run, trained"].append(cpu_seconds([*run, *fresh], environment))
            times["bare, trained"].append(cpu_seconds([*bare, str(codebooks)], environment))
            fresh = ["--cache-dir", str(folder / f"cache-{number}-untrained")]
            times["run, training"].append(cpu_seconds([*run, *untrained, *fresh], environment))
            times["bare, training"].append(cpu_seconds([*bare, "-"], environment))
    medians = {label: statistics.median(values) for label, values in times.items()}
    for label, seconds in medians.items():
        print(f"{label:16} {seconds:8.1f} s of CPU (median of {arguments.runs})")
    ratios = {kind: medians[f"run, {kind}"] / medians[f"bare, {kind}"] for kind in ("training", "trained")}
    print(json.dumps({"run / bare, CPU time": {kind: round(ratio, 3) for kind, ratio in ratios.items()}}))


if __name__ == "__main__":
    main()
