"""Impossible figures of the uncompressed control are an error, and only those."""

import dataclasses

import numpy as np
import pytest

from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.evaluation.control import ImpossibleControl, checked
from vq_benchmark.evaluation.evaluate import GroundTruths, evaluate, exact_truths
from vq_benchmark.evaluation.ground_truths.ground_truth_check import adopted_truths
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.quantizers.registry import get_quantizer


@pytest.fixture(params=DISTANCES)
def measured(request, make_dataset) -> Measurement:
    """The control on a data set with duplicates."""
    dataset = make_dataset(request.param, n=2000, queries=20)
    return evaluate(get_quantizer("none").fit(dataset.queries), dataset, k=10)


def lift(measurement: Measurement, query: int, rank: int, by: float) -> None:
    """Give a true neighbour a higher score, as a ground truth of other vectors has."""
    scores = measurement.truth.top.scores.copy()
    scores[query, rank] += by
    measurement.truth.top = dataclasses.replace(measurement.truth.top, scores=scores)


def test_a_perfect_control_passes(measured) -> None:
    assert checked("none", measured).metrics == finished_metrics(measured)


def test_a_control_without_scores_passes(make_dataset) -> None:
    dataset = make_dataset("ip", n=500)
    none = get_quantizer("none").fit(dataset.queries)
    measurement = evaluate(none, dataset, settings=PassSettings(with_scores=False))
    assert checked("none", measurement).metrics["mse"] == 0


@pytest.mark.parametrize("by", [1e-9, 5.0])
def test_a_recall_below_one_is_impossible(measured, by: float) -> None:
    lift(measured, query=3, rank=9, by=by)
    with pytest.raises(ImpossibleControl, match=r"recall_at_10 .* is 0\.9\d+, but it must be 1: for 1 of 20 queries"):
        checked("none", measured)
    assert checked("sq", measured).metrics["recall_at_10"] < 1


def test_a_truth_that_misses_nearer_rows_is_impossible(measured) -> None:
    lift(measured, query=7, rank=9, by=-0.5)
    assert finished_metrics(measured)["recall_at_10"] == 1
    with pytest.raises(ImpossibleControl, match=r"misses nearer rows for 1 of 20 queries \(first: query 7\)"):
        checked("none", measured)


def test_errors_are_impossible(measured) -> None:
    measured.accumulators.add("vector:y:1", np.array([0.25]))
    with pytest.raises(ImpossibleControl, match=r"mse of the uncompressed vectors is 0\.000125, but it must be 0"):
        checked("none", measured)


@pytest.mark.parametrize("metric", DISTANCES)
def test_neighbours_found_in_float32_pass(metric: Distance, make_dataset) -> None:
    """Rows nearly equally near, so that rounding to float32 leaves out some that are a little nearer than others."""
    dataset = make_dataset(metric, n=3000, queries=20)
    near = dataset.base.read(0, 3000)
    near[:] = near[:1] + 1e-6 * near
    dataset = dataclasses.replace(dataset, base=type(dataset.base)(near))
    norms = (near * near).sum(axis=1) if metric == "l2" else np.float32(0)
    scores = (2 if metric == "l2" else 1) * dataset.queries @ near.T - norms
    ground_truths = adopted_truths(
        np.argsort(-scores, axis=1, kind="stable")[:, :10], dataset, 10, "the ground truth"
    )
    exact = exact_truths(dataset, 10)
    assert (ground_truths.queries.top.scores < exact.queries.top.scores).any()
    metrics = checked(
        "none", evaluate(get_quantizer("none").fit(near), dataset, k=10, ground_truths=ground_truths)
    ).metrics
    assert metrics["recall_at_10"] == 1


def test_the_truth_of_other_queries_is_impossible(make_dataset) -> None:
    dataset = make_dataset("cosine", n=2000, queries=20)
    ground_truths = exact_truths(dataset, 10)
    others = dataclasses.replace(ground_truths.queries, top=ground_truths.queries.top.part(slice(None, None, -1)))
    none = get_quantizer("none").fit(dataset.queries)
    with pytest.raises(ImpossibleControl):
        checked("none", evaluate(none, dataset, k=10, ground_truths=GroundTruths(others)))
