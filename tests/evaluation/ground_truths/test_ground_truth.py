"""Exact neighbours: against brute force and faiss, in any chunks."""

from itertools import pairwise

import faiss
import numpy as np
import pytest

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.ground_truths.ground_truth import exact_neighbors
from vq_benchmark.evaluation.tiling import TILE_ROWS, Pass


def brute_force(dataset: Dataset, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids (q, k) and float64 similarities: inner products, or -‖q - x‖² from differences."""
    base, queries = dataset.base.read(0, dataset.n).astype(np.float64), dataset.queries.astype(np.float64)
    if dataset.distance == "l2":
        scores = np.stack([-((base - query) ** 2).sum(axis=1) for query in queries])
    else:
        scores = queries @ base.T
    # Ties of exact duplicates must not depend on how the sum was rounded.
    ids = np.lexsort((np.broadcast_to(np.arange(dataset.n), scores.shape), -scores.round(11)), axis=1)[:, :k]
    return ids, np.take_along_axis(scores, ids, axis=1)


@pytest.mark.parametrize("metric", DISTANCES)
def test_against_brute_force_and_faiss(metric: Distance, make_dataset) -> None:
    dataset = make_dataset(metric)
    truth = exact_neighbors(dataset.base, dataset.queries, metric, 50)
    ids, scores = brute_force(dataset, 50)
    np.testing.assert_array_equal(truth.ids, ids)
    norms = (dataset.queries.astype(np.float64) ** 2).sum(axis=1) if metric == "l2" else np.zeros(len(ids))
    np.testing.assert_allclose(truth.top.scores - norms[:, None], scores, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(truth.top.exact, truth.top.scores)

    measure = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
    base = dataset.base.read(0, dataset.n)
    _, theirs = faiss.knn(dataset.queries, base, 50, metric=measure)
    # faiss rounds to float32 and breaks ties in its own way, so the vectors are compared, not their numbers.
    np.testing.assert_allclose(base[theirs] @ np.ones(8), base[truth.ids] @ np.ones(8), atol=1e-5)


@pytest.mark.parametrize("metric", DISTANCES)
def test_chunks_merge_to_the_whole(metric: Distance, make_dataset) -> None:
    dataset = make_dataset(metric)
    whole = exact_neighbors(dataset.base, dataset.queries, metric, 20)
    edges = [0, 5, TILE_ROWS, TILE_ROWS + 1, 9000, dataset.n]
    chunks = [
        exact_neighbors(dataset.base, dataset.queries, metric, 20, Pass(start, stop, batch_size=1))
        for start, stop in pairwise(edges)
    ]
    merged = chunks[2]
    for i in (1, 3, 4, 0):
        merged.merge(chunks[i])
    assert merged.span == whole.span == (0, dataset.n)
    assert merged.ids.tobytes() == whole.ids.tobytes()
    assert merged.top.scores.tobytes() == whole.top.scores.tobytes()


def test_fewer_rows_than_neighbours() -> None:
    base = ArraySource(np.array([[1.0], [3.0], [1.0]], dtype=np.float32))
    truth = exact_neighbors(base, np.array([[2.5]], dtype=np.float32), "ip", 5)
    assert truth.ids.tolist() == [[1, 0, 2, -1, -1]]


def test_merging_keeps_to_rows_that_fit_together(make_dataset) -> None:
    dataset = make_dataset("ip", n=300)

    def chunk(start: int, stop: int):
        return exact_neighbors(dataset.base, dataset.queries, "ip", 5, Pass(start, stop))

    truth = chunk(0, 100)
    truth.merge(chunk(0, 100))
    assert truth.span == (0, 100)
    np.testing.assert_array_equal(truth.ids, chunk(0, 100).ids)
    with pytest.raises(ValueError, match="100 to 200"):
        truth.merge(chunk(200, 300))
    with pytest.raises(ValueError, match="twice"):
        truth.merge(chunk(50, 150))
    whole, part = chunk(0, 300), chunk(100, 200)
    for first, second in ((whole, part), (part, whole)):
        first.merge(second)
        assert first.span == (0, 300)
        np.testing.assert_array_equal(first.ids, chunk(0, 300).ids)
    other = chunk(0, 100)
    other.top.ids[0, 0] += 1
    with pytest.raises(ValueError, match="disagree"):
        truth.merge(other)


def test_impossible_wishes_are_refused(make_dataset) -> None:
    dataset = make_dataset("ip", n=300)
    with pytest.raises(InputError, match="k is 0"):
        exact_neighbors(dataset.base, dataset.queries, "ip", 0)
    with pytest.raises(InputError, match="dimension 7"):
        exact_neighbors(dataset.base, dataset.queries[:, :7], "ip")
