"""Retrieval quality, its loss and the paired interval against plain implementations of docs/METRICS.md."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.evaluation.accumulators import Accumulators
from vq_benchmark.evaluation.evaluate import evaluate
from vq_benchmark.evaluation.evidence import Evidence
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth
from vq_benchmark.evaluation.measurement import Measurement, MeasurementKey
from vq_benchmark.evaluation.metric_records import JUDGED_DEPTHS, RECORDS
from vq_benchmark.evaluation.metrics import Metrics, computed_metrics, finished_metrics
from vq_benchmark.evaluation.statistics.bootstrap import RESAMPLES
from vq_benchmark.evaluation.streaming import PassSettings, Timings
from vq_benchmark.evaluation.topk import NO_ID, TopCandidates

QUERIES, N = 7, 130
Ranking = list[int]
Grades = dict[int, int]


def reciprocal(ranking: Ranking, grades: Grades) -> float:
    return next((1 / place for place, row in enumerate(ranking[:10], 1) if grades.get(row, 0) > 0), 0.0)


def ndcg(ranking: Ranking, grades: Grades) -> float:
    def gain(relevances: list[int]) -> float:
        return sum(max(each, 0) / math.log2(place + 1) for place, each in enumerate(relevances[:10], 1))

    return gain([grades.get(row, 0) for row in ranking]) / gain(sorted(grades.values(), reverse=True))


def recall(ranking: Ranking, grades: Grades) -> float:
    relevant = [row for row, grade in grades.items() if grade > 0]
    return sum(row in ranking[:100] for row in relevant) / len(relevant)


PLAIN: dict[str, Callable[[Ranking, Grades], float]] = {
    "mrr_at_10": reciprocal,
    "ndcg_at_10": ndcg,
    "recall_at_100_qrels": recall,
}


def orders(rng: np.random.Generator, depth: int) -> TopCandidates:
    """The best `depth` of N rows for each query, in random order; -1 where rows have run out."""
    ids = np.stack([rng.permutation(N)[:depth] for _ in range(QUERIES)])
    ids = np.pad(ids, ((0, 0), (0, depth - ids.shape[1])), constant_values=NO_ID)
    return TopCandidates(np.zeros(ids.shape), ids, np.zeros(ids.shape))


def judged(
    rng: np.random.Generator,
    found: TopCandidates,
    exact: TopCandidates,
    qrels: np.ndarray,
    own_rows: np.ndarray | None = None,
) -> Metrics:
    key = MeasurementKey(
        n=N, d=8, code_bytes=8, model_bytes=0, model_hash="", metric="ip", queries=3, judged_first=0, k=1,
        seed=int(rng.integers(100)), candidates=found.size, num_pairs=0, with_pairwise=False,
    )  # fmt: skip
    truth = GroundTruth(exact, (0, N))
    measurement = Measurement(
        key, Accumulators(top=found), Timings(), np.zeros(QUERIES), truth=truth, qrels=qrels, own_rows=own_rows
    )
    records = [record for record in RECORDS if record.needs == "judgements"]
    return computed_metrics(records, Evidence(measurement)) | {"seed": key.seed}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32).map(np.random.default_rng),
    st.sampled_from([3, 9, 10, 99, 100, 130, 200]),
    st.sampled_from([3, 9, 10, 99, 100, 130, 200]),
    st.integers(0, 60),
)
def test_judged_metrics_are_those_of_the_plain_definitions(
    rng: np.random.Generator, candidates: int, k: int, judgements: int
) -> None:
    """Graded, zero, negative and repeated judgements, and queries without a relevant row."""
    found, exact = orders(rng, candidates), orders(rng, k)
    qrels = np.stack([rng.integers(high, size=judgements) for high in (QUERIES, N // 4, 7)], axis=1)
    qrels[:, 2] -= 3
    metrics = judged(rng, found, exact, qrels)
    grades: dict[int, Grades] = {}
    for query, row, grade in qrels.tolist():
        of_query = grades.setdefault(query, {})
        of_query[row] = max(grade, of_query.get(row, grade))
    asked = sorted(query for query, of_query in grades.items() if max(of_query.values()) > 0)
    expected: Metrics = {"seed": metrics["seed"]} | ({"judged_queries": len(asked)} if judgements else {})
    for name, plain in PLAIN.items():
        depth = 100 if "100" in name else 10
        values = {}
        for suffix, top in {"": found, "_exact": exact}.items():
            if asked and top.size >= depth:
                values[suffix] = np.array([plain(top.ids[query].tolist(), grades[query]) for query in asked])
        if len(values) == 2:
            values["_loss"] = values["_exact"] - values[""]
        for suffix, per_query in values.items():
            expected[f"{name}{suffix}"] = pytest.approx(per_query.mean(), abs=1e-15)
            if len(asked) > 1:
                expected[f"{name}{suffix}_ci"] = pytest.approx(interval(values, suffix, metrics["seed"]), abs=1e-12)
    assert metrics == expected


def interval(values: dict[str, np.ndarray], suffix: str, seed: int) -> list[float]:
    """A paired bootstrap over queries; where all have the same value, the bound of docs/METRICS.md."""
    same, lowest = values[suffix], -1 if suffix == "_loss" else 0
    if np.allclose(same, same[0], rtol=0, atol=1e-12):
        others = scipy.stats.binomtest(0, len(same)).proportion_ci(method="wilson").high
        return [same[0] - others * (same[0] - lowest), same[0] + others * (1 - same[0])]
    drawn = np.random.default_rng(seed).integers(len(same), size=(RESAMPLES, len(same)))
    means = {each: values[each][drawn].mean(axis=1) for each in ({"", "_exact"} & set(values))}
    resampled = means["_exact"] - means[""] if suffix == "_loss" else means[suffix]
    return np.quantile(resampled, [0.025, 0.975]).tolist()


def test_every_judged_measure_has_a_plain_definition() -> None:
    assert set(PLAIN) == set(JUDGED_DEPTHS)


def test_the_interval_is_paired() -> None:
    """Easy and hard queries make both figures uncertain, but all lose about a half, so the loss is nearly certain."""
    exact, found = (orders(np.random.default_rng(0), 100) for _ in range(2))
    exact.ids[:] = found.ids[:] = np.arange(100)
    easy, hard = slice(0, None, 2), slice(1, None, 2)
    found.ids[easy, :2] = [1, 0]  # row 0 goes from place 1 to 2
    found.ids[hard, 1], found.ids[hard, 9] = 9, 1  # row 1 goes from place 2 to 10
    qrels = np.array([[query, query % 2, 1] for query in range(QUERIES)])
    metrics = judged(np.random.default_rng(0), found, exact, qrels)
    assert metrics["mrr_at_10_loss"] == pytest.approx((4 * 0.5 + 3 * 0.4) / 7)
    low, high = metrics["mrr_at_10_loss_ci"]
    assert 0.4 <= low < high <= 0.5
    for name in ("mrr_at_10_ci", "mrr_at_10_exact_ci"):
        assert metrics[name][1] - metrics[name][0] > 0.2
    most = scipy.stats.binomtest(0, QUERIES).proportion_ci(method="wilson").high
    assert metrics["recall_at_100_qrels_loss_ci"] == pytest.approx([-most, most]), "none of 7 queries loses anything"


def test_shallow_neighbours_give_no_deeper_metric(make_dataset, rounding) -> None:
    """The reciprocal rank in the top 3 is not MRR@10."""
    dataset = make_dataset("ip", n=400, judged="own")
    for k, candidates, absent in (
        (100, 200, set()),
        (10, 200, {"recall_at_100_qrels_exact", "recall_at_100_qrels_loss"}),
        (10, 50, {"recall_at_100_qrels", "recall_at_100_qrels_exact", "recall_at_100_qrels_loss"}),
        (
            3,
            50,
            {f"{name}{end}" for name in JUDGED_DEPTHS for end in ("_exact", "_loss")} | {"recall_at_100_qrels"},
        ),
    ):
        metrics = finished_metrics(evaluate(rounding, dataset, k=k, settings=PassSettings(max_candidates=candidates)))
        names = {f"{name}{suffix}" for name in JUDGED_DEPTHS for suffix in ("", "_exact", "_loss")}
        assert names - set(metrics) == absent
    tiny = make_dataset("ip", n=45, judged="own")
    metrics = finished_metrics(evaluate(rounding, tiny))
    assert metrics["recall_at_100_qrels"] == metrics["recall_at_100_qrels_exact"] == 1


def beir_case(rng: np.random.Generator, depth: int) -> tuple[TopCandidates, TopCandidates, np.ndarray, np.ndarray]:
    """Orders of `depth` rows, judgements some of whose passages are missing, and queries that are rows themselves."""
    found, exact = orders(rng, depth), orders(rng, depth)
    own = rng.permutation(N)[:QUERIES]
    own[rng.random(QUERIES) < 0.3] = -1
    for ids, row in zip(found.ids, own.tolist(), strict=True):
        if row >= 0:  # first, as a copy of the query is
            ids[ids == row] = ids[0]
            ids[0] = row
    pairs = {(query, int(row)) for query in range(QUERIES) for row in rng.integers(N // 3, size=6)}
    pairs |= {(query, row) for query, row in enumerate(own.tolist()) if row >= 0 and rng.random() < 0.5}
    qrels = [(query, row, int(rng.integers(-1, 4))) for query, row in sorted(pairs)]
    qrels += [(query, -1, int(rng.integers(1, 4))) for query in range(0, QUERIES, 2) for _ in range(query % 3)]
    return found, exact, np.array(qrels), own


def as_beir_ranks(ids: np.ndarray, own: int) -> Ranking:
    return [row for row in ids.tolist() if row not in (own, NO_ID)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32).map(np.random.default_rng), st.sampled_from([101, 110, 130]))
def test_own_rows_are_left_out_and_missing_rows_stay_ideal(rng: np.random.Generator, depth: int) -> None:
    found, exact, qrels, own = beir_case(rng, depth)
    metrics = judged(rng, found, exact, qrels, own)
    grades: dict[int, Grades] = {}
    for number, (query, row, grade) in enumerate(qrels.tolist()):
        grades.setdefault(query, {})[row if row >= 0 else -10 - number] = grade
    asked = sorted(query for query, of_query in grades.items() if max(of_query.values()) > 0)
    for suffix, top in {"": found, "_exact": exact}.items():
        for name, plain in PLAIN.items():
            values = [plain(as_beir_ranks(top.ids[query], own[query]), grades[query]) for query in asked]
            assert metrics[f"{name}{suffix}"] == pytest.approx(np.mean(values), abs=1e-15)


def test_one_row_less_is_too_few_for_a_depth_that_own_rows_reach() -> None:
    rng = np.random.default_rng(3)
    found, exact, qrels, own = beir_case(rng, 100)
    assert "recall_at_100_qrels" not in judged(rng, found, exact, qrels, own)
    assert "recall_at_100_qrels" in judged(rng, found, exact, qrels)


@pytest.mark.parametrize("seed", range(5))
def test_they_are_those_of_trec_eval_after_what_beir_does(seed: int) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    rng = np.random.default_rng(seed)
    found, exact, qrels, own = beir_case(rng, 120)
    metrics = judged(rng, found, exact, qrels, own)
    by_name: dict[str, dict[str, int]] = {}
    for number, (query, row, grade) in enumerate(qrels.tolist()):
        by_name.setdefault(f"q{query}", {})[f"d{row}" if row >= 0 else f"missing{number}"] = grade
    asked = [name for name, of_query in by_name.items() if max(of_query.values()) > 0]
    run = {
        f"q{query}": {f"d{row}": 1.0 / place for place, row in enumerate(ids.tolist(), 1) if row != own[query]}
        for query, ids in enumerate(found.ids)
    }
    scores = pytrec_eval.RelevanceEvaluator(by_name, {"ndcg_cut.10", "recall.100"}).evaluate(run)
    first_ten = {name: dict(list(ranked.items())[:10]) for name, ranked in run.items()}
    ranks = pytrec_eval.RelevanceEvaluator(by_name, {"recip_rank"}).evaluate(first_ten)
    for name, theirs in {
        "ndcg_at_10": [scores[query]["ndcg_cut_10"] for query in asked],
        "recall_at_100_qrels": [scores[query]["recall_100"] for query in asked],
        "mrr_at_10": [ranks[query]["recip_rank"] for query in asked],
    }.items():
        assert metrics[name] == pytest.approx(np.mean(theirs), abs=1e-12), name
