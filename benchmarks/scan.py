"""Time scans of packed codes against faiss's FastScan and turbovec, in one run on one thread.

    python benchmarks/scan.py --rows 100000 --dim 384 --turbovec-python FOLDER/bin/python

A rate counts code vectors: rows of the base times queries per second of CPU time, the best of several runs. `batched`
sends all queries in one call, `single` one at a time. `scan` leaves out the rows that are scored again with float
queries, which `search` includes. turbovec is not a dependency: it runs under the interpreter that you name.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Callable

import faiss
import numpy as np
from threadpoolctl import threadpool_limits

from vq_benchmark import get_quantizer
from vq_benchmark.machine.threads import use_threads
from vq_benchmark.quantizers.parts.faiss_index import add_codes, fast_scan_index
from vq_benchmark.quantizers.scans.scan_index import scan_index

DEPTH = 10
OURS = [
    ("rabitq", {"bits": 1}), ("eden", {"bits": 1}), ("rabitq", {"bits": 2}), ("eden", {"bits": 2}),
    ("rabitq", {"bits": 4}), ("turboquant", {"bits": 4}), ("sq", {"bits": 4}), ("lvq", {"bits": 4}),
    ("trellis", {"bits": 1}), ("trellis", {"bits": 2}),
]  # fmt: skip
TURBOVEC = """
import json, os, sys, time
os.environ["RAYON_NUM_THREADS"] = "1"
import numpy as np, turbovec
rows, dim, queries, repeats, singles = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
base = rng.standard_normal((rows, dim), dtype=np.float32)
base /= np.linalg.norm(base, axis=1, keepdims=True)
asked = base[:queries] + np.float32(0.03) * rng.standard_normal((queries, dim), dtype=np.float32)
for bits in (2, 4):
    index = turbovec.TurboQuantIndex(dim, bits)
    index.add(base)
    index.prepare()
    found = []
    for part, count in ((asked, repeats), (None, singles)):
        best = float("inf")
        for k in range(count):
            began = time.process_time()
            index.search(part if part is not None else asked[k % queries : k % queries + 1], 10)
            best = min(best, time.process_time() - began)
        found.append(rows * (queries if part is not None else 1) / best / 1e6)
    print(json.dumps([f"turbovec {bits} bits", *found]))
"""


def best_seconds(work: Callable[[int], object], repeats: int) -> float:
    """The least CPU time of work(0), work(1), ..."""
    seconds = []
    for k in range(repeats):
        began = time.process_time()
        work(k)
        seconds.append(time.process_time() - began)
    return min(seconds)


def rates(search: Callable[[np.ndarray], object], rows: int, queries: np.ndarray, repeats: int, singles: int) -> list:
    """Millions of code vectors per second, batched and single."""
    search(queries)
    search(queries[:1])
    batched = best_seconds(lambda _: search(queries), repeats)
    single = best_seconds(lambda k: search(queries[k % len(queries)][None]), singles)
    return [rows * len(queries) / batched / 1e6, rows / single / 1e6]


def faiss_lines(base: np.ndarray, queries: np.ndarray, repeats: int, singles: int) -> dict[str, list]:
    """Rates of FastScan by name: codes of one bit per dimension as products of four, and RaBitQ's."""
    found = {}
    dim = base.shape[1]
    product = faiss.IndexPQFastScan(dim, dim // 4, 4, faiss.METRIC_INNER_PRODUCT)
    product.train(base[:2000])
    product.add(base)
    found[f"faiss IndexPQFastScan {dim // 4}x4"] = rates(
        lambda part: product.search(part, DEPTH), len(base), queries, repeats, singles
    )
    quantizer = get_quantizer("rabitq-faiss", bits=1).fit(base[:2000])
    index = quantizer.search_index("ip")
    add_codes(index, quantizer.index_codes(base, "ip"))
    fast = fast_scan_index(index)
    found["faiss IndexRaBitQFastScan"] = rates(
        lambda part: fast.search(part, DEPTH), len(base), queries, repeats, singles
    )
    return found


def our_lines(base: np.ndarray, queries: np.ndarray, repeats: int, singles: int) -> dict[str, list]:
    """Rates of the scans of our own methods: batched and single without, then with scoring again."""
    found = {}
    for name, config in OURS:
        quantizer = get_quantizer(name, **config).fit(base[:2000])
        index = scan_index(quantizer, "ip", len(base))
        # Trellis codes take long to encode, and a scan takes as long whatever it reads.
        coded = 4096 if name == "trellis" else len(base)
        codes = quantizer.encode(base[:coded])
        index.add(np.resize(codes, (len(base), quantizer.code_bytes)))

        def scan(part: np.ndarray, quantizer=quantizer, index=index) -> object:
            projected = np.ascontiguousarray(quantizer.project_queries(part), np.float32)
            return index.scan(projected, index.candidates * DEPTH)

        def search(part: np.ndarray, index=index) -> object:
            return index.search(part, DEPTH)

        label = f"{name} {config['bits']} bits, {index.name}"
        found[label] = [rate for work in (scan, search) for rate in rates(work, len(base), queries, repeats, singles)]
    return found


def read_rate(megabytes: float) -> float:
    """GB/s of reading an array of that size on one thread, the limit of a single query whose codes fill it."""
    values = np.ones(int(megabytes * 125_000), np.uint64)
    return values.nbytes / best_seconds(lambda _: np.bitwise_or.reduce(values), 20) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--singles", type=int, default=100)
    parser.add_argument("--turbovec-python", help="an interpreter that has turbovec, compared if given")
    options = parser.parse_args()
    use_threads(1)
    faiss.omp_set_num_threads(1)
    rng = np.random.default_rng(0)
    base = rng.standard_normal((options.rows, options.dim), dtype=np.float32)
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    queries = base[: options.queries] + np.float32(0.03) * rng.standard_normal(
        (options.queries, options.dim), dtype=np.float32
    )
    for megabytes in (1, options.rows * options.dim / 8e6, options.rows * options.dim / 2e6):
        print(f"reading {megabytes:.1f} MB: {read_rate(megabytes):.0f} GB/s")
    sizes = (options.repeats, options.singles)
    with threadpool_limits(1):
        peers = faiss_lines(base, queries, *sizes)
        if options.turbovec_python:
            numbers = [options.rows, options.dim, options.queries, *sizes]
            command = [options.turbovec_python, "-c", TURBOVEC, *map(str, numbers)]
            for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
                name, *found = json.loads(line)
                peers[name] = found
        ours = our_lines(base, queries, *sizes)
    print("\n| codes | batched | single | batched search | single search |\n| --- | --- | --- | --- | --- |")
    for name, found in {**peers, **ours}.items():
        print(f"| {name} | {' | '.join(f'{rate:.0f}' for rate in found)} |")
    print("\n| ratio of scans | batched | single |\n| --- | --- | --- |")
    for name, found in ours.items():
        bits = name.split()[1]
        peer = next((p for p in peers if p == f"turbovec {bits} bits"), next(iter(peers)))
        print(f"| {name} / {peer} | {found[0] / peers[peer][0]:.2f} | {found[1] / peers[peer][1]:.2f} |")


if __name__ == "__main__":
    main()
