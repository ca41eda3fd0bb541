"""Throughput, latency and recall of a filled search index; throughput is meaningless without the recall.

As in pyperf: a warm-up, samples that are long for the clock, enough samples to show the spread, and a warning if the
spread is wide.
"""

import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.evaluation.ground_truths.exact_scores import exact_scores
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth
from vq_benchmark.evaluation.metric_records import SHARE
from vq_benchmark.evaluation.ranking import recall
from vq_benchmark.evaluation.statistics.query_intervals import query_interval

SEARCH_DEPTH = 10
"""Neighbours per timed search; fewer if the ground truth or the index has fewer."""
SAMPLE_SECONDS = 0.1
"""Shortest sample of the rate: the batch is repeated until clock and scheduler are only noise."""
LEAST_SECONDS = 2.0
"""Shortest total time of the batches, and of the single queries."""
LONG_BATCH_SECONDS, SMALLER_BATCH = 1.0, 256
"""If all queries take longer than that, the rate is measured on a batch of this many."""
LEAST_SAMPLES, LEAST_SINGLE_QUERIES = 5, 100
QUARTILES = (0.25, 0.5, 0.75)
UNSTABLE_SPREAD = 0.1
"""Interquartile range over median of the rate, above which the rate is called unstable."""

Clock = Callable[[], float]


def search_metrics(
    index: Any, dataset: Dataset, truth: GroundTruth, seed: int, clock: Clock = time.perf_counter
) -> dict[str, Any]:
    """Throughput, latency and recall of a faiss index that holds the codes of the whole base.

    Args:
        dataset: supplies the queries, and the base rows to score for the recall.
        truth: exact neighbours of the queries; at most the first 10 are searched for.
        seed: seed of the bootstrap of the recall.
        clock: returns seconds.
    """
    depth = min(SEARCH_DEPTH, truth.ids.shape[1], index.ntotal)
    queries = np.ascontiguousarray(dataset.queries, dtype=np.float32)
    began = clock()
    _, found = index.search(queries, depth)  # this is the warm-up too
    batch = queries if clock() - began <= LONG_BATCH_SECONDS else queries[:SMALLER_BATCH]
    recalls = recall(truth.top.scores, exact_scores(dataset, found), depth, depth)
    low, median, high = np.quantile(batch_rates(lambda: index.search(batch, depth), len(batch), clock), QUARTILES)
    latencies = 1000 * single_latencies(lambda i: index.search(queries[i : i + 1], depth), len(queries), clock)
    spread = (high - low) / median
    interval = query_interval(recalls, seed, SHARE)
    return {
        "queries_per_second": float(median),
        "queries_per_second_quartiles": [float(low), float(high)],
        "queries_per_second_spread": float(spread),
        "latency_p50_ms": float(np.quantile(latencies, 0.5)),
        "latency_p99_ms": float(np.quantile(latencies, 0.99)),
        "search_threads": faiss.omp_get_max_threads(),
        "search_batch": len(batch),
        "search_k": depth,
        f"search_recall_at_{depth}": float(recalls.mean()),
    } | ({} if interval is None else {f"search_recall_at_{depth}_ci": list(interval)})


def batch_rates(search_batch: Callable[[], object], queries: int, clock: Clock = time.perf_counter) -> DoubleArray:
    """(samples,) float64 queries per second of each sample.

    The repeats per sample double until a sample lasts 0.1 s; that one is the first to count. Sampling stops after at
    least 5 samples and 2 s.
    """

    def seconds_of(repeats: int) -> float:
        began = clock()
        for _ in range(repeats):
            search_batch()
        return clock() - began

    repeats = 1
    seconds = [seconds_of(repeats)]
    while seconds[0] < SAMPLE_SECONDS:
        repeats *= 2
        seconds = [seconds_of(repeats)]
    while len(seconds) < LEAST_SAMPLES or sum(seconds) < LEAST_SECONDS:
        seconds.append(seconds_of(repeats))
    return repeats * queries / np.array(seconds)


def single_latencies(
    search_one: Callable[[int], object], queries: int, clock: Clock = time.perf_counter
) -> DoubleArray:
    """(searches,) float64 seconds per single query, in turn, after a warm-up: at least 100 searches and 2 s."""
    search_one(0)
    seconds: list[float] = []
    total = 0.0
    while len(seconds) < LEAST_SINGLE_QUERIES or total < LEAST_SECONDS:
        began = clock()
        search_one(len(seconds) % queries)
        seconds.append(clock() - began)
        total += seconds[-1]
    return np.array(seconds)
