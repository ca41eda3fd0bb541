"""How many bytes a chunk's result takes for each query: python benchmarks/chunk_bytes.py

Measures rabitq at 4 bits on chunks of generated vectors, with the exact neighbours in the whole base, as in a study.
The arrays of the candidates are also compressed as they are, to compare with.
"""

import argparse
import zlib
from collections.abc import Iterable

import numpy as np

from vq_benchmark import get_quantizer, load_dataset
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.tiling import Pass
from vq_benchmark.evaluation.topk_coding import coded

QUERIES = 1000
SPANS = ((0, 4_096), (40_960, 81_920))


def compressed(arrays: Iterable[np.ndarray]) -> float:
    """Bytes for each query of the arrays, each compressed by itself."""
    return sum(len(zlib.compress(array.tobytes())) for array in arrays) / QUERIES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=163_840)
    parser.add_argument("--dim", type=int, default=128)
    options = parser.parse_args()
    dataset = load_dataset("synthetic", num_samples=options.rows, dim=options.dim, num_queries=QUERIES)
    truths = exact_truths(dataset)
    quantizer = get_quantizer("rabitq", bits=4).fit(dataset.base.read(0, 20_000), seed=0)
    print("rows, bytes per query: measurement | of it scores, exact, ids | plain arrays | plain neighbours")
    for span in SPANS:
        measurement = evaluate(quantizer, dataset, ground_truths=truths, pass_=Pass(*span))
        top = measurement.accumulators.top
        assert top is not None
        parts = " + ".join(f"{compressed([coded(top)[name]]):,.0f}" for name in ("scores", "exact", "ids"))
        plain = compressed(top.arrays().values())
        neighbours = compressed([truths.queries.ids, truths.queries.top.scores])
        total = len(measurement.to_bytes()) / QUERIES
        print(f"{span[1] - span[0]:,}: {total:,.0f} | {parts} | {plain:,.0f} | {neighbours:,.0f}")


if __name__ == "__main__":
    main()
