"""The cost of looking for rows that cannot be measured: CPU time with the check, without it, and with 1 % bad rows.

    python benchmarks/bad_rows.py [--rows 100000] [--dim 384] [--queries 1000] [--repeats 7]

The rows are in memory, the metric is cosine, and one thread works. The three cases alternate; the best times count. A
pass that only hashes the rows shows the check at its most expensive; a measurement of sq at 8 bits with its ground
truth is what a user runs.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from vq_benchmark.datasets.checks.unusable_rows import Magnitudes
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.datasets.sources.wrappers import unit_norm
from vq_benchmark.evaluation.evaluate import evaluate
from vq_benchmark.evaluation.tiling import content_digest
from vq_benchmark.machine.threads import use_threads
from vq_benchmark.quantizers.registry import get_quantizer


def unchecked(work: Callable[[], object]) -> Callable[[], object]:
    """The same work with all rows taken for good ones."""

    def run() -> None:
        check, Magnitudes.bad = Magnitudes.bad, lambda self, distance: np.zeros(len(self.highest), dtype=bool)
        try:
            work()
        finally:
            Magnitudes.bad = check

    return run


def best_seconds(cases: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The least CPU time of each case."""
    best = dict.fromkeys(cases, np.inf)
    for _ in range(repeats):
        for name, work in cases.items():
            began = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - began)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    use_threads(1)
    rng = np.random.default_rng(0)
    clean = unit_norm(rng.standard_normal((given.rows, given.dim), dtype=np.float32))
    queries = unit_norm(rng.standard_normal((given.queries, given.dim), dtype=np.float32))
    spoilt = clean.copy()
    spoilt[rng.choice(given.rows, given.rows // 100, replace=False)] = 0
    quantizer = get_quantizer("sq", bits=8).fit(clean[:10_000])
    passes: dict[str, Callable[[np.ndarray], object]] = {
        "hashing": lambda rows: content_digest(ArraySource(rows), "cosine"),
        "measuring": lambda rows: evaluate(quantizer, Dataset("x", ArraySource(rows), queries, "cosine")),
    }
    for what, work in passes.items():
        plain, with_bad = (lambda rows=rows, work=work: work(rows) for rows in (clean, spoilt))
        cases = {"unchecked": unchecked(plain), "checked": plain, "1 % bad": with_bad}
        best = best_seconds(cases, given.repeats)
        ratios = ", ".join(f"{name} {best[name] / best['unchecked']:.3f}" for name in cases)
        print(f"{what}: {best['unchecked']:.3f} s of CPU unchecked; ratios: {ratios}", flush=True)


if __name__ == "__main__":
    main()
