"""How fast a filled search index answers, and how well: the rate is never told without the recall of the same index.

The habits are those of pyperf: a warm-up, samples long enough for the clock, enough of them to show their spread, and
a warning where the spread is wide.
"""

import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.evaluation.bootstrap import bootstrap_interval
from vq_benchmark.evaluation.exact_scores import exact_scores
from vq_benchmark.evaluation.ground_truth import GroundTruth
from vq_benchmark.evaluation.metrics import Metrics
from vq_benchmark.evaluation.ranking import recall

SEARCH_DEPTH = 10
"""Neighbours that every timed search asks for, if there are as many."""
SAMPLE_SECONDS = 0.1
"""A sample of the rate repeats the batch until it takes this long: the clock and the scheduler are then noise."""
LEAST_SECONDS = 2.0
"""Time measured, of batches and of single queries each."""
LONG_BATCH_SECONDS, SMALLER_BATCH = 1.0, 256
"""Where all queries take longer than that, the rate is measured on so many of them."""
LEAST_SAMPLES, LEAST_SINGLE_QUERIES = 5, 100
QUARTILES = (0.25, 0.5, 0.75)
UNSTABLE_SPREAD = 0.1
"""Interquartile range over median of the rate, above which it is called unstable."""

Clock = Callable[[], float]


def search_metrics(
    index: Any, dataset: Dataset, truth: GroundTruth, seed: int, clock: Clock = time.perf_counter
) -> Metrics:
    """Rate, latency and recall of a faiss index, which holds the codes of the whole base.

    Args:
        dataset: whose queries are searched for; the recall is over all of them, and reads the rows that were found.
        truth: the exact neighbours of the queries; at most the first 10 are looked for.
        seed: of the bootstrap of the recall.
        clock: seconds.
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
        f"search_recall_at_{depth}_ci": list(bootstrap_interval(recalls, seed)),
    }


def batch_rates(search_batch: Callable[[], object], queries: int, clock: Clock = time.perf_counter) -> DoubleArray:
    """Queries per second of each sample. The repeats per sample are doubled until one lasts 0.1 s, which is the first
    that counts; then samples are taken until there are 5 and 2 s have been measured."""

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
    """Seconds of each search for one query, in turn, after one to warm up, until there are 100 and 2 s of them."""
    search_one(0)
    seconds: list[float] = []
    total = 0.0
    while len(seconds) < LEAST_SINGLE_QUERIES or total < LEAST_SECONDS:
        began = clock()
        search_one(len(seconds) % queries)
        seconds.append(clock() - began)
        total += seconds[-1]
    return np.array(seconds)
