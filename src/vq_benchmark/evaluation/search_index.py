"""The search index of a quantizer, filled with the codes of a base in one pass."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.distance_names import Distance
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.evaluation.tiling import DEFAULT_BATCH_SIZE, OnBlock, Pass, tiles
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.parts.faiss_index import (
    add_codes,
    fast_scan_index,
    numbered_index,
    reserve_codes,
)
from vq_benchmark.quantizers.scans.scan_index import scan_index


class Filling(Protocol):
    """An index while rows are added to it."""

    @property
    def is_possible(self) -> bool:
        """Whether there is such an index for the codes of the model."""

    def add(self, vectors: FloatArray) -> None:
        """Append the codes of vectors (n, d)."""

    def finished(self, ids: IdArray | None) -> Any:
        """The index, with `search(queries, k)` and `ntotal`; rows have these ids, or their places if None."""


class FaissFilling:
    """The `Quantizer.search_index` of a fitted model, which `arrange` may turn into another one when it is full."""

    def __init__(
        self, quantizer: Quantizer, distance: Distance, rows: int, arrange: Callable[[Any], Any] = lambda index: index
    ) -> None:
        self._quantizer, self._distance, self._arrange = quantizer, distance, arrange
        self._index = quantizer.search_index(distance)
        if self._index is not None:
            reserve_codes(self._index, rows)

    @property
    def is_possible(self) -> bool:
        return self._index is not None

    def add(self, vectors: FloatArray) -> None:
        add_codes(self._index, self._quantizer.index_codes(vectors, self._distance))

    def finished(self, ids: IdArray | None) -> Any:
        index = self._arrange(self._index)
        return index if ids is None else numbered_index(index, ids)


class ScanFilling:
    """This project's own scan of the codes of a fitted model."""

    def __init__(self, quantizer: Quantizer, distance: Distance, rows: int) -> None:
        self._quantizer = quantizer
        self._index = scan_index(quantizer, distance, rows)

    @property
    def is_possible(self) -> bool:
        return self._index is not None

    def add(self, vectors: FloatArray) -> None:
        assert self._index is not None
        self._index.add(self._quantizer.encode(vectors))

    def finished(self, ids: IdArray | None) -> Any:
        assert self._index is not None
        return self._index.finish(ids)


def _fast_faiss(quantizer: Quantizer, distance: Distance, rows: int) -> Filling:
    return FaissFilling(quantizer, distance, rows, fast_scan_index)


SEARCHES: tuple[Callable[[Quantizer, Distance, int], Filling], ...] = (ScanFilling, _fast_faiss)
"""The ways to search codes, the fastest first: each makes the empty index for so many rows of a fitted model."""


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
    return _filled([FaissFilling(quantizer, distance, base.n)], base, distance, batch_size, on_block)


def fastest_index(
    quantizer: Quantizer,
    base: VectorSource,
    distance: Distance,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_block: OnBlock | None = None,
) -> Any:
    """The first index of `SEARCHES` that takes the codes of a fitted quantizer, filled as by `filled_index`, or None.

    Memory holds all codes twice while they are arranged.

    Raises:
        InputError: as `tiles`.
    """
    fillings = (search(quantizer, distance, base.n) for search in SEARCHES)
    return _filled(fillings, base, distance, batch_size, on_block)


def _filled(
    fillings: Iterable[Filling], base: VectorSource, distance: Distance, batch_size: int, on_block: OnBlock | None
) -> Any:
    filling = next((each for each in fillings if each.is_possible), None)
    if filling is None:
        return None
    left_out = [np.empty(0, np.int64)]
    for tile in tiles(base, distance, Pass[None](batch_size=batch_size, on_block=on_block)):
        left_out.append(np.setdiff1d(np.arange(tile.first, tile.stop), tile.ids, assume_unique=True))
        if len(tile.vectors):
            filling.add(tile.vectors)
    missing = np.concatenate(left_out)
    return filling.finished(np.delete(np.arange(base.n), missing) if len(missing) else None)
