"""The search index of a quantizer, filled with the codes of a base in one pass."""

from typing import Any

from vq_benchmark.datasets.dataset import Distance
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.evaluation.tiling import DEFAULT_BATCH_SIZE, OnBlock, Pass, tiles
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.parts.faiss_index import add_codes, reserve_codes


def filled_index(
    quantizer: Quantizer,
    base: VectorSource,
    distance: Distance,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_block: OnBlock | None = None,
) -> Any:
    """The `faiss.Index` of a fitted quantizer with the codes of all base rows; None if it has no search index.

    Its ids are the row numbers. Memory holds all codes and one block of vectors.

    Raises:
        InputError: a row is not finite, or zero under cosine.
    """
    index = quantizer.search_index(distance)
    if index is None:
        return None
    reserve_codes(index, base.n)
    for tile in tiles(base, distance, Pass[None](batch_size=batch_size, on_block=on_block)):
        add_codes(index, quantizer.index_codes(tile.vectors, distance))
    return index
