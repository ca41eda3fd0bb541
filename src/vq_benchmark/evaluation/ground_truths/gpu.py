"""Exact neighbours with a GPU: faiss proposes candidates, and float64 scores decide, as on the CPU."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.ground_truths.ground_truth import GroundTruth, neighbors_by_tile
from vq_benchmark.evaluation.scores import scores_of
from vq_benchmark.evaluation.tiling import WHOLE_BASE, Pass, Tile
from vq_benchmark.evaluation.topk import TopCandidates

SPARE_CANDIDATES = 28
"""Candidates beyond k from every tile, so that a row that float32 ranks slightly too low is still proposed."""

Search = Callable[[FloatArray, FloatArray, int, int], tuple[Any, IdArray]]
"""(queries, vectors, k, faiss metric) -> (distances, ids), as `faiss.knn`."""


def gpu_search() -> Search:
    """A search on the first GPU.

    Raises:
        InputError: this faiss has no GPU support, or the machine has no GPU.
    """
    import faiss

    if not hasattr(faiss, "StandardGpuResources"):
        raise InputError("--use-gpu needs a faiss with GPU support (package faiss-gpu-cu12); this one has none.")
    if faiss.get_num_gpus() == 0:
        raise InputError("--use-gpu needs a GPU, but faiss sees none on this machine.")
    resources = faiss.StandardGpuResources()

    def search(queries: FloatArray, vectors: FloatArray, k: int, distance: int) -> tuple[Any, IdArray]:
        distances, ids = faiss.knn_gpu(resources, queries, vectors, k, distance=distance)
        return distances, ids

    return search


def proposed_neighbors(
    search: Search,
    base: VectorSource,
    queries: FloatArray,
    distance: Distance,
    k: int,
    pass_: Pass[GroundTruth] = WHOLE_BASE,
) -> GroundTruth:
    """As `exact_neighbors`, with the candidates of every tile found by `search`."""

    def offer(top: TopCandidates, tile: Tile) -> None:
        if len(tile.ids[tile.inside]):
            top.merge(_candidates_of_tile(search, tile, queries, distance, k))

    return neighbors_by_tile(offer, base, len(queries), distance, k, pass_)


def _candidates_of_tile(search: Search, tile: Tile, queries: FloatArray, distance: Distance, k: int) -> TopCandidates:
    import faiss

    vectors, ids = tile.vectors[tile.inside], tile.ids[tile.inside]
    count = min(k + SPARE_CANDIDATES, len(vectors))
    faiss_metric = faiss.METRIC_L2 if distance == "l2" else faiss.METRIC_INNER_PRODUCT
    _, rows = search(queries, vectors, count, faiss_metric)
    pairs = np.repeat(np.arange(len(queries)), count), np.asarray(rows, dtype=np.int64).ravel()
    norms = tile.squared_norms[tile.inside]
    scores = scores_of(queries, vectors, distance, own_norms=norms).of_pairs(*pairs).reshape(len(queries), count)
    return TopCandidates.best_of(scores, ids[pairs[1]].reshape(scores.shape), k)
