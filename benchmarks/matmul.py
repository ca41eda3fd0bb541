"""Speed of our product of rows and a matrix, compared with numpy's BLAS on one thread in the same run.

    python benchmarks/matmul.py [--dims 384,768,1536] [--repeats 30] [--narrow]

Rates are billions of floating-point operations per second of CPU time, in the fastest repeat. The two take turns,
because a busy machine slows both.
`OPENBLAS_CORETYPE=Haswell` times OpenBLAS as it runs on a processor without AVX-512. With
`NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES= NUMBA_CACHE_DIR=FOLDER` and --narrow, our product runs as on such a
processor.
"""

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_info, threadpool_limits

from vq_benchmark.quantizers.kernels.matmul import NARROW, multiply, panels_of

OPERATIONS = 8e8
"""Approximate number of operations in one product."""


def seconds_of(d: int, repeats: int, width: int | None) -> tuple[float, float, float]:
    """Seconds per row of ours and of BLAS, and seconds of ours for a single row; for a matrix (d, d)."""
    rng = np.random.default_rng(d)
    n = max(240, int(OPERATIONS / (2 * d * d)) // 240 * 240)
    rows, matrix = (rng.standard_normal((size, d)).astype(np.float32) for size in (n, d))
    shift, panels, out = np.zeros(d, np.float32), panels_of(matrix, width), np.empty((n, d), np.float32)
    tasks = [
        lambda: multiply(rows, shift, panels, out),
        lambda: np.matmul(rows, matrix, out=out),
        lambda: multiply(rows[:1], shift, panels, out[:1]),
    ]
    best = [float("inf")] * len(tasks)
    for _ in range(repeats):
        for place, task in enumerate(tasks):
            start = time.thread_time()
            task()
            best[place] = min(best[place], time.thread_time() - start)
    return best[0] / n, best[1] / n, best[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dims", default="384,768,1536")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--narrow", action="store_true", help="use the panels of a processor without AVX-512")
    options = parser.parse_args()
    width = NARROW[1] * NARROW[2] if options.narrow else None
    with threadpool_limits(1):
        kernels = ", ".join(str(each["architecture"]) for each in threadpool_info() if each["user_api"] == "blas")
        table = Table("d", "ours", "BLAS", "ratio", "one row", title=f"GFLOP/s, one thread; BLAS kernels: {kernels}")
        for d in map(int, options.dims.split(",")):
            ours, blas, single = seconds_of(d, options.repeats, width)
            rates = [2e-9 * d * d / seconds for seconds in (ours, blas)]
            table.add_row(str(d), *(f"{rate:.0f}" for rate in rates), f"{blas / ours:.2f}", f"{single * 1e6:.0f} µs")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
