"""How many bytes a chunk's result takes for each query: python benchmarks/chunk_bytes.py

Measures rabitq at 4 bits on chunks of generated vectors, with the exact neighbours in the whole base, as in a study.
The arrays of the candidates are also compressed as they are, to compare with. The entropy is that of scores in order,
each at an exponentially distributed distance from the one before, of the differences between exact and estimated
scores, and of distinct ids: no coding without loss takes much less.
"""

import argparse
import zlib
from collections.abc import Iterable

import numpy as np

from vq_benchmark import get_quantizer, load_dataset
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.tiling import Pass
from vq_benchmark.evaluation.topk import TopCandidates
from vq_benchmark.evaluation.topk_coding import coded

QUERIES = 1000
SPACING = 100
SPANS = ((0, 4_096), (40_960, 81_920))


def compressed(arrays: Iterable[np.ndarray]) -> float:
    """Bytes for each query of the arrays, each compressed by itself."""
    return sum(len(zlib.compress(array.tobytes())) for array in arrays) / QUERIES


def entropies(top: TopCandidates, rows: int) -> tuple[float, float, float]:
    """Bytes for each query that scores, exact scores and ids of all candidates in a chunk of `rows` need."""
    scores, exact = (each.view(np.int64) for each in (top.scores, top.exact))  # of one sign: in the same order
    size = scores.shape[1]
    gaps = np.abs(np.diff(scores)).astype(np.float64)
    bits_of_a_gap = np.log2(gaps[gaps > 0]).mean() + (np.euler_gamma + 1) / np.log(2)
    differences = (exact - scores).astype(np.float64)
    scales = np.median(np.abs(differences), axis=1, keepdims=True)
    ordered = np.sort((differences / scales).ravel())
    steps = ordered[SPACING:] - ordered[:-SPACING]  # Vasicek 1976: entropy from spacings
    bits_of_a_difference = np.log2(scales).mean() + np.log2(steps[steps > 0] * len(ordered) / SPACING).mean()
    bits_of_ids = np.log2(np.arange(rows, rows - size, -1)).sum()
    return size * bits_of_a_gap / 8, size * bits_of_a_difference / 8, bits_of_ids / 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=163_840)
    parser.add_argument("--dim", type=int, default=128)
    options = parser.parse_args()
    dataset = load_dataset("synthetic", num_samples=options.rows, dim=options.dim, num_queries=QUERIES)
    truths = exact_truths(dataset)
    quantizer = get_quantizer("rabitq", bits=4).fit(dataset.base.read(0, 20_000), seed=0)
    print("rows, bytes per query: stored | all of it | its scores, exact, ids | entropy | plain arrays | neighbours")
    for span in SPANS:
        measurement = evaluate(quantizer, dataset, ground_truths=truths, pass_=Pass(*span))
        top = measurement.accumulators.top
        assert top is not None
        parts = " + ".join(f"{compressed([coded(top)[name]]):,.0f}" for name in ("scores", "exact", "ids"))
        plain = compressed(top.arrays().values())
        neighbours = compressed([truths.queries.ids, truths.queries.top.scores])
        total = len(measurement.to_bytes()) / QUERIES
        stored = len(measurement.without_idle_scores().to_bytes()) / QUERIES
        least = " + ".join(f"{each:,.0f}" for each in entropies(top, span[1] - span[0]))
        rows = f"{span[1] - span[0]:,}"
        print(f"{rows}: {stored:,.0f} | {total:,.0f} | {parts} | {least} | {plain:,.0f} | {neighbours:,.0f}")


if __name__ == "__main__":
    main()
