"""Check that the uncompressed control is perfect; if it is not, the ground truth or the vectors are wrong."""

import numpy as np

from vq_benchmark.arrays import DoubleArray
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.ground_truths.ground_truth_check import TOLERANCE
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metrics import Finished, Metrics, finished
from vq_benchmark.quantizers.methods.none import Uncompressed

ERRORS = ("mse", "score_mse")
"""Metrics that are 0 for vectors that are stored unchanged."""


class ImpossibleControl(InputError):
    """The uncompressed control has an impossible metric."""


def checked(method: str, measurement: Measurement) -> Finished:
    """Return what a measurement of the whole base says; metrics of the uncompressed control must be perfect.

    Raises:
        ImpossibleControl: they are not; the message says which metric is wrong and what that means.
        ValueError: see `finished`.
    """
    found = finished(measurement)
    key = measurement.key
    if method == Uncompressed.name and key.code_bytes == 4 * key.d and key.query_bits == "float":
        _check_errors(found.metrics)
        _check_recall(found.metrics, measurement)
        _check_truth_is_complete(measurement)
    return found


def _check_errors(metrics: Metrics) -> None:
    for name in ERRORS:
        if metrics.get(name, 0) != 0:
            raise ImpossibleControl(f"{name} of the uncompressed vectors is {metrics[name]:.3g}, but it must be 0.")


def _check_recall(metrics: Metrics, measurement: Measurement) -> None:
    recalls = {name: value for name, value in metrics.items() if _is_recall(name) and value != 1}
    if not recalls:
        return
    name = min(recalls, key=recalls.__getitem__)
    true, found = _scores(measurement)
    wrong = int(np.count_nonzero((true > found).any(axis=1)))
    raise ImpossibleControl(
        f"{name} of the uncompressed vectors is {recalls[name]:.3f}, but it must be 1: for {wrong} of {len(true)} "
        "queries the ground truth lists neighbours nearer than any base vector. It belongs to other vectors, or the "
        "vectors have changed; replace the ground truth and rerun with --force."
    )


def _is_recall(name: str) -> bool:
    return name.startswith("recall_") and not any(part in name for part in ("qrels", "reranked", "_ci"))


def _check_truth_is_complete(measurement: Measurement) -> None:
    """Reject a ground truth that misses nearer rows, which would make every method look better than it is.

    Published neighbours, computed in float32, may miss rows that are nearer by less than the rounding error.
    """
    if measurement.truth is None or measurement.accumulators.top is None:
        return
    true, found = _scores(measurement)
    missed = np.asarray((found > true + _rounding(measurement, found)[:, None]).any(axis=1))
    if missed.any():
        raise ImpossibleControl(
            f"the ground truth misses nearer rows for {np.count_nonzero(missed)} of {len(missed)} queries (first: "
            f"query {np.argmax(missed)}), so recall would be too high; replace it and rerun with --force."
        )


def _scores(measurement: Measurement) -> tuple[DoubleArray, DoubleArray]:
    """(q, k) float64 scores of the true neighbours, and of the neighbours that the control found."""
    assert measurement.truth is not None and measurement.accumulators.top is not None
    k = measurement.depth
    queries = measurement.key.queries
    return measurement.truth.top.scores[:queries, :k], measurement.accumulators.top.exact[:queries, :k]


def _rounding(measurement: Measurement, scores: DoubleArray) -> DoubleArray:
    """(q,) float64 bounds on the error of float32 scores, from the lengths of the query and of an average vector."""
    sums = measurement.accumulators
    norm = sums.total("vector:x:1") / max(sums.total("vector:x:0"), 1)
    lengths = np.sqrt(measurement.query_norms[: len(scores)] * norm)
    scale = np.maximum(lengths, np.abs(scores).max(axis=1, initial=0.0))
    return np.asarray(TOLERANCE * (np.maximum(scale, norm) if measurement.key.metric == "l2" else scale))
