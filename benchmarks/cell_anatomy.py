"""Where the CPU time of a cell goes: seconds per million rows of each phase, and the share of serial work.

    python benchmarks/cell_anatomy.py [--method rabitq] [--bits 4] [--rows 100000] [--dim 768] [--queries 1000]

One thread, in one process; the best of several passes, which are the same work. A phase does not include the phases
inside it. *Serial* is what no parallel loop does: all CPU time outside of `in_tiles`, of the method's own encoder and
decoder, and of compiled products. Kernels are compiled, and the model fitted, before the first pass.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.file_rows import FileRowsSource
from vq_benchmark.datasets.sources.synthetic import write_synthetic
from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.ground_truths.ground_truth import exact_neighbors
from vq_benchmark.evaluation.streaming import PassSettings, Queries, stream
from vq_benchmark.machine.threads import use_threads
from vq_benchmark.quantizers.registry import quantizer_class

PHASES = {
    "read": [(FileRowsSource, "read_stored")],
    "convert": [("datasets.sources.file_rows", "as_float32"), ("datasets.sources.wrappers", "unit_norm")],
    "check, norm and digest": [("evaluation.tiling", "row_facts")],
    "copy": [("evaluation.tiling", "_copied")],
    "score: product": [("evaluation.topk", "products_of")],
    "score: offers": [("evaluation.topk", "offer_products")],
    "errors": [("evaluation.streaming", "errors_and_norms")],
    "pairs": [("evaluation.streaming", "_add_score_errors"), ("evaluation.streaming", "_add_pairwise")],
    "sums": [(Accumulators, "add")],
}
"""The functions that are timed, by phase; those of the method are added to them."""
METHOD = {"encode": "encode", "decode": "decode", "decode for scores": "decode_for_scores", "norms": "squared_norms"}
REST = "rest"


class Anatomy:
    """CPU time by phase, and inside of parallel loops."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.parallel = 0.0
        self._open: list[float] = []
        self._loops = 0

    def timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which adds its CPU time, without that of other phases inside it, to a phase."""

        def call(*arguments: Any, **named: Any) -> Any:
            self._open.append(0.0)
            began = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                spent = time.process_time() - began
                self.seconds[phase] += spent - self._open.pop()
                if self._open:
                    self._open[-1] += spent

        return call

    def looped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose CPU time counts as parallel."""

        def call(*arguments: Any, **named: Any) -> Any:
            self._loops += 1
            began = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self._loops -= 1
                if not self._loops:
                    self.parallel += time.process_time() - began

        return call

    def clear(self) -> None:
        """Forget what was measured."""
        self.seconds.clear()
        self.parallel = 0.0


def instrument(anatomy: Anatomy) -> None:
    """Time the functions of all phases in this process, and its parallel loops; once, as a second time would nest."""
    for phase, functions in PHASES.items():
        for owner, name in functions:
            holder = sys.modules[f"vq_benchmark.{owner}"] if isinstance(owner, str) else owner
            setattr(holder, name, anatomy.timed(phase, getattr(holder, name)))
    for name, module in list(sys.modules.items()):
        if name.startswith("vq_benchmark.") and "in_tiles" in vars(module):
            module.in_tiles = anatomy.looped(module.in_tiles)  # type: ignore[attr-defined]


def instrument_method(anatomy: Anatomy, quantizer: Any) -> None:
    """Time the functions of one fitted method."""
    for phase, name in METHOD.items():
        setattr(quantizer, name, anatomy.looped(anatomy.timed(phase, getattr(quantizer, name))))


def measured(anatomy: Anatomy, work: Callable[[], object], repeats: int) -> tuple[dict[str, float], float, float]:
    """Seconds by phase, of the whole, and outside of parallel loops, of the repeat with the least CPU time."""
    best: tuple[dict[str, float], float, float] | None = None
    for _ in range(repeats):
        anatomy.clear()
        began = time.process_time()
        work()
        whole = time.process_time() - began
        if best is None or whole < best[1]:
            seconds = {**anatomy.seconds, REST: whole - sum(anatomy.seconds.values())}
            best = seconds, whole, whole - anatomy.parallel
    assert best is not None
    return best


def show(title: str, found: tuple[dict[str, float], float, float], rows: int) -> None:
    """A table of seconds per million rows."""
    seconds, whole, serial = found
    print(f"\n{title}\n\n| phase | CPU s per million rows | share |\n| --- | --- | --- |")
    for phase, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"| {phase} | {spent / rows * 1e6:.2f} | {spent / whole:.1%} |")
    print(f"| **all** | **{whole / rows * 1e6:.2f}** | |")
    print(f"| serial | {serial / rows * 1e6:.2f} | {serial / whole:.1%} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="rabitq", help="method, or several with commas")
    parser.add_argument("--bits", type=float, default=4)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--metric", default="ip")
    parser.add_argument("--dtype", default="float16")
    parser.add_argument("--train", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    use_threads(1)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "base.npy")
        write_synthetic(path, given.rows + given.queries, given.dim, dtype=given.dtype)
        dataset = load_dataset(str(path), metric=given.metric, num_queries=given.queries)
        size = f"{dataset.n:,} × {dataset.d} {given.dtype}, {len(dataset.queries):,} queries, {given.metric}"
        anatomy = Anatomy()
        for number, method in enumerate(given.method.split(",")):
            cls = quantizer_class(method)
            quantizer = cls(cls.for_budget(given.bits, dataset.d)).fit(dataset.base.read(0, given.train), seed=0)
            queries = Queries(dataset.queries, dataset.distance)

            def cell(quantizer: Any = quantizer, queries: Queries = queries) -> object:
                return stream(quantizer, dataset.base, queries, PassSettings())

            cell()  # compiles
            if number == 0:
                instrument(anatomy)
            instrument_method(anatomy, quantizer)
            show(f"{method}, {given.bits:g} bits, {size}", measured(anatomy, cell, given.repeats), dataset.n)
            if number == 0:
                exact = measured(
                    anatomy,
                    lambda: exact_neighbors(dataset.base, dataset.queries, dataset.distance),
                    given.repeats,
                )
                show(f"exact neighbours (k = 100), {size}", exact, dataset.n)


if __name__ == "__main__":
    main()
