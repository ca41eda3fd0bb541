"""The base rows of a training sample: a method has seen them, so errors are measured on the others."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from vq_benchmark.arrays import IdArray
from vq_benchmark.errors import InputError

LEAST_UNSEEN = 100
"""Fewest rows outside the training sample that errors are measured on; if there are fewer, all rows count.

The sampling error of a mean over fewer vectors is about as large as what training on them hides."""


@dataclass(frozen=True)
class TrainingRows:
    """Which of n base rows a method was trained on, and so which rows count for its errors."""

    n: int
    ids: IdArray
    """(m,) int64 ascending, distinct rows of the training sample; empty if it is not from the base, or unknown."""

    @classmethod
    def of(cls, n: int, rows: Sequence[int] | IdArray | None) -> Self:
        """The given rows of a base of n, in any order; None: unknown, so all rows count.

        Raises:
            InputError: a row is not within the base.
        """
        ids = np.unique(np.asarray([] if rows is None else rows, dtype=np.int64))
        if len(ids) and not 0 <= ids[0] <= ids[-1] < n:
            outside = ids[0] if ids[0] < 0 else ids[-1]
            raise InputError(f"row {outside} cannot have been trained on; it must be from 0 to {n - 1}.")
        return cls(n, ids)

    @cached_property
    def left_out(self) -> IdArray:
        """(m,) int64 ascending rows that do not count: the training sample if enough other rows remain."""
        return self.ids if self.n - len(self.ids) >= LEAST_UNSEEN else self.ids[:0]

    @property
    def counted(self) -> int:
        """How many rows of the base count."""
        return self.n - len(self.left_out)

    def counted_before(self, row: int) -> int:
        """How many rows before `row` count."""
        return row - int(np.searchsorted(self.left_out, row))

    def counted_among(self, ids: IdArray) -> IdArray:
        """(c,) int64 ascending: which of the rows ids (r,), ascending and distinct, count, as places in `ids`."""
        low, high = np.searchsorted(self.left_out, (ids[0], ids[-1] + 1)) if len(ids) else (0, 0)
        left_out = self.left_out[low:high]
        counts = np.ones(len(ids), dtype=bool)
        places = np.searchsorted(ids, left_out)  # below len(ids), because left_out ends before ids does
        counts[places[ids[places] == left_out]] = False
        return np.flatnonzero(counts)

    @property
    def hash(self) -> str:
        """Which rows they are, as 16 hex digits."""
        return hashlib.blake2b(self.ids.tobytes(), digest_size=8).hexdigest()
