"""Write, for each method named as an argument, what cells of two sizes were estimated to take and what they took.

Every method is measured in a child of a process that has the libraries and the vectors loaded, which is quicker than
processes of their own. A child maps the pages of the libraries anew, and only those it needs, so its peak is lower by
some 40 MB; the test adds what a real run of one method shows the difference to be.
"""

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

from vq_benchmark.machine.threads import use_threads

use_threads(1)

import numpy as np  # noqa: E402 - the libraries are loaded with one thread

import vq_benchmark.cli.run  # noqa: E402, F401 - as the program loads them
from vq_benchmark.datasets.loading import load_dataset  # noqa: E402
from vq_benchmark.machine.memory import peak_bytes, reset_peak  # noqa: E402
from vq_benchmark.machine.progress import SilentReporter  # noqa: E402
from vq_benchmark.quantizers.registry import get_quantizer, quantizer_class  # noqa: E402
from vq_benchmark.studies.cell_run import run_cell  # noqa: E402
from vq_benchmark.studies.cells import Cell, Machine, Options  # noqa: E402
from vq_benchmark.studies.costs.memory_estimate import DataFacts, cell_estimate, truth_estimate  # noqa: E402
from vq_benchmark.studies.ground_truths import obtain_truths  # noqa: E402
from vq_benchmark.studies.measure_spec import MeasureSpec  # noqa: E402

SIZES = {"small": (5000, 128, 2000), "large": (24_576, 512, 6000)}
"""Rows, dimensions, training vectors."""
QUERIES = 100
QUICK = {"itq": {"iterations": 1}}
SLOW = {"m": 2, "nbits": 5}
"""Parameters that train fast; other methods have their defaults."""


def measure(folder: Path, method: str) -> None:
    for size, (n, _, training) in SIZES.items():
        cache = Path(tempfile.mkdtemp(dir=folder))
        dataset = load_dataset(folder / size, metric="l2")
        options = Options(MeasureSpec(train_size=training), Machine(cache, cache, 65_536))
        facts = DataFacts.of(dataset, training)
        config = SLOW if quantizer_class(method).slow else QUICK.get(method, {})
        reset_peak()
        ground_truths = obtain_truths(dataset, options, 0, n, SilentReporter())
        for_truth = (truth_estimate(facts, options, n).total, peak_bytes())
        run = run_cell(dataset, options, Cell(method, config, 0, 0, n), "", ground_truths, SilentReporter())
        for_cell = (
            cell_estimate(facts, get_quantizer(method, **config), options, n).total,
            run.metrics["peak_memory_bytes"],
        )
        sys.stdout.write(json.dumps([method, size, for_cell, for_truth]) + "\n")
        sys.stdout.flush()


def main(folder: Path, methods: list[str]) -> None:
    for method in methods:
        child = os.fork()
        if child == 0:
            try:
                measure(folder, method)
            except BaseException:  # noqa: BLE001 - what failed in the child is the parent's to show
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            sys.exit(f"{method} could not be measured")


def make_data(folder: Path) -> None:
    """Vectors of both sizes, for load_dataset."""
    rng = np.random.default_rng(0)
    for size, (n, d, _) in SIZES.items():
        (folder / size).mkdir()
        for name, rows in (("base", n), ("queries", QUERIES)):
            vectors = rng.standard_normal((rows, d), dtype=np.float32) / np.sqrt(1 + np.arange(d, dtype=np.float32))
            np.save(folder / size / f"{name}.npy", vectors)


if __name__ == "__main__":
    if sys.argv[2:] == ["make-data"]:
        make_data(Path(sys.argv[1]))
    else:
        main(Path(sys.argv[1]), sys.argv[2:])
