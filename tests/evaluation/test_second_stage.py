"""Re-ranking: second-stage scores against plain numpy, the depth for a target, and the default left as it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation import ranking
from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.control import checked
from vq_benchmark.evaluation.evaluate import evaluate
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metrics import Metrics, finished_metrics
from vq_benchmark.evaluation.scores import scores_of
from vq_benchmark.evaluation.second_stage import SecondStage, second_stage_vectors
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import TILE_ROWS, Pass
from vq_benchmark.evaluation.topk import TopCandidates
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.studies.measure_spec import MeasureSpec

CODES = ("float16", "int8")


def quality(metrics: Metrics) -> Metrics:
    """Without what the clock says."""
    return {name: value for name, value in metrics.items() if "second" not in name}


def decoded(rows: np.ndarray, rerank: str) -> np.ndarray:
    """What the second stage decodes, in plain numpy."""
    if rerank == "float16":
        return rows.astype(np.float16).astype(np.float32)
    scale = np.abs(rows).max(axis=1, keepdims=True) / np.float32(127)
    return np.rint(rows / scale) * scale


@pytest.mark.parametrize(
    ("text", "kept"),
    [("os=3", 400), ("count=50,from=float16", 200), ("os=2,from=int8", 104), ("os=2,from=decoded", 0),
     ("sqrt=200,from=decoded", 400), ("float16", 0)],
)  # fmt: skip
def test_bytes_that_a_second_stage_keeps_beside_the_codes(text: str, kept: int) -> None:
    assert SecondStage.parse(text).kept_bytes(100) == kept


@pytest.mark.parametrize("rerank", CODES)
def test_vectors_of_the_second_stage(rerank: str) -> None:
    rows = np.random.default_rng(0).standard_normal((50, 24)).astype(np.float32)
    np.testing.assert_array_equal(second_stage_vectors(rows, rerank), decoded(rows, rerank))
    alone = np.concatenate([second_stage_vectors(rows[[i]], rerank) for i in range(50)])
    np.testing.assert_array_equal(alone, second_stage_vectors(rows, rerank))
    assert second_stage_vectors(rows, "exact") is rows
    zero = np.zeros((1, 4), np.float32)
    np.testing.assert_array_equal(second_stage_vectors(zero, rerank), zero)


def test_numbers_too_large_for_half_precision_are_refused() -> None:
    rows = np.array([[1.0, -70_000.0]], np.float32)
    with pytest.raises(InputError, match="--rerank float16 cannot hold the number -7e"):
        second_stage_vectors(rows, "float16")
    np.testing.assert_allclose(second_stage_vectors(rows, "int8"), rows, atol=300)


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("rerank", CODES)
def test_reranked_recall_agrees_with_numpy(rerank: str, metric: Distance, make_dataset, own_scores) -> None:
    dataset = make_dataset(metric, n=3000, queries=30, judged="own")
    measurement = evaluate(own_scores, dataset, settings=PassSettings(rerank=rerank))
    base = dataset.base.read(0, dataset.n)
    queries = np.vstack([dataset.queries, dataset.judgements.queries]).astype(np.float64)

    def scores(rows: np.ndarray) -> np.ndarray:
        rows = rows.astype(np.float64)
        return 2 * queries @ rows.T - (rows**2).sum(axis=1) if metric == "l2" else queries @ rows.T

    exact, second = scores(base), scores(decoded(base, rerank))
    top = measurement.accumulators.top
    np.testing.assert_allclose(top.second, np.take_along_axis(second, top.ids, axis=1), rtol=1e-12, atol=1e-12)
    metrics = finished_metrics(measurement)
    for r in (20, 50, 100, 200):
        recalls = []
        for query in range(30):
            first = top.ids[query, :r]
            best = first[np.argsort(-top.second[query, :r], kind="stable")[:10]]
            tenth = np.sort(exact[query])[-10]
            recalls.append(min(10, np.sum(exact[query, best] >= tenth - 1e-9)) / 10)
        assert metrics[f"recall_10_at_{r}_reranked"] == pytest.approx(np.mean(recalls), abs=1e-12)
        low, high = metrics[f"recall_10_at_{r}_reranked_ci"]
        assert low <= metrics[f"recall_10_at_{r}_reranked"] <= high
        assert metrics[f"recall_10_at_{r}_reranked"] <= metrics[f"recall_10_at_{r}"]
        assert f"recall_1_at_{r}_reranked" not in metrics


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("rerank", CODES)
def test_nothing_else_changes_to_the_last_bit(rerank: str, metric: Distance, make_dataset, rounding) -> None:
    dataset = make_dataset(metric, judged="same")
    plain = evaluate(rounding, dataset)
    coded = evaluate(rounding, dataset, settings=PassSettings(rerank=rerank))
    for name in ("scores", "ids", "exact"):
        assert getattr(plain.accumulators.top, name).tobytes() == getattr(coded.accumulators.top, name).tobytes()
    assert plain.accumulators.top.second is None
    found = quality(finished_metrics(coded))
    assert {name: value for name, value in found.items() if "reranked" not in name} == quality(
        finished_metrics(plain)
    )
    assert b"second" not in plain.accumulators.to_bytes()


@pytest.mark.parametrize("rerank", CODES)
def test_chunks_merge_to_the_whole(rerank: str, make_dataset, rounding) -> None:
    dataset, settings = make_dataset("l2", judged="own"), PassSettings(rerank=rerank, max_candidates=120)
    whole = evaluate(rounding, dataset, settings=settings)
    parts = [
        Measurement.from_bytes(
            evaluate(rounding, dataset, settings=settings, pass_=Pass(a, b, batch_size=1)).to_bytes()
        )
        for a, b in ((5000, dataset.n), (TILE_ROWS + 3, 5000), (0, TILE_ROWS + 3))
    ]
    for part in parts[1:]:
        parts[0].merge(part)
    assert parts[0].accumulators.to_bytes() == whole.accumulators.to_bytes()
    assert quality(finished_metrics(parts[0])) == quality(finished_metrics(whole))


def test_candidates_with_and_without_a_second_stage_are_not_merged() -> None:
    with pytest.raises(ValueError, match="second stage"):
        TopCandidates.empty(2, 3, with_second=True).merge(TopCandidates.empty(2, 3))
    with pytest.raises(ValueError, match="second stage"):
        TopCandidates.empty(2, 3).merge(TopCandidates.empty(2, 3, with_second=True))


def test_accumulators_without_second_scores_are_read(make_dataset, rounding) -> None:
    accumulators = evaluate(rounding, make_dataset("ip", n=500)).accumulators
    again = Accumulators.from_bytes(accumulators.to_bytes())
    assert again.top is not None
    assert again.top.second is None
    none = evaluate(rounding, make_dataset("ip", n=500), settings=PassSettings(with_scores=False)).accumulators
    assert Accumulators.from_bytes(none.to_bytes()).top is None


@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(1, 60))
def test_second_scores_move_with_their_rows(seed: int, size: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, others = rng.integers(-2, 3, size=(2, rows, 3)).astype(np.float32)
    queries = rng.integers(-2, 3, size=(2, 3)).astype(np.float32)
    scores, exact, second = (scores_of(queries, each, "ip") for each in (vectors, -vectors, others))
    top = TopCandidates.empty(2, size, with_second=True)
    for start in range(0, rows, 7):
        top.offer(np.arange(rows), slice(start, min(start + 7, rows)), scores, exact, second)
    found = top.ids >= 0
    expected = queries.astype(np.float64) @ others.T
    np.testing.assert_array_equal(top.second[found], np.take_along_axis(expected, np.maximum(top.ids, 0), 1)[found])
    assert (top.second[~found] == -np.inf).all()


def test_the_depth_of_known_answers() -> None:
    true = np.array([[9.0, 8.0], [9.0, 8.0]])
    found = np.array([[1.0, 9.0, 8.0, 0.0], [9.0, 1.0, 1.0, 8.0]])
    # Means over both queries: 1/4, 1/2, 3/4, 1.
    depths = [ranking.rerank_depth(true, found, 2, target) for target in (0.25, 0.26, 0.5, 0.75, 0.76, 1.0)]
    assert depths == [1, 2, 2, 3, 4, 4]
    assert ranking.rerank_depth(true, found[:, :3], 2, 0.76) is None
    missing = np.array([[9.0, -np.inf], [9.0, -np.inf]])
    assert ranking.rerank_depth(true, missing, 2, 0.51) is None


@given(
    hnp.arrays(np.float64, (5, 12), elements=st.integers(0, 6).map(float)),
    st.integers(1, 4),
    st.sampled_from([0.1, 0.5, 0.95, 1.0]),
)
def test_the_depth_is_the_first_that_reaches_the_target(found: np.ndarray, k: int, target: float) -> None:
    true = -np.sort(-np.random.default_rng(0).integers(0, 7, size=(5, 4)).astype(float), axis=1)
    depth = ranking.rerank_depth(true, found, k, target)
    means = [ranking.recall(true, found, k, r).mean() for r in range(1, 13)]
    enough = [r for r, mean in enumerate(means, 1) if mean >= target - 1e-12]
    assert depth == (enough[0] if enough else None)


def test_the_depth_and_its_target_are_metrics(make_dataset, rounding) -> None:
    dataset = make_dataset("l2", n=3000, queries=30)
    low, high = (
        finished_metrics(evaluate(rounding, dataset, settings=PassSettings(target_recall=target)))
        for target in (0.2, 1.0)
    )
    assert low["rerank_depth"] <= high["rerank_depth"]
    assert (low["rerank_target"], low["rerank_limit"]) == (0.2, 200)
    few = evaluate(rounding, dataset, k=10, settings=PassSettings(target_recall=1.0, max_candidates=10))
    assert "rerank_depth" not in finished_metrics(few)
    assert finished_metrics(few)["rerank_limit"] == 10
    assert "rerank_target" not in finished_metrics(evaluate(rounding, dataset, k=5))


def test_the_control_needs_no_more_than_ten_and_int8_may_lose(make_dataset) -> None:
    dataset = make_dataset("ip", n=3000)
    none = get_quantizer("none").fit(dataset.base.read(0, 10))
    metrics = checked("none", evaluate(none, dataset, settings=PassSettings(rerank="int8"))).metrics
    assert metrics["rerank_depth"] == 10
    coded = checked("none", evaluate(none, dataset, settings=PassSettings(query_bits="1"))).metrics
    assert coded["recall_at_10"] < 1
    assert coded["mse"] == 0


def test_a_target_that_is_no_share_is_refused() -> None:
    for target in (0.0, 1.1):
        with pytest.raises(InputError, match="target_recall"):
            PassSettings(target_recall=target)


@pytest.mark.parametrize(
    ("text", "canonical", "first", "last"),
    [
        ("raw", "exact", None, None),
        ("os=3,from=raw", "os=3,from=exact", 30, 30),
        ("from=fp16, os=1.25", "os=1.25,from=float16", 13, 13),
        ("count=50", "count=50,from=exact", 50, 50),
        ("count=5", "count=5,from=exact", 10, 10),
        ("os=3,least=100", "os=3,least=100,from=exact", 100, 100),
        ("os=80,least=100,most=500", "os=80,least=100,most=500,from=exact", 500, 500),
        ("sqrt=200", "sqrt=200,from=exact", 44, 44),
        ("sqrt=200,from=codes", "sqrt=200,from=decoded", 200, 44),
    ],
)
def test_rules_say_how_many_candidates_are_scored(text: str, canonical: str, first: int, last: int) -> None:
    stage = SecondStage.parse(text)
    assert stage.text == canonical
    assert SecondStage.parse(stage.text) == stage
    assert stage.has_rule == (first is not None)
    if first is not None:
        assert (stage.first(10), stage.last(10)) == (first, last)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("int4", "must be one of exact, float16, int8, decoded"),
        ("os=0.5", "it must be a number of at least 1"),
        ("count=1.5", "it must be a whole number of at least 1"),
        ("os=inf", "it must be a number"),
        ("os=2,count=50", "the rules os and count; give one of them"),
        ("least=100", "sets none; add os=3"),
        ("os=2,os=3", "sets os twice"),
        ("oss=2", "did you mean 'os'"),
        ("os=2,least=9,most=8", "least above most"),
    ],
)
def test_impossible_rules_are_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        SecondStage.parse(text)


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize(
    "rule", ["os=3,from=exact", "os=3,from=decoded", "sqrt=90,from=decoded", "count=25,from=int8"]
)
def test_recall_of_the_answer_agrees_with_numpy(rule: str, metric: Distance, make_dataset, rounding) -> None:
    dataset = make_dataset(metric, n=2000, queries=20)
    measurement = evaluate(rounding, dataset, settings=PassSettings(rerank=rule))
    base, queries = dataset.base.read(0, dataset.n).astype(np.float64), dataset.queries.astype(np.float64)
    stage, top = SecondStage.parse(rule), measurement.accumulators.top

    def scores(rows: np.ndarray) -> np.ndarray:
        rows = rows.astype(np.float64)
        return 2 * queries @ rows.T - (rows**2).sum(axis=1) if metric == "l2" else queries @ rows.T

    again = {"exact": lambda: base, "decoded": lambda: rounding.decode(rounding.encode(base.astype(np.float32)))}
    exact, second = scores(base), scores(again.get(stage.source, lambda: decoded(base.astype(np.float32), "int8"))())
    recalls = []
    for query in range(20):
        rows = top.ids[query, : stage.first(10)]
        rows = rows[np.argsort(-second[query, rows], kind="stable")]
        if stage.sqrt is not None:
            rows = rows[: stage.last(10)]
            rows = rows[np.argsort(-exact[query, rows], kind="stable")]
        tenth = np.sort(exact[query])[-10]
        recalls.append(np.sum(exact[query, rows[:10]] >= tenth - 1e-9) / 10)
    metrics = finished_metrics(measurement)
    assert metrics["recall_at_10_reranked"] == pytest.approx(np.mean(recalls), abs=1e-12)
    assert ("recall_at_100_reranked" in metrics) == (stage.first(100) <= 200)
    assert "recall_at_10_reranked" not in finished_metrics(evaluate(rounding, dataset))


def test_answers_merge_over_chunks(make_dataset, rounding) -> None:
    dataset, settings = make_dataset("ip"), PassSettings(rerank="os=2,from=decoded")
    whole = evaluate(rounding, dataset, settings=settings)
    first, second = (
        evaluate(rounding, dataset, settings=settings, pass_=Pass(*rows)) for rows in ((0, 5000), (5000, dataset.n))
    )
    second.merge(first)
    assert second.accumulators.to_bytes() == whole.accumulators.to_bytes()
    assert quality(finished_metrics(second)) == quality(finished_metrics(whole))


def test_a_rule_needs_enough_candidates() -> None:
    with pytest.raises(InputError, match="scores 512 candidates for 10 neighbours, but --max-candidates keeps 200"):
        MeasureSpec.parse({"rerank": "count=512"})
    assert MeasureSpec.parse({"rerank": "from=raw,os=3"}).rerank == "os=3,from=exact"
