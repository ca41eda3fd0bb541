"""Measurements of chunks merge to that of the whole, and refuse what does not belong together."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.measurement import Measurement, MeasurementKey
from vq_benchmark.evaluation.metrics import Metrics, finished, finished_metrics
from vq_benchmark.evaluation.per_query import queries_digest
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import TILE_ROWS, Pass
from vq_benchmark.machine.archive import pack


def quality(metrics: Metrics) -> Metrics:
    """Without what the clock says."""
    return {name: value for name, value in metrics.items() if "second" not in name}


@pytest.mark.parametrize("judged", [None, "own", "same"])
@pytest.mark.parametrize("metric", DISTANCES)
def test_chunks_stored_and_merged_finish_as_the_whole(
    metric: Distance, judged: str | None, make_dataset, rounding
) -> None:
    dataset = make_dataset(metric, judged=judged)
    whole = finished_metrics(evaluate(rounding, dataset))
    ground_truths = exact_truths(dataset)
    edges = [0, 100, TILE_ROWS, 9000, dataset.n]
    spans = list(pairwise(edges))
    # A chunk may know the truth of its own rows or of all, as it was at hand.
    for given, order in (
        ([None] * 4, [0, 1, 2, 3]),
        ([None] * 4, [2, 1, 3, 0]),
        ([ground_truths] * 4, [3, 0, 2, 1]),
        ([None, None, ground_truths, None], [0, 1, 2, 3]),
    ):
        parts = [
            Measurement.from_bytes(
                evaluate(rounding, dataset, ground_truths=known, pass_=Pass(a, b, batch_size=1))
                .without_idle_scores()
                .to_bytes()
            )
            for (a, b), known in zip(spans, given, strict=True)
        ]
        merged = parts[order[0]]
        for i in order[1:]:
            merged.merge(parts[i])
        assert merged.missing == []
        assert quality(finished_metrics(merged)) == quality(whole)
        assert merged.timings.rows >= dataset.n


@pytest.mark.parametrize("rerank", ["exact", "int8"])
def test_no_metric_depends_on_the_scores_that_a_chunk_does_not_store(rerank, make_dataset, rounding) -> None:
    dataset = make_dataset("ip", judged="same")
    settings, k = PassSettings(max_candidates=60, rerank=rerank, query_bits="1"), 10
    whole = evaluate(rounding, dataset, k=k, settings=settings)
    ground_truths = exact_truths(dataset, k)
    edges = [0, 4000, TILE_ROWS, dataset.n]
    parts = [
        evaluate(rounding, dataset, ground_truths=ground_truths, k=k, settings=settings, pass_=Pass(a, b))
        for a, b in pairwise(edges)
    ]
    stored = [Measurement.from_bytes(part.without_idle_scores().to_bytes()) for part in parts]
    dropped = np.isneginf(stored[0].accumulators.top.exact[: len(dataset.queries)])
    assert 0.5 < dropped.mean() < 50 / 60  # some of those behind the tenth are true neighbours
    assert not dropped[:, :k].any()
    assert len(stored[0].to_bytes()) < 0.9 * len(parts[0].to_bytes())
    merged = stored[0]
    for part in stored[1:]:
        merged.merge(part)
    found, expected = finished(merged), finished(whole)
    assert quality(found.metrics) == quality(expected.metrics)
    assert found.per_query == expected.per_query


def test_bytes_round_trip(make_dataset, rounding) -> None:
    dataset = make_dataset("l2", n=900, judged="own")
    part = evaluate(rounding, dataset, pass_=Pass(10, 500))
    again = Measurement.from_bytes(part.to_bytes())
    assert again.key == part.key
    assert again.timings == part.timings
    assert again.accumulators.to_bytes() == part.accumulators.to_bytes()
    assert again.truth is not None
    assert again.judged_truth is not None
    assert again.truth.span == (10, 500)
    np.testing.assert_array_equal(again.truth.ids, part.truth.ids)
    np.testing.assert_array_equal(again.judged_truth.ids, part.judged_truth.ids)
    np.testing.assert_array_equal(again.qrels, part.qrels)
    assert again.to_bytes() == part.to_bytes()
    with pytest.raises(ValueError, match="archive"):
        Measurement.from_bytes(part.to_bytes()[:-1])
    with pytest.raises(ValueError, match="format version is 0"):
        Measurement.from_bytes(pack({"version": 0}, {}))


def test_what_is_missing(make_dataset, rounding) -> None:
    dataset = make_dataset("l2", n=900)
    settings = PassSettings(with_scores=False)
    part = evaluate(rounding, dataset, pass_=Pass(100, 200), settings=settings)
    assert part.missing == [(0, 100), (200, 900)]
    part.merge(evaluate(rounding, dataset, pass_=Pass(300, 900), settings=settings))
    assert part.missing == [(0, 100), (200, 300)]
    part.merge(evaluate(rounding, dataset, pass_=Pass(0, 100), settings=settings))
    part.merge(evaluate(rounding, dataset, pass_=Pass(200, 300), settings=settings))
    assert part.missing == []


OTHER = {
    "model_hash": "other", "metric": "ip", "k": 5, "trained_rows": 3, "trained_hash": "other", "query_bits": "4",
    "rerank": "int8",
}  # fmt: skip


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(MeasurementKey)])
def test_measurements_of_other_subjects_are_refused(field: str, make_dataset, rounding) -> None:
    dataset = make_dataset("l2", n=600)
    mine, other = (evaluate(rounding, dataset, pass_=Pass(a, a + 300)) for a in (0, 300))
    value = getattr(other.key, field)
    changed = not value if isinstance(value, bool) else OTHER.get(field) or value + 1
    other.key = dataclasses.replace(other.key, **{field: changed})
    with pytest.raises(ValueError, match=f"differ in {field}"):
        mine.merge(other)


def test_settings_that_change_the_result_make_another_subject(make_dataset, rounding) -> None:
    dataset = make_dataset("l2", n=600)
    mine = evaluate(rounding, dataset, pass_=Pass(stop=300))
    for changed in (
        {"max_candidates": 150},
        {"num_pairs": 7},
        {"seed": 5},
        {"with_pairwise": False},
        {"with_rank": False},
        {"query_bits": "4"},
        {"rerank": "int8"},
        {"target_recall": 0.9},
    ):
        with pytest.raises(ValueError, match="differ in"):
            mine.merge(evaluate(rounding, dataset, pass_=Pass(300), settings=PassSettings(**changed)))
    with pytest.raises(ValueError, match="only some of them have a ground truth"):
        mine.merge(evaluate(rounding, dataset, pass_=Pass(300), settings=PassSettings(with_scores=False)))


def test_other_judgements_are_refused(make_dataset, rounding) -> None:
    dataset = make_dataset("l2", n=600, judged="own")
    mine, other = (evaluate(rounding, dataset, pass_=Pass(a, a + 300)) for a in (0, 300))
    other.qrels = other.qrels[1:]
    with pytest.raises(ValueError, match="judgements differ"):
        mine.merge(other)


def test_rows_measured_twice_are_refused(make_dataset, rounding) -> None:
    dataset = make_dataset("l2", n=600)
    mine = evaluate(rounding, dataset, pass_=Pass(stop=300))
    for start, stop in ((0, 300), (200, 600)):
        with pytest.raises(ValueError, match="twice"):
            mine.merge(evaluate(rounding, dataset, pass_=Pass(start, stop)))


def test_own_rows_travel_with_chunks(make_dataset, rounding) -> None:
    """Judged metrics of merged chunks leave the same rows out as those of the whole; recall_at_100 is still known."""
    dataset = make_dataset("l2", n=900, judged="own")
    own = np.full(len(dataset.judgements.queries), -1)
    plain = finished_metrics(evaluate(rounding, dataset))
    own[:2] = dataset.judgements.qrels[0, 1], 4  # among the answers, or not
    dataset = dataclasses.replace(dataset, judgements=dataclasses.replace(dataset.judgements, own_rows=own))
    whole = evaluate(rounding, dataset)
    parts = [
        Measurement.from_bytes(evaluate(rounding, dataset, pass_=Pass(*span)).to_bytes())
        for span in ((0, 300), (300, 900))
    ]
    parts[1].merge(parts[0])
    assert parts[1].own_rows.tolist() == own.tolist()
    merged, expected = finished_metrics(parts[1]), finished_metrics(whole)
    assert quality(merged) == quality(expected)
    assert queries_digest(whole) == queries_digest(parts[1])
    assert "recall_at_100_qrels_exact" in expected
    assert expected["recall_at_10"] == plain["recall_at_10"]
    assert expected["recall_at_100_qrels_exact"] < plain["recall_at_100_qrels_exact"]
    other = Measurement.from_bytes(evaluate(rounding, dataset, pass_=Pass(300, 900)).to_bytes())
    other.own_rows = None
    with pytest.raises(ValueError, match="identifier of a query"):
        other.merge(Measurement.from_bytes(parts[0].to_bytes()))
    assert queries_digest(other) != queries_digest(whole)


def test_a_chunk_stores_only_the_true_neighbours_in_its_rows(make_dataset, rounding) -> None:
    """Merging needs no more: the other chunks bring theirs. Stored ones merge to the ground truth that was given."""
    dataset = make_dataset("l2", n=900, judged="own")
    ground_truths = exact_truths(dataset)
    parts = [evaluate(rounding, dataset, ground_truths=ground_truths, pass_=Pass(a, a + 300)) for a in (0, 300, 600)]
    stored = [Measurement.from_bytes(part.to_bytes()) for part in parts]
    for number, part in enumerate(stored):
        rows = part.truth.ids[part.truth.ids >= 0]
        assert len(rows) > 0
        assert set(rows // 300) == {number}
        assert part.truth.span == (0, 900)
        assert part.to_bytes() == parts[number].to_bytes()
    assert sum(np.count_nonzero(part.truth.ids >= 0) for part in stored) == ground_truths.queries.ids.size
    whole = stored[2]
    whole.merge(stored[0])
    whole.merge(parts[1])  # as good as its stored form
    for found, given in ((whole.truth, ground_truths.queries), (whole.judged_truth, ground_truths.judged)):
        np.testing.assert_array_equal(found.ids, given.ids)
        np.testing.assert_array_equal(found.top.scores, given.top.scores)
        assert found.content == given.content
    assert len(parts[0].truth.ids[parts[0].truth.ids >= 0]) == ground_truths.queries.ids.size  # not changed


def test_ground_truths_that_list_other_neighbours_are_refused(make_dataset, rounding) -> None:
    dataset = make_dataset("l2", n=900)
    ground_truths, other = exact_truths(dataset), exact_truths(dataset)
    other.queries.top.ids[0, :2] = other.queries.top.ids[0, 1::-1]
    mine = evaluate(rounding, dataset, ground_truths=ground_truths, pass_=Pass(0, 300))
    theirs = evaluate(rounding, dataset, ground_truths=other, pass_=Pass(300, 900))
    with pytest.raises(ValueError, match="two ground truths of rows 0 to 900 disagree"):
        Measurement.from_bytes(mine.to_bytes()).merge(theirs)
