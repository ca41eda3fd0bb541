"""Every metric against an independent implementation of its formula in docs/DISTANCES.md."""

import dataclasses
import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from vq_benchmark.datasets.dataset import Dataset, Judgements
from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.evaluation.evaluate import GroundTruths, evaluate, exact_truths
from vq_benchmark.evaluation.ground_truths.ground_truth_check import adopted_truths
from vq_benchmark.evaluation.metric_records import JUDGED_DEPTHS
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.statistics.bootstrap import NORMAL_QUANTILE
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import Pass
from vq_benchmark.quantizers.registry import get_quantizer

N = 3000
MANY_PAIRS = PassSettings(max_candidates=200, num_pairs=100_000, seed=1)


def similarities(queries: np.ndarray, vectors: np.ndarray, metric: Distance) -> np.ndarray:
    """(q, n) float64: inner products, or -‖q - x‖² for l2."""
    if metric != "l2":
        return queries.astype(np.float64) @ vectors.T.astype(np.float64)
    return np.stack([-((query.astype(np.float64) - vectors) ** 2).sum(axis=1) for query in queries])


def order_of(scores: np.ndarray) -> np.ndarray:
    ids = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    return np.lexsort((ids, -scores.round(11)), axis=1)


@pytest.fixture(params=DISTANCES)
def case(request, make_dataset, rounding) -> tuple[Dataset, dict[str, Any], np.ndarray, np.ndarray]:
    """A data set, the metrics of the bad quantizer on it, and its vectors before and after."""
    dataset = make_dataset(request.param, n=N, queries=20)
    metrics = finished_metrics(evaluate(rounding, dataset, settings=MANY_PAIRS))
    vectors = dataset.base.read(0, N)
    return dataset, metrics, vectors.astype(np.float64), rounding.decode(rounding.encode(vectors)).astype(np.float64)


def test_reconstruction_errors(case) -> None:
    _, metrics, x, decoded = case
    errors, norms = ((x - decoded) ** 2).sum(axis=1), (x**2).sum(axis=1)
    assert metrics["mse"] == pytest.approx(errors.mean(), rel=1e-12)
    half = NORMAL_QUANTILE * errors.std() / math.sqrt(N)
    assert metrics["mse_ci"] == pytest.approx([errors.mean() - half, errors.mean() + half], rel=1e-9)
    ratio = errors.sum() / norms.sum()
    assert metrics["relative_error"] == pytest.approx(ratio, rel=1e-12)
    half = NORMAL_QUANTILE * (errors - ratio * norms).std() / norms.mean() / math.sqrt(N)
    assert metrics["relative_error_ci"] == pytest.approx([ratio - half, ratio + half], rel=1e-9)
    assert metrics["snr_db"] == pytest.approx(10 * math.log10(norms.sum() / errors.sum()), rel=1e-12)
    low, high = metrics["snr_db_ci"]
    assert low < metrics["snr_db"] < high
    assert low == pytest.approx(-10 * math.log10(metrics["relative_error_ci"][1]), rel=1e-12)


def test_score_errors_are_those_of_all_pairs_within_their_intervals(case) -> None:
    """100,000 drawn pairs of 60,000: close to the averages over all pairs."""
    dataset, metrics, x, decoded = case
    true = similarities(dataset.queries, x, dataset.distance)
    error = similarities(dataset.queries, decoded, dataset.distance) - true
    slope = np.polyfit(true.ravel(), (true + error).ravel(), 1)[0]
    for name, value in {"score_mse": (error**2).mean(), "score_bias": error.mean(), "score_slope": slope}.items():
        low, high = metrics[f"{name}_ci"]
        assert low < metrics[name] < high
        assert abs(metrics[name] - value) < 1.5 * (high - low)
    assert metrics["score_mse"] == pytest.approx((error**2).mean(), rel=0.05)


def test_pairwise_distortions_are_those_of_all_pairs_within_their_intervals(case) -> None:
    _, metrics, x, decoded = case
    rng = np.random.default_rng(5)
    a, b = rng.integers(N, size=(2, 200_000))
    distance = ((x[a] - x[b]) ** 2).sum(axis=1)
    apart = distance > 0
    for name, first in (("pairwise_distortion", decoded), ("pairwise_distortion_asymmetric", x)):
        estimate = ((first[a] - decoded[b]) ** 2).sum(axis=1)
        value = np.abs(estimate[apart] / distance[apart] - 1).mean()
        low, high = metrics[f"{name}_ci"]
        assert low < metrics[name] < high
        assert metrics[name] == pytest.approx(value, rel=0.03)


def brute_force_rankings(true_scores: np.ndarray, estimates: np.ndarray, size: int) -> dict[str, float]:
    """Averages over queries (q, n) of what docs/DISTANCES.md says, one row at a time; k is 100, equal scores tie."""
    sums: dict[str, float] = defaultdict(float)
    for scores, found in zip(true_scores, order_of(estimates)[:, :size].tolist(), strict=True):
        best = np.sort(scores)[::-1]
        for k, depths in {1: (1, 10, 100), 10: (10, 20, 50, 100, 200), 100: (100, 200)}.items():
            for r in depths:
                hits = sum(scores[row] >= best[k - 1] for row in found[:r])
                sums[f"recall_at_{k}" if k == r else f"recall_{k}_at_{r}"] += min(hits, k) / k
            sums[f"sum_of_scores_at_{k}"] += scores[found[:k]].sum() / best[:k].sum()
        place = {row: rank for rank, row in enumerate(found)}
        true = sorted(range(len(scores)), key=lambda row: (-scores[row], place.get(row, size)))[:100]
        footrule = sum(abs(place.get(row, size) - i) for i, row in enumerate(true))
        sums["rank_distortion"] += footrule / sum(size - i for i in range(100))
    return {name: total / len(true_scores) for name, total in sums.items()}


def test_rankings(case) -> None:
    dataset, metrics, x, decoded = case
    true_scores = similarities(dataset.queries, x, dataset.distance).round(11)
    expected = brute_force_rankings(true_scores, similarities(dataset.queries, decoded, dataset.distance), 200)
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, rel=1e-9), name
        low, high = metrics[f"{name}_ci"]
        assert low <= metrics[name] <= high


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rng=st.integers(0, 2**32).map(np.random.default_rng), metric=st.sampled_from(["l2", "ip"]))
def test_no_ranking_depends_on_how_a_ground_truth_breaks_ties(
    rng: np.random.Generator, metric: Distance, rounding
) -> None:
    """Few distinct numbers and many duplicates, so that nearly every neighbour ties."""
    x = np.repeat(rng.integers(-9, 10, size=(150, 8)), 3, axis=0)[rng.permutation(450)].astype(np.float32) / 8
    queries = rng.integers(1, 4, size=(6, 8)).astype(np.float32)
    dataset = Dataset("ties", ArraySource(x), queries, metric)
    scores = similarities(queries, x, metric)
    decoded = similarities(queries, rounding.decode(rounding.encode(x)), metric)
    ids = np.lexsort((rng.random(scores.shape), -scores), axis=1)[:, :120]
    published = adopted_truths(ids, dataset, 100, "the published ground truth")
    for quantizer, estimates in ((rounding, decoded), (get_quantizer("none").fit(x), scores)):
        metrics = finished_metrics(evaluate(quantizer, dataset, ground_truths=published))
        own = finished_metrics(evaluate(quantizer, dataset))
        for name, value in brute_force_rankings(scores, estimates, 200).items():
            assert metrics[name] == own[name] == pytest.approx(value, rel=1e-9), name


def test_bits_are_counted_from_buffers(case) -> None:
    _, metrics, _, _ = case
    assert (metrics["code_bytes"], metrics["model_bytes"]) == (8, 0)
    assert metrics["bits_per_dim"] == metrics["total_bits_per_dim"] == 8
    assert metrics["compression_ratio"] == metrics["total_compression_ratio"] == 4


def test_bits_of_a_model_are_shared_by_the_base(make_dataset) -> None:
    dataset = make_dataset("l2", n=1000)
    pq = get_quantizer("pq", m=4, nbits=4).fit(dataset.base.read(0, 1000))
    metrics = finished_metrics(evaluate(pq, dataset, settings=PassSettings(with_scores=False)))
    assert metrics["bits_per_dim"] == 2
    model = 4 * 16 * 2 * 4  # m codebooks of 16 entries of 2 float32
    assert metrics["model_bits_per_dim"] == 8 * model / (1000 * 8)
    assert metrics["total_bits_per_dim"] == 2 + 8 * model / (1000 * 8)
    assert metrics["compression_ratio"] == 16
    assert metrics["total_compression_ratio"] == 32 / metrics["total_bits_per_dim"]
    assert not [name for name in metrics if name.startswith(("recall", "rank", "sum_of"))]


@pytest.mark.parametrize("judged", ["own", "same"])
@pytest.mark.parametrize("metric", DISTANCES)
def test_judged_queries(metric: Distance, judged: str, make_dataset, rounding) -> None:
    dataset = make_dataset(metric, n=N, queries=12, judged=judged)
    judgements = dataset.judgements
    metrics = finished_metrics(evaluate(rounding, dataset, settings=MANY_PAIRS))
    x = dataset.base.read(0, N)
    grades = np.zeros((len(judgements.queries), N))
    for query, row, grade in judgements.qrels:
        grades[query, row] = max(grade, grades[query, row])
    for suffix, vectors in {"": rounding.decode(rounding.encode(x)), "_exact": x}.items():
        order = order_of(similarities(judgements.queries, vectors, metric))
        places = np.empty_like(order)
        np.put_along_axis(places, order, np.arange(N)[None], axis=1)
        firsts = [places[query][line > 0].min() + 1 for query, line in enumerate(grades)]
        reciprocal = np.mean([1 / first if first <= 10 else 0 for first in firsts])
        assert metrics[f"mrr_at_10{suffix}"] == pytest.approx(reciprocal, rel=1e-12)
        assert metrics[f"ndcg_at_10{suffix}"] == pytest.approx(ndcg_score(grades, -places, k=10), rel=1e-12)
        recalls = [(places[query][line > 0] < 100).mean() for query, line in enumerate(grades)]
        assert metrics[f"recall_at_100_qrels{suffix}"] == pytest.approx(np.mean(recalls), rel=1e-12)
        for name in JUDGED_DEPTHS:
            low, high = metrics[f"{name}{suffix}_ci"]
            assert low <= metrics[name + suffix] <= high
    assert metrics["judged_queries"] == len(judgements.queries)
    # Neither recall nor the pairs of the queries know of the judged ones.
    plain = finished_metrics(evaluate(rounding, dataclasses.replace(dataset, judgements=None), settings=MANY_PAIRS))
    for name, value in plain.items():
        if "second" not in name:
            assert metrics[name] == value


def test_judgements_that_say_nothing_relevant(make_dataset, rounding) -> None:
    dataset = make_dataset("ip", n=500)
    nothing = Judgements(dataset.queries, np.array([[0, 3, 0], [1, 4, -1]]))
    metrics = finished_metrics(evaluate(rounding, dataclasses.replace(dataset, judgements=nothing)))
    assert not [name for name in metrics if name.startswith(("mrr", "ndcg")) or "qrels" in name]
    assert metrics["judged_queries"] == 0
    one = Judgements(dataset.queries, np.array([[0, 3, 0], [5, 4, 1]]))
    metrics = finished_metrics(evaluate(rounding, dataclasses.replace(dataset, judgements=one)))
    assert metrics["judged_queries"] == 1
    assert "mrr_at_10" in metrics and "mrr_at_10_ci" not in metrics  # one query says nothing about others


@pytest.mark.parametrize("judged", [None, "own", "same"])
@pytest.mark.parametrize("metric", DISTANCES)
def test_the_control_is_exact(metric: Distance, judged: str | None, make_dataset) -> None:
    dataset = make_dataset(metric, n=5000, judged=judged)
    none = get_quantizer("none").fit(dataset.base.read(0, 10))
    metrics = finished_metrics(evaluate(none, dataset))
    for name, value in metrics.items():
        if (name.startswith("recall") and "qrels" not in name) or name in ("score_slope", "compression_ratio"):
            assert np.all(np.asarray(value) == 1), name
        if "loss" in name or name.startswith(
            ("mse", "relative_error", "score_mse", "score_bias", "pairwise", "rank_distortion")
        ):
            assert np.all(np.asarray(value) == 0), name
        if name.startswith("sum_of_scores"):
            assert np.all(np.asarray(value) == 1), name
    assert "snr_db" not in metrics
    if judged:
        for name in JUDGED_DEPTHS:
            assert metrics[name] == metrics[f"{name}_exact"]
            assert metrics[f"{name}_ci"] == metrics[f"{name}_exact_ci"]


def test_queries_that_are_in_the_base_have_no_ratio_of_distances(make_dataset) -> None:
    """Their nearest distance is 0 up to rounding, and a ratio to that would drown all others."""
    dataset = make_dataset("l2", n=2000, d=96, queries=3)
    rows = dataset.base.read(0, 300)
    pq = get_quantizer("pq", m=1, nbits=4).fit(rows)
    apart = finished_metrics(evaluate(pq, dataset))
    both = dataclasses.replace(dataset, queries=np.concatenate([dataset.queries, rows]))
    assert finished_metrics(evaluate(pq, both))["sum_of_scores_at_1"] == apart["sum_of_scores_at_1"]


def test_fewer_rows_than_neighbours(make_dataset, rounding) -> None:
    dataset = make_dataset("l2", n=7)
    metrics = finished_metrics(evaluate(rounding, dataset))
    assert metrics["recall_at_7"] == 1
    assert metrics["recall_1_at_10"] == 1
    assert "recall_at_10" not in metrics
    assert 0 <= metrics["rank_distortion"] < 1


def test_a_base_of_zero_vectors(rounding) -> None:
    zeros = np.zeros((300, 8), dtype=np.float32)
    dataset = Dataset("zeros", ArraySource(zeros), np.ones((3, 8), dtype=np.float32), "ip")
    metrics = finished_metrics(evaluate(rounding, dataset))
    assert (metrics["mse"], metrics["score_mse"], metrics["recall_at_100"]) == (0, 0, 1)
    # 0 / 0 is no number, so it is no metric either.
    assert not {"relative_error", "snr_db", "score_slope", "pairwise_distortion", "sum_of_scores_at_1"} & set(metrics)


def test_depths_follow_k_and_the_candidates(make_dataset, rounding) -> None:
    dataset = make_dataset("ip", n=500)
    metrics = finished_metrics(evaluate(rounding, dataset, k=37, settings=PassSettings(max_candidates=40)))
    names = {
        name for name in metrics if name.startswith("recall") and "qrels" not in name and not name.endswith("_ci")
    }
    assert names == {"recall_at_1", "recall_at_10", "recall_at_37", "recall_1_at_10", "recall_10_at_20"}
    without = finished_metrics(evaluate(rounding, dataset, settings=PassSettings(with_rank=False)))
    assert "rank_distortion" not in without


def test_all_values_are_plain_finite_numbers(case) -> None:
    _, metrics, _, _ = case
    for value in metrics.values():
        for number in value if isinstance(value, list) else [value]:
            assert type(number) in (int, float)
            assert math.isfinite(number)
    for name in metrics:
        assert not name.endswith("_ci") or name.removesuffix("_ci") in metrics


def test_rows_that_are_missing_are_refused(make_dataset, rounding) -> None:
    dataset = make_dataset("ip", n=500)
    with pytest.raises(ValueError, match=r"\(0, 5\).*\(400, 500\)"):
        finished_metrics(evaluate(rounding, dataset, pass_=Pass(5, 400)))
    part = GroundTruths(exact_truths(dataset, pass_=Pass(0, 400)).queries)
    with pytest.raises(ValueError, match="covers only rows 0 to 400"):
        finished_metrics(evaluate(rounding, dataset, ground_truths=part))


def test_intervals_cover_what_more_queries_and_vectors_give(make_dataset, rounding) -> None:
    """Each draw of 200 queries and vectors from one distribution; the truth is the average over all draws."""
    names = ("mse", "relative_error", "recall_at_10", "rank_distortion")
    draws = [
        finished_metrics(
            evaluate(rounding, make_dataset("l2", n=400, queries=40, seed=s), k=10, settings=PassSettings(20, 100))
        )
        for s in range(30)
    ]
    for name in names[:2]:
        truth = np.mean([metrics[name] for metrics in draws])
        # A quarter of the rows are copies, so the intervals are a little too narrow here.
        assert np.mean([m[f"{name}_ci"][0] <= truth <= m[f"{name}_ci"][1] for m in draws]) >= 0.75
    for name in names[2:]:
        truth = np.mean([metrics[name] for metrics in draws])
        assert np.mean([m[f"{name}_ci"][0] <= truth <= m[f"{name}_ci"][1] for m in draws]) >= 0.8
