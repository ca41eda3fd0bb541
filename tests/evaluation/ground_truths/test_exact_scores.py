"""Exact scores of listed rows: each listed row once, and nothing where no row is listed."""

import numpy as np
import pytest

from vq_benchmark.datasets.distance_names import DISTANCES, Distance
from vq_benchmark.evaluation.evaluate import exact_truths
from vq_benchmark.evaluation.ground_truths import exact_scores as module
from vq_benchmark.evaluation.ground_truths.exact_scores import exact_scores


@pytest.mark.parametrize("metric", DISTANCES)
def test_neighbours_have_the_scores_of_the_ground_truth(metric: Distance, make_dataset, monkeypatch) -> None:
    dataset = make_dataset(metric, n=3000)
    truth = exact_truths(dataset, 20).queries
    monkeypatch.setattr(module, "ROWS_AT_A_TIME", 13)
    assert exact_scores(dataset, truth.ids).tobytes() == truth.top.scores.tobytes()


def test_a_repeated_row_counts_at_its_first_place_and_a_missing_one_nowhere(make_dataset) -> None:
    dataset = make_dataset("ip", n=50, queries=2)
    ids = np.array([[7, -1, 7, 3, -1, 7], [4, 4, 9, 7, 9, 4]])
    scores = exact_scores(dataset, ids)
    products = dataset.queries.astype(np.float64) @ dataset.base.read(0, 50).T
    expected = np.take_along_axis(products, ids, axis=1)
    expected[[0, 0, 0, 0, 1, 1, 1], [1, 2, 4, 5, 1, 4, 5]] = -np.inf
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


def test_an_answer_without_any_row(make_dataset) -> None:
    dataset = make_dataset("ip", n=50, queries=2)
    assert (exact_scores(dataset, np.full((2, 3), -1)) == -np.inf).all()
