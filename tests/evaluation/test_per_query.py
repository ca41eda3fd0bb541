"""The values of each query: they give the metrics of their row again, exactly where they are counts, in few bytes."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.evaluation.evaluate import evaluate
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metric_records import RECORDS, record_of
from vq_benchmark.evaluation.metrics import finished
from vq_benchmark.evaluation.per_query import FORMAT, PerQuery
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import TILE_ROWS, Pass


@pytest.mark.parametrize("judged", [None, "own", "same"])
def test_values_give_the_metrics_of_the_row(judged, make_dataset, rounding):
    found = finished(evaluate(rounding, make_dataset("l2", judged=judged, queries=300)))
    values = PerQuery.from_bytes(found.per_query)
    expected = [
        name for name in found.metrics if record_of(name).interval == "bootstrap" and record_of(name).keeps_queries
    ]
    assert sorted(values.names) == sorted(expected)
    for name in values.names:
        exact = name.startswith(("recall_", "mrr_"))
        assert values.values(name).mean() == pytest.approx(found.metrics[name], abs=1e-12 if exact else 1e-6)
    assert values.values("rank_distortion") is None
    assert values.values("nonsense_loss") is None
    assert len(found.per_query) <= 12 * 300


@pytest.mark.parametrize("judged", ["own", "same"])
def test_merged_chunks_have_the_bytes_of_the_whole(judged, make_dataset, rounding):
    dataset = make_dataset("cosine", judged=judged)
    parts = [
        Measurement.from_bytes(evaluate(rounding, dataset, pass_=Pass(a, b)).to_bytes())
        for a, b in pairwise([0, 100, TILE_ROWS, dataset.n])
    ]
    for part in parts[1:]:
        parts[0].merge(part)
    assert finished(parts[0]).per_query == finished(evaluate(rounding, dataset)).per_query


def test_the_digest_is_of_the_queries_and_the_base_and_not_of_the_quantizer(make_dataset, rounding, own_scores):
    dataset = make_dataset("ip", n=900)
    deeper = {"settings": PassSettings(max_candidates=300)}
    same = [evaluate(rounding, dataset, k=10), evaluate(own_scores, dataset, k=200, **deeper)]
    others = [evaluate(rounding, make_dataset("ip", n=900, **change)) for change in ({"seed": 1}, {"judged": "own"})]
    digests = [PerQuery.from_bytes(finished(each).per_query).queries for each in [*same, *others]]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_deep_recall_is_exact_and_without_recall_there_are_no_values(make_dataset, rounding):
    dataset = make_dataset("l2", n=1500, queries=400)
    found = finished(evaluate(rounding, dataset, k=1000, settings=PassSettings(max_candidates=1000)))
    kept = PerQuery.from_bytes(found.per_query)
    assert kept.k == 1000
    assert kept.values("recall_at_1000").mean() == found.metrics["recall_at_1000"]
    none = finished(evaluate(rounding, dataset, settings=PassSettings(with_scores=False)))
    assert none.per_query is None


def test_every_bootstrap_metric_is_kept_unless_its_record_says_no():
    left_out = {each.name for each in RECORDS if each.interval == "bootstrap" and not each.keeps_queries}
    assert left_out == {"rank_distortion", "sum_of_scores_at_{k}"}


@given(st.lists(st.floats(width=32, allow_infinity=False), max_size=300), st.integers(1, 500))
def test_any_values_round_trip(floats, k):
    shares = np.arange(len(floats)) % (k + 1) / k
    kept = {"new_metric": np.array(floats, dtype=np.float64), f"share_at_{k}": shares}
    packed = PerQuery("queries", k, kept).to_bytes()
    again = PerQuery.from_bytes(packed)
    assert (again.queries, again.k) == ("queries", k)
    assert again.to_bytes() == packed
    for name, values in kept.items():
        np.testing.assert_array_equal(again.values(name), values)


def test_a_loss_is_the_difference_of_what_it_is_made_of():
    kept = {"mrr_at_10": np.array([1.0, 0.25]), "mrr_at_10_exact": np.array([1.0, 0.5])}
    again = PerQuery.from_bytes(PerQuery("", 1, kept).to_bytes())
    assert again.names == ["mrr_at_10", "mrr_at_10_exact", "mrr_at_10_loss"]
    assert again.values("mrr_at_10_loss").tolist() == [0, 0.25]
    assert again.values("ndcg_at_10_loss") is None


@pytest.mark.parametrize(
    "columns",
    [
        [{"name": "recall_at_1", "type": "uint8", "count": 3, "of": 1}],
        [{"name": "recall_at_1", "type": "uint16", "count": 2, "of": 1}],
        [{"name": "mrr_at_10", "type": "uint8", "count": 2, "table": []}],
        [{"name": "mrr_at_10", "type": "uint8", "count": -1}],
        [{"type": "uint8", "count": 2}],
        7,
    ],
)
def test_damaged_values_are_refused(columns):
    header = {"queries": "", "k": 1, "columns": columns}
    with pytest.raises(ValueError, match="values of each query"):
        PerQuery.from_bytes(FORMAT.pack(header, {"uint8": np.ones(2, np.uint8)}))
    with pytest.raises(ValueError):
        PerQuery.from_bytes(b"")
