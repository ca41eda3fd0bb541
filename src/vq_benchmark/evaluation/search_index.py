"""The search index of a quantizer, filled with the codes of a base in one pass."""

from typing import Any

import numpy as np

from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.evaluation.tiling import DEFAULT_BATCH_SIZE, OnBlock, Pass, tiles
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.parts.faiss_index import add_codes, numbered_index, reserve_codes


def filled_index(
    quantizer: Quantizer,
    base: VectorSource,
    distance: Distance,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_block: OnBlock | None = None,
) -> Any:
    """The `faiss.Index` of a fitted quantizer with the codes of all base rows; None if it has no search index.

    Its ids are the row numbers. Where rows that cannot be measured are left out, it is an IndexIDMap of that index.
    Memory holds all codes and one block of vectors.

    Raises:
        InputError: as `tiles`.
    """
    index = quantizer.search_index(distance)
    if index is None:
        return None
    reserve_codes(index, base.n)
    left_out = []
    for tile in tiles(base, distance, Pass[None](batch_size=batch_size, on_block=on_block)):
        left_out.append(np.setdiff1d(np.arange(tile.first, tile.stop), tile.ids, assume_unique=True))
        if len(tile.vectors):
            add_codes(index, quantizer.index_codes(tile.vectors, distance))
    if index.ntotal == base.n:
        return index
    return numbered_index(index, np.delete(np.arange(base.n), np.concatenate(left_out)))
