"""The metrics of a finished measurement, one definition each. docs/METRICS.md holds the formulas."""

import math
from typing import Any

import numpy as np

from vq_benchmark.arrays import DoubleArray, IdArray
from vq_benchmark.evaluation import ranking
from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.bootstrap import Interval, bootstrap_interval, normal_interval
from vq_benchmark.evaluation.ground_truth import GroundTruth
from vq_benchmark.evaluation.measurement import Measurement, MeasurementKey
from vq_benchmark.evaluation.streaming import Timings
from vq_benchmark.evaluation.topk import TopCandidates

RECALL_DEPTHS = (1, 10, 100)
RERANK_DEPTHS = {1: (10, 100), 10: (20, 50, 100, 200), 100: (200,)}
"""r of `recall_k_at_r` for each k."""
JUDGED_MEASURES: dict[str, tuple[ranking.JudgedMeasure, int]] = {
    "mrr_at_10": (ranking.reciprocal_rank, 10),
    "ndcg_at_10": (ranking.ndcg, 10),
    "recall_at_100_qrels": (ranking.judged_recall, 100),
}
"""What is measured against judgements, and how deep it looks."""

Metrics = dict[str, Any]
"""Metric values by name; the 95 % confidence interval of `name` is the pair `name_ci`."""


def finished_metrics(measurement: Measurement) -> Metrics:
    """All metrics of a measurement of the whole base.

    Raises:
        ValueError: rows of the base are missing, here or in the ground truth.
        ChangedData: the ground truth is of other values of the base.
    """
    if measurement.missing:
        raise ValueError(f"rows {measurement.missing} were not measured")
    for truth in (measurement.truth, measurement.judged_truth):
        if truth is not None and truth.span != (0, measurement.key.n):
            raise ValueError(f"the ground truth is of rows {truth.span[0]} to {truth.span[1]} only")
    measurement.require_content_of_truth()
    metrics = bit_metrics(measurement.key)
    metrics |= error_metrics(measurement.accumulators)
    top, truth = measurement.accumulators.top, measurement.truth
    if top is not None and truth is not None:
        metrics |= recall_metrics(top, truth, measurement)
    if top is not None and len(measurement.qrels):
        metrics |= judged_metrics(top, measurement)
    return metrics | timing_metrics(measurement.timings)


def bit_metrics(key: MeasurementKey) -> Metrics:
    """Bits counted from real buffers."""
    bits = 8 * key.code_bytes / key.d
    model_bits = 8 * key.model_bytes / (key.n * key.d)
    return {
        "bits_per_dim": bits,
        "model_bits_per_dim": model_bits,
        "total_bits_per_dim": bits + model_bits,
        "compression_ratio": 32 / bits,
        "total_compression_ratio": 32 / (bits + model_bits),
        "model_bytes": key.model_bytes,
        "code_bytes": key.code_bytes,
        "queries": key.queries,
    }


def error_metrics(accumulators: Accumulators) -> Metrics:
    """Reconstruction, score and distance errors from sums over all vectors and over the fixed pairs."""
    metrics: Metrics = {}
    _put_mean(metrics, "mse", accumulators, "vector:y")
    _put_relative_error(metrics, accumulators)
    _put_mean(metrics, "score_mse", accumulators, "score_squared_error")
    _put_mean(metrics, "score_bias", accumulators, "score_error")
    _put_slope(metrics, accumulators)
    _put_mean(metrics, "pairwise_distortion", accumulators, "pairwise")
    _put_mean(metrics, "pairwise_distortion_asymmetric", accumulators, "pairwise_asymmetric")
    return metrics


def recall_metrics(top: TopCandidates, truth: GroundTruth, measurement: Measurement) -> Metrics:
    """How well the estimated order of the whole base finds and orders the true neighbours."""
    key, size = measurement.key, top.size
    exact = top.exact[: key.queries]
    norms = measurement.query_norms[: key.queries] if key.metric == "l2" else np.zeros(key.queries)
    k = min(key.k, key.n)
    true = truth.top.scores[:, :k]
    metrics: Metrics = {}
    for depth in sorted({depth for depth in RECALL_DEPTHS if depth <= k} | {k}):
        if depth > size:
            continue
        _put_per_query(metrics, f"recall_at_{depth}", ranking.recall(true, exact, depth, depth), key.seed)
        for r in RERANK_DEPTHS.get(depth, ()):
            if r <= size:
                _put_per_query(metrics, f"recall_{depth}_at_{r}", ranking.recall(true, exact, depth, r), key.seed)
        best, found = (_true_scores(scores[:, :depth], norms, key.d) for scores in (true, exact))
        _put_per_query(metrics, f"sum_of_scores_at_{depth}", ranking.sum_of_scores(best, found), key.seed)
    if key.with_rank:
        _put_per_query(metrics, "rank_distortion", ranking.rank_distortion(true, exact), key.seed)
    return metrics


def _true_scores(scores: DoubleArray, norms: DoubleArray, d: int) -> DoubleArray:
    """Inner products, or −‖q − x‖² for L2, where a distance that rounding alone can have made is 0."""
    values = scores - norms[:, None]
    return np.where(np.abs(values) <= 2 * d * np.finfo(np.float64).eps * norms[:, None], 0.0, values)


def judged_metrics(top: TopCandidates, measurement: Measurement) -> Metrics:
    """Retrieval quality against judgements, that of the uncompressed vectors (`_exact`), and what is lost (`_loss`).

    One of them is absent where fewer neighbours are known than it looks at. All intervals, that of the loss too, are
    from the same resamples of the queries: a bootstrap depends on the seed and on the number of queries only. So the
    loss has a paired interval.
    """
    key = measurement.key
    relevant = _relevant(measurement.qrels)
    queries, grades = list(relevant), list(relevant.values())
    rankings = {"": top.ids[key.judged_first :]}
    truth = measurement.judged_truth if key.judged_first else measurement.truth
    if truth is not None:
        rankings["_exact"] = truth.ids
    metrics: Metrics = {"judged_queries": len(queries)}
    for name, (measure, depth) in JUDGED_MEASURES.items():
        values = {
            suffix: measure(ids[queries], grades, depth)
            for suffix, ids in rankings.items()
            if ids.shape[1] >= min(depth, key.n)
        }
        if len(values) == 2:
            values["_loss"] = values["_exact"] - values[""]
        for suffix, per_query in values.items():
            _put_per_query(metrics, f"{name}{suffix}", per_query, key.seed)
    return metrics


def timing_metrics(timings: Timings) -> Metrics:
    """Rates of encode and decode over all rows, after a warm-up, with the quartiles over full tiles."""
    metrics: Metrics = {"warm_up_seconds": timings.warm_up_seconds}
    for step in ("encode", "decode"):
        seconds = getattr(timings, f"{step}_seconds")
        if seconds > 0:
            metrics[f"{step}_vectors_per_second"] = timings.rows / seconds
    if len(timings.encode_rates) >= 4:
        metrics["encode_vectors_per_second_quartiles"] = np.quantile(timings.encode_rates, [0.25, 0.75]).tolist()
    return metrics


def _put_mean(metrics: Metrics, metric: str, accumulators: Accumulators, name: str) -> None:
    count, total, squares = (accumulators.total(f"{name}:{degree}") for degree in range(3))
    if count:
        mean = total / count
        _put(metrics, metric, mean, normal_interval(mean, squares / count - mean * mean, count))


def _put_relative_error(metrics: Metrics, accumulators: Accumulators) -> None:
    """Σe / Σs with the delta method's interval, and the signal-to-noise ratio in dB made from it."""
    count = accumulators.total("vector:x:0")
    signal, error = accumulators.total("vector:x:1"), accumulators.total("vector:y:1")
    if signal == 0:
        return
    ratio = error / signal
    # Residuals e - ratio·s have mean 0; their variance over the squared mean of s is the ratio's (delta method).
    squares = accumulators.total("vector:y:2") - 2 * ratio * accumulators.total("vector:xy")
    squares += ratio * ratio * accumulators.total("vector:x:2")
    _put(metrics, "relative_error", ratio, normal_interval(ratio, squares / count / (signal / count) ** 2, count))
    if error > 0:
        metrics["snr_db"] = -10 * math.log10(ratio)
        metrics["snr_db_ci"] = [
            -10 * math.log10(max(edge, np.finfo(float).tiny)) for edge in reversed(metrics["relative_error_ci"])
        ]


def _put_slope(metrics: Metrics, accumulators: Accumulators) -> None:
    """Slope of the regression of the estimated on the exact score, with its usual interval."""
    count = accumulators.total("score:x:0")
    if count < 3:
        return
    mean_x, mean_y = accumulators.total("score:x:1") / count, accumulators.total("score:y:1") / count
    variance_x = accumulators.total("score:x:2") / count - mean_x**2
    variance_y = accumulators.total("score:y:2") / count - mean_y**2
    covariance = accumulators.total("score:xy") / count - mean_x * mean_y
    if variance_x <= 0:
        return
    slope = covariance / variance_x
    residual = variance_y - slope * covariance
    _put(metrics, "score_slope", slope, normal_interval(slope, residual / variance_x, count - 2))


def _put_per_query(metrics: Metrics, metric: str, values: DoubleArray, seed: int) -> None:
    known = values[~np.isnan(values)]
    if len(known):
        _put(metrics, metric, float(known.mean()), bootstrap_interval(known, seed))


def _put(metrics: Metrics, metric: str, value: float, interval: Interval) -> None:
    metrics[metric] = value
    metrics[f"{metric}_ci"] = list(interval)


def _relevant(qrels: IdArray) -> dict[int, dict[int, int]]:
    """Relevance by judged query and base row, for judgements above 0; queries in ascending order.

    Of several judgements of one pair the highest counts.
    """
    relevant: dict[int, dict[int, int]] = {}
    for query, row, grade in sorted(qrels.tolist()):
        if grade > 0:
            relevant.setdefault(query, {})[row] = grade
    return relevant
