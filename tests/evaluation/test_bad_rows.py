"""Rows that cannot be measured: left out of every answer, error and pair, whatever the chunks and the batch size."""

import itertools
import json

import faiss
import numpy as np
import pytest

from vq_benchmark.datasets.checks.bad_rows import LeftOut, counted
from vq_benchmark.datasets.data_spec import selected
from vq_benchmark.datasets.dataset import Dataset, Judgements
from vq_benchmark.datasets.loading import prepare_dataset
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import BadRows, InputError
from vq_benchmark.evaluation.evaluate import evaluate, exact_truths
from vq_benchmark.evaluation.ground_truths.gpu import proposed_neighbors
from vq_benchmark.evaluation.ground_truths.ground_truth import exact_neighbors
from vq_benchmark.evaluation.ground_truths.ground_truth_check import adopted_truths
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metrics import finished_metrics
from vq_benchmark.evaluation.rate_distortion import Bound, bound_metrics
from vq_benchmark.evaluation.search_index import filled_index
from vq_benchmark.evaluation.streaming import PassSettings
from vq_benchmark.evaluation.tiling import Pass
from vq_benchmark.quantizers.registry import get_quantizer

N, D, K = 9000, 4, 10
BAD = [0, 4095, 4096, 5000, 8999]
"""The first row, the last one, and both sides of the edge of a tile."""
SETTINGS = PassSettings(max_candidates=20, num_pairs=500, seed=1)


def vectors(n=N, seed=0):
    return np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)


def base_with(rows, value, n=N):
    base = vectors(n)
    base[rows] = value
    return base


def prepared(base, queries=None, **data):
    stored = RawDataset(ArraySource(base), None if queries is None else ArraySource(queries))
    return prepare_dataset("x", stored, selected("x", data))


def measured(dataset, *rows, batch_size=4096, after_block=None, resume=None, truths=None):
    quantizer = get_quantizer("int8").fit(dataset.training_sample(1000), seed=0)
    pass_ = Pass(*(rows or (0, None)), batch_size, after_block=after_block, resume=resume)
    truths = exact_truths(dataset, K, Pass(*pass_.rows(dataset.n))) if truths is None else truths
    trained_on = dataset.training_rows(1000)
    return evaluate(
        quantizer, dataset, ground_truths=truths, k=K, settings=SETTINGS, pass_=pass_, trained_on=trained_on
    )


def state(measurement):
    """All that a measurement found, without its times."""
    truth = measurement.truth.to_bytes()
    return measurement.accumulators.to_bytes(), truth


@pytest.mark.parametrize(("metric", "value"), [("cosine", 0), ("l2", np.nan), ("cosine", np.inf), ("ip", -np.inf)])
def test_answers_and_errors_are_those_of_the_other_rows(metric, value):
    base, queries = base_with(BAD, value), vectors(20, seed=1)
    dataset = prepared(base, queries, metric=metric)
    truth = exact_neighbors(dataset.base, dataset.queries, metric, K)
    others = np.delete(np.arange(N), BAD)
    alone = prepared(base[others], queries, metric=metric)
    expected = exact_neighbors(alone.base, alone.queries, metric, K)
    np.testing.assert_array_equal(truth.ids, others[expected.ids])
    assert truth.top.scores.tobytes() == expected.top.scores.tobytes()
    found = measured(dataset)
    kinds = {"non_finite": 0, "zero": 5} if value == 0 else {"non_finite": 5, "zero": 0}
    assert found.content.left_out == LeftOut(first=0, **kinds) == counted(dataset.base, metric)
    assert not np.isin(found.accumulators.top.ids, BAD).any()
    trained = np.setdiff1d(dataset.training_rows(1000), BAD)
    metrics = finished_metrics(found)
    assert metrics["error_vectors"] == N - len(BAD) - len(trained)
    assert all(np.isfinite(value).all() for value in metrics.values() if isinstance(value, float))


@pytest.mark.parametrize("edges", [(0, 1, N), (0, 4095, 4096, 4097, N), (0, 5000, 5001, N), (0, N - 1, N)])
def test_chunks_of_any_edges_and_batch_sizes_merge_to_the_whole_bit_for_bit(edges):
    dataset = prepared(base_with(BAD, np.nan), vectors(5, seed=1), metric="l2")
    whole = measured(dataset)
    parts = [measured(dataset, *rows, batch_size=1) for rows in itertools.pairwise(edges)]
    merged = Measurement.from_bytes(parts.pop().to_bytes())
    while parts:
        merged.merge(Measurement.from_bytes(parts.pop().to_bytes()))
    assert state(merged) == state(whole)
    assert state(measured(dataset, batch_size=10**6)) == state(whole)


def test_a_killed_pass_resumes_to_the_same_bits():
    dataset = prepared(base_with(BAD, np.nan), vectors(5, seed=1), metric="ip")
    saved = []
    whole = measured(dataset, after_block=lambda row, copy: saved.append(copy().to_bytes()))
    for state_so_far in saved:
        assert state(measured(dataset, resume=Measurement.from_bytes(state_so_far))) == state(whole)


def test_without_bad_rows_an_archive_says_nothing_of_them():
    dataset = prepared(vectors(300), vectors(5, seed=1), metric="l2")
    assert "content_left_out" not in measured(dataset).content.to_arrays()


def test_a_tile_of_bad_rows_only():
    n = 4096 * 101
    base = np.ones((n, 1), dtype=np.float32)
    base[4096:8192] = np.nan
    found = exact_neighbors(ArraySource(base), np.ones((1, 1), dtype=np.float32), "l2", K, Pass(4096, 8192))
    assert found.content.left_out == LeftOut(4096, 0, 4096) and (found.ids == -1).all()
    dataset = Dataset("x", ArraySource(base), np.ones((1, 1), dtype=np.float32), "l2")
    quantizer = get_quantizer("none").fit(base[:10])
    rows = Pass(4096, 8192)
    assert evaluate(quantizer, dataset, k=K, settings=SETTINGS, pass_=rows).content.left_out.count == 4096


def test_which_bad_rows_they_are_does_not_matter_but_that_they_are_bad_does():
    digests = [
        exact_neighbors(ArraySource(base_with(BAD, value)), vectors(1), "l2", 1).content.hex
        for value in (np.nan, -np.nan, np.inf, 0)
    ]
    assert len(set(digests[:3])) == 1 and digests[3] != digests[0]


@pytest.mark.parametrize("rows", [slice(None), slice(0, 91), slice(N - 91, N)])
def test_more_than_one_percent_is_refused(rows):
    dataset = Dataset("x", ArraySource(base_with(rows, np.nan)), vectors(3), "l2")
    with pytest.raises(BadRows, match=r"at least \d.* of 9,000 base rows .* at most 1 % may be left out"):
        exact_truths(dataset, K)
    allowed = Dataset("x", ArraySource(base_with(slice(0, 90), np.nan)), vectors(3), "l2")
    assert exact_truths(allowed, K).queries.content.left_out.count == 90


def test_two_passes_that_leave_out_too_many_together_are_refused():
    dataset = Dataset("x", ArraySource(base_with([*range(50), *range(N - 50, N)], np.nan)), vectors(3), "l2")
    first = exact_neighbors(dataset.base, dataset.queries, "l2", K, Pass(0, 4096))
    with pytest.raises(BadRows, match=r"at least 100 of 9,000 base rows"):
        exact_neighbors(dataset.base, dataset.queries, "l2", K, Pass(resume=first))


def test_refused_rows_are_named_wherever_they_are():
    dataset = prepared(base_with([1500], np.nan), vectors(3), metric="l2", bad_rows="refuse")
    with pytest.raises(BadRows, match=r"1 of the base rows .* the first is row 1500"):
        exact_truths(dataset, K)
    with pytest.raises(BadRows, match="row 1500"):
        dataset.training_sample(N)
    clean = prepared(vectors(), vectors(3), metric="l2", bad_rows="refuse")
    plain = prepared(vectors(), vectors(3), metric="l2")
    assert clean.fingerprint == plain.fingerprint and state(measured(clean)) == state(measured(plain))


def test_too_few_rows_for_k():
    dataset = prepared(base_with([7], np.nan, n=100), vectors(30, seed=1), metric="l2")
    quantizer = get_quantizer("none").fit(vectors(100))
    metrics = finished_metrics(evaluate(quantizer, dataset, k=100))
    assert metrics["recall_at_99"] == metrics["recall_at_10"] == 1 and "recall_at_100" not in metrics


def test_published_neighbours_that_name_bad_rows():
    dataset = prepared(base_with(BAD, 0), vectors(20, seed=1), metric="cosine")
    exact = exact_neighbors(dataset.base, dataset.queries, "cosine", K + 1).ids
    listed = exact.copy()
    listed[3] = [*exact[3, :4], 5000, *exact[3, 4:K]]
    np.testing.assert_array_equal(adopted_truths(listed, dataset, K, "it").queries.ids, exact[:, :K])
    listed[3, :2] = BAD[:2]
    with pytest.raises(
        InputError, match="it lists rows that cannot be measured, such as row 0, and for query 3 fewer"
    ):
        adopted_truths(listed, dataset, K, "it")


def test_candidates_from_a_search_library_keep_their_numbers():
    dataset = prepared(base_with(BAD, np.nan), vectors(20, seed=1), metric="l2")

    def search(queries, rows, k, distance):
        return faiss.knn(queries, rows, k, metric=distance)

    found = proposed_neighbors(search, dataset.base, dataset.queries, "l2", K)
    np.testing.assert_array_equal(found.ids, exact_neighbors(dataset.base, dataset.queries, "l2", K).ids)


def test_ids_of_a_search_index_are_row_numbers(tmp_path):
    dataset = prepared(base_with(BAD, np.nan), vectors(20, seed=1), metric="l2")
    index = filled_index(get_quantizer("none").fit(vectors(10)), dataset.base, "l2")
    faiss.write_index(index, str(tmp_path / "a.faiss"))
    del index
    _, found = faiss.read_index(str(tmp_path / "a.faiss")).search(dataset.queries, K)
    np.testing.assert_array_equal(found, exact_neighbors(dataset.base, dataset.queries, "l2", K).ids)


def test_learn_rows():
    learn = vectors(2000, seed=2)
    learn[5] = np.nan
    dataset = Dataset("x", ArraySource(vectors()), vectors(3), "l2", learn=ArraySource(learn))
    np.testing.assert_array_equal(dataset.training_sample(2000), np.delete(learn, 5, axis=0))
    assert len(dataset.training_rows(2000)) == 0
    learn[100:200] = np.inf
    with pytest.raises(BadRows, match=r"101 of 2,000 learn vectors .* the first is row 5;"):
        dataset.training_sample(2000)


def test_a_training_sample_of_bad_rows_only():
    with pytest.raises(BadRows, match="nothing to train on"):
        Dataset("x", ArraySource(np.full((9, D), np.nan, np.float32)), vectors(3), "l2").training_sample(5)


def test_queries_are_left_out_with_their_neighbours_and_judgements():
    queries = vectors(200, seed=1)
    queries[150] = np.nan
    judged = np.delete(vectors(100, seed=3), 0, axis=0)
    judged = np.concatenate([judged, vectors(1, seed=4) * 0])[::-1]
    qrels = np.array([[0, 4, 1], [1, 5, 1], [99, 0, 2]])
    stored = RawDataset(
        ArraySource(vectors()),
        ArraySource(queries),
        neighbors=np.arange(200)[:, None],
        judgements=Judgements(judged, qrels),
    )
    dataset = prepare_dataset("x", stored, selected("x", {"metric": "cosine"}))
    assert len(dataset.queries) == 199 and dataset.left_out_queries == (150,)
    assert dataset.neighbors[[149, 150], 0].tolist() == [149, 151]
    assert len(dataset.judgements.queries) == 99
    assert dataset.judgements.qrels.tolist() == [[0, 5, 1], [98, 0, 2]]
    notes = " ".join(dataset.notes)
    assert "1 of 200 queries (0.50 %) cannot be measured" in notes and "the first is row 150" in notes
    assert "1 of 100 judged queries (1.00 %)" in notes


def test_held_out_rows_that_cannot_be_measured():
    base = vectors(600)
    whole = prepared(base, metric="l2", num_queries=20)
    row = int(np.setdiff1d(np.arange(600), whole.base.rows_in_file(np.arange(580)))[3])
    base[row] = np.nan
    dataset = prepared(base, metric="l2", num_queries=20)
    assert dataset.n == 580 and dataset.left_out_queries == (3,)
    np.testing.assert_array_equal(dataset.queries, np.delete(whole.queries, 3, axis=0))
    assert f"the first is row {row}; they are left out." in " ".join(dataset.notes)
    assert exact_truths(dataset, K).queries.content.left_out.count == 0


def test_a_note_names_rows_of_the_sample_by_their_number_in_the_file():
    dataset = prepared(base_with([5], np.nan, n=500), metric="l2", num_queries=1)
    assert "1 of 499 base rows (0.20 %)" in " ".join(dataset.notes)
    assert "the first is row 5" in " ".join(dataset.notes)
    assert json.dumps(LeftOut(1, 0, 5).as_json(499))


@pytest.mark.parametrize(("zeros", "metric"), [(1, "cosine"), (1000, "l2")])
def test_zero_rows_do_not_decide_the_metric(zeros, metric):
    base = vectors(1000)
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    base[:zeros] = 0
    queries = base[-1:] if zeros == 1 else vectors(1)
    assert prepared(base, queries).distance == metric


def test_a_base_whose_unseen_rows_cannot_be_measured_has_no_errors_but_recall():
    n, size = 10_100, 10_000
    clean = prepared(vectors(n), vectors(3, seed=5), metric="l2")
    trained_on = clean.training_rows(size)
    base = base_with(np.setdiff1d(np.arange(n), trained_on), np.nan, n)
    dataset = Dataset("x", ArraySource(base), clean.queries, "l2")
    quantizer = get_quantizer("int8").fit(dataset.training_sample(size), seed=0)
    found = finished_metrics(evaluate(quantizer, dataset, k=K, settings=SETTINGS, trained_on=trained_on))
    assert found["error_vectors"] == 0 and "mse" not in found and found["recall_at_1"] > 0.5
    assert bound_metrics(found.get("mse"), Bound(9, 0.5, [], [])) == {"bound_mse": 0.5}


def test_a_fingerprint_does_not_depend_on_the_bits_of_nan():
    base = base_with([0, N - 1], np.nan)
    other = base.copy()
    other.view(np.uint32)[[0, N - 1]] = 0xFFC00123
    assert np.isnan(other[0]).all() and prepared(base).fingerprint == prepared(other).fingerprint
