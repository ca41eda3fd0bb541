"""Vectors that come in whole blocks, such as those of a generator or the record batches of a file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.sources.vector_source import LeafSource


class BlockwiseSource(LeafSource):
    """A source whose block b holds the rows [edges[b], edges[b + 1]); the last block is kept.

    So a pass in order, or a sample of sorted rows, computes each block once, in the memory of one block.
    """

    def __init__(
        self, edges: IdArray, d: int, dtype: np.dtype[np.generic], load_block: Callable[[int], FloatArray]
    ) -> None:
        self.edges = edges
        self.d = d
        self.dtype = dtype
        self._load_block = load_block
        self._last: tuple[int, FloatArray] | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """No files: by default blocks are computed."""
        return ()

    @property
    def reading_bytes(self) -> int:
        return 0

    @property
    def held_bytes(self) -> int:
        """The block that is kept, as float32 and as it was made."""
        largest = int((self.edges[1:] - self.edges[:-1]).max(initial=0))
        return largest * self.d * (4 + self.dtype.itemsize)

    @property
    def n(self) -> int:
        return int(self.edges[-1])

    def release(self) -> None:
        self._last = None

    def read(self, start: int, stop: int) -> FloatArray:
        out = np.empty((stop - start, self.d), dtype=np.float32)
        row = start
        while row < stop:
            index = int(np.searchsorted(self.edges, row, side="right")) - 1
            first, after = int(self.edges[index]), min(int(self.edges[index + 1]), stop)
            out[row - start : after - start] = self._block(index)[row - first : after - first]
            row = after
        return out

    def _block(self, index: int) -> FloatArray:
        last = self._last
        if last is None or last[0] != index:
            self._last = None  # two blocks at once would double the memory
            last = (index, self._load_block(index))
            self._last = last
        return last[1]
