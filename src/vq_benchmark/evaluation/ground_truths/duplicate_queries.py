"""Queries that also occur in the base: each is its own nearest neighbour, which inflates recall."""

import numpy as np

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth
from vq_benchmark.evaluation.inner_products import squared_norms

TOLERANCE = 1e-6
"""Share of ‖q‖² below which the squared distance to the nearest row counts as rounding error."""


def duplicate_queries(dataset: Dataset, truth: GroundTruth) -> int | None:
    """The number of queries that equal a base row up to rounding; None for inner products, which cannot tell."""
    if dataset.distance == "ip":
        return None
    norms = squared_norms(dataset.queries)
    best = truth.top.scores[:, 0]  # ‖q‖² − ‖q − x‖² under l2, the cosine else
    distances = norms - best if dataset.distance == "l2" else 2 * (1 - best)
    return int(np.count_nonzero(distances <= TOLERANCE * norms))
