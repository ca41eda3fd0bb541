"""lsq: local search quantization, the additive code whose entries are chosen together."""

from dataclasses import replace
from typing import Any

import faiss
import numpy as np

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.local_search import search_locally
from vq_benchmark.quantizers.kernels.matmul import multiply, panels_of
from vq_benchmark.quantizers.kernels.rows import row_squares
from vq_benchmark.quantizers.kernels.tiles import in_tiles
from vq_benchmark.quantizers.parts.additive_base import ENCODED_ROWS, AdditiveParameters, AdditiveQuantizer
from vq_benchmark.quantizers.parts.rotations import seeded_generator

ROWS_PER_UNKNOWN = 4
"""Training rows used per entry of all codebooks together, which are the unknowns of one least-squares problem."""
LEAST_ROWS_PER_UNKNOWN = 2
"""With fewer, codebooks fit the training rows and no others."""
SEARCHES = 16
"""Rounds of perturbation and local search in encoding, as in faiss."""
PERTURBED = 4
"""Entries changed in each, as in faiss."""


class LsqParameters(AdditiveParameters):
    """Parameters of `lsq`."""

    def check_rows(self, name: str, n: int) -> None:
        least = LEAST_ROWS_PER_UNKNOWN * self.m * self.centroids
        if n < least:
            raise InputError(
                f"{name} with m={self.m}, nbits={self.nbits} needs at least {least} training vectors, not {n}; "
                "raise --train-size, or lower m or nbits."
            )

    def training_rows(self, n: int) -> int:
        return min(n, max(super().training_rows(n), ROWS_PER_UNKNOWN * self.m * self.centroids))

    def training_bytes(self, rows: int, d: int) -> int:
        """Distances of 10,000 rows to all entries, the least-squares problem, and the rows decoded."""
        unknowns = self.m * self.centroids
        return 4 * min(rows, 10_000) * unknowns + 8 * unknowns**2 + 8 * rows * d

    def training_seconds(self, n: int, d: int) -> float:
        """25 rounds of local search, in n·m²·2^nbits each, and of a system of m·2^nbits unknowns."""
        searching = 3e-7 * self.training_rows(n) * self.m**2 * self.centroids
        return searching + 1.5e-9 * (self.m * self.centroids) ** 3


class LSQ(AdditiveQuantizer):
    """Alternates between codebooks by least squares and codes by iterated local search. faiss trains it.

    Martinez et al., "Revisiting additive quantization" (ECCV 2016) and "LSQ++" (ECCV 2018). faiss's encoder draws
    starts and perturbations in row order, so a code would depend on the rows before it. Here the local search uses
    starts and perturbations that are drawn once for all rows.
    """

    name = "lsq"
    title = "Local search quantization"
    paper = "Martinez et al.: LSQ++, ECCV 2018; Revisiting additive quantization, ECCV 2016"
    parameters_type = LsqParameters

    def _new(self, d: int, seed: int) -> Any:
        quantizer = faiss.LocalSearchQuantizer(d, self.parameters.m, self.parameters.nbits)
        quantizer.random_seed = seed
        return quantizer

    def _new_index(self, distance: int) -> tuple[Any, Any]:
        index = faiss.IndexLocalSearchQuantizer(self.d, self.parameters.m, self.parameters.nbits, distance)
        return index, index.lsq

    def footprint(self, n: int, d: int) -> Footprint:
        """Coding wants the products of all entries."""
        found = super().footprint(n, d)
        return replace(found, model=found.model + 4 * (self.parameters.m * self.parameters.centroids) ** 2)

    def _prepare(self, codebooks: FloatArray) -> None:
        self._own = codebooks[0]
        entries = self._own.reshape(-1, self.d)
        self._norms = row_squares(entries).astype(np.float32)
        self._panels = panels_of(entries.T)
        self._pairs = np.empty((len(entries), len(entries)), np.float32)
        in_tiles(len(entries), lambda tile: self._multiply(entries[tile], 2, self._pairs[tile]))
        self._trials = shared_trials(self.parameters.m, self.parameters.centroids)

    def _find_entries(self, tile: FloatArray) -> Array:
        costs = np.empty((len(tile), len(self._norms)), np.float32)
        self._multiply(tile, -2, costs)
        costs += self._norms
        entries = np.empty((len(tile), self.parameters.m), np.int32)
        search_locally(tile, costs, self._pairs, self._own, self._trials, entries)
        return entries

    def _tile_bytes(self, d: int) -> int:
        parameters: LsqParameters = self.parameters
        return 4 * ENCODED_ROWS * parameters.m * parameters.centroids

    def _multiply(self, rows: FloatArray, factor: int, out: FloatArray) -> None:
        """Fill out with factor·⟨row, entry⟩ for all entries."""
        multiply(rows, np.zeros(self.d, np.float32), self._panels, out)
        out *= np.float32(factor)


def shared_trials(m: int, centroids: int) -> Array:
    """(SEARCHES, m) int32, where local searches start: the first anywhere, each other one from the best entries with
    some replaced; −1 keeps an entry."""
    rng = seeded_generator("lsq", 0)
    trials = np.full((SEARCHES, m), -1, np.int32)
    trials[0] = rng.integers(centroids, size=m)
    for trial in trials[1:]:
        changed = rng.choice(m, size=min(m, PERTURBED), replace=False)
        trial[changed] = rng.integers(centroids, size=changed.size)
    return trials
