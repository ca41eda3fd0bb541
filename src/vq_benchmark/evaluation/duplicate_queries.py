"""Queries that are in the base too: their nearest neighbour is themselves, so recall at 1 flatters every method."""

import numpy as np

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.evaluation.ground_truth import GroundTruth
from vq_benchmark.evaluation.topk import squared_norms

TOLERANCE = 1e-6
"""Of ‖q‖²: a squared distance to the nearest row below it is rounding."""


def duplicate_queries(dataset: Dataset, truth: GroundTruth) -> int | None:
    """How many queries are equal to a base row up to rounding; None where inner products don't tell."""
    if dataset.metric == "ip":
        return None
    norms = squared_norms(dataset.queries)
    best = truth.top.scores[:, 0]  # ‖q‖² − ‖q − x‖² under l2, the cosine else
    distances = norms - best if dataset.metric == "l2" else 2 * (1 - best)
    return int(np.count_nonzero(distances <= TOLERANCE * norms))
