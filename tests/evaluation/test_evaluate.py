"""Evaluating: truths of queries and judged queries in one pass, and what is refused."""

import dataclasses

import numpy as np
import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import GroundTruths, evaluate, exact_truths, own_judged_queries
from vq_benchmark.evaluation.ground_truths.ground_truth import exact_neighbors
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import Pass


def test_truths_of_both_kinds_of_queries(make_dataset) -> None:
    dataset = make_dataset("ip", n=500, judged="own")
    ground_truths = exact_truths(dataset, 10)
    for truth, queries in (
        (ground_truths.queries, dataset.queries),
        (ground_truths.judged, dataset.judgements.queries),
    ):
        alone = exact_neighbors(dataset.base, queries, "ip", 10)
        np.testing.assert_array_equal(truth.ids, alone.ids)
        np.testing.assert_array_equal(truth.top.scores, alone.top.scores)


def test_queries_that_are_judged_themselves_are_scored_once(make_dataset, rounding) -> None:
    dataset = make_dataset("ip", n=500, judged="same")
    assert own_judged_queries(dataset) is None
    assert exact_truths(dataset).judged is None
    assert evaluate(rounding, dataset).accumulators.top.ids.shape == (7, 200)


def test_given_truths_are_used(make_dataset, rounding) -> None:
    dataset = make_dataset("ip", n=500)
    ground_truths = exact_truths(dataset)
    right = finished_metrics(evaluate(rounding, dataset, ground_truths=ground_truths))
    assert right["recall_at_10"] == finished_metrics(evaluate(rounding, dataset))["recall_at_10"]
    reversed_queries = dataclasses.replace(
        ground_truths.queries, top=ground_truths.queries.top.part(slice(None, None, -1))
    )
    wrong = finished_metrics(evaluate(rounding, dataset, ground_truths=GroundTruths(reversed_queries)))
    assert right["rank_distortion"] < 0.5 < wrong["rank_distortion"]


def test_a_judged_truth_that_is_not_given_leaves_out_the_exact_figures(make_dataset, rounding) -> None:
    dataset = make_dataset("ip", n=500, judged="own")
    metrics = finished_metrics(evaluate(rounding, dataset, ground_truths=GroundTruths(exact_truths(dataset).queries)))
    assert "mrr_at_10" in metrics
    assert "mrr_at_10_exact" not in metrics


def test_results_do_not_depend_on_the_batch_size(make_dataset, rounding) -> None:
    dataset = make_dataset("l2")
    small, large = (finished_metrics(evaluate(rounding, dataset, pass_=Pass(batch_size=size))) for size in (1, 10**6))
    for name in small | large:
        assert "second" in name or small[name] == large[name]


def test_what_does_not_fit_is_refused(make_dataset, rounding) -> None:
    dataset = make_dataset("ip", n=500)
    with pytest.raises(InputError, match=r"dimension 8.* has dimension 6"):
        evaluate(rounding, make_dataset("ip", n=500, d=6))
    with pytest.raises(InputError, match="max-candidates"):
        evaluate(rounding, dataset, k=201)
    with pytest.raises(InputError, match=r"shape \(7, 10\)"):
        evaluate(rounding, dataset, ground_truths=exact_truths(dataset, 10))
    with pytest.raises(InputError, match=r"shape \(7, 100\)"):
        evaluate(rounding, make_dataset("ip", n=500, queries=9), ground_truths=exact_truths(dataset))
    with pytest.raises(InputError, match="invalid rows"):
        evaluate(rounding, dataset, pass_=Pass(500), settings=PassSettings(with_scores=False))
