"""lsq: local search quantization, the additive code whose entries are chosen together."""

from dataclasses import replace
from typing import Any

import faiss
import numpy as np

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.quantizers.additive import AdditiveParameters, AdditiveQuantizer
from vq_benchmark.quantizers.base import State
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.kernels.rows import row_squares
from vq_benchmark.quantizers.rotations import seeded_generator

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
                "give more with --train-size, or a smaller m or nbits."
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
    """Codebooks by least squares and codes by iterated local search, in turn; training is faiss's.

    Martinez et al., "Revisiting additive quantization" (ECCV 2016) and "LSQ++" (ECCV 2018). faiss's encoder draws
    starts and perturbations in the order of the rows of a call, so that a code would depend on the rows before it.
    Here its local search starts from, and is perturbed by, entries that are drawn once for all rows.
    """

    name = "lsq"
    title = "Local search quantization"
    paper = "Martinez et al., LSQ++, ECCV 2018"
    parameters_type = LsqParameters

    def _new(self, d: int, seed: int) -> Any:
        quantizer = faiss.LocalSearchQuantizer(d, self.parameters.m, self.parameters.nbits)
        quantizer.random_seed = seed
        return quantizer

    def _new_index(self, metric: int) -> tuple[Any, Any]:
        index = faiss.IndexLocalSearchQuantizer(self.d, self.parameters.m, self.parameters.nbits, metric)
        return index, index.lsq

    def footprint(self, n: int, d: int) -> Footprint:
        """Coding wants the products of all entries."""
        found = super().footprint(n, d)
        return replace(found, model=found.model + 4 * (self.parameters.m * self.parameters.centroids) ** 2)

    def restore(self, state: State, d: int) -> None:
        super().restore(state, d)
        self._faiss.nperts = 0
        library: Any = faiss  # its type hints lack these classes
        self._generator = library.RandomGenerator(0)
        self._unused_draws = self._generator.mt  # the encoder wants a generator even if it perturbs nothing
        self._unused_draws.disown()
        self._encoder = library.IcmEncoder(self._faiss)
        self._encoder.set_binary_term()

    def _codes_of(self, tile: FloatArray) -> CodeArray:
        m, centroids = self.parameters.m, self.parameters.centroids
        rng = seeded_generator("lsq", 0)
        best = np.tile(rng.integers(centroids, size=m), (len(tile), 1)).astype(np.int32)
        least = np.full(len(tile), np.inf)
        for search in range(SEARCHES):
            entries = best.copy()
            if search > 0:
                changed = rng.choice(m, size=min(m, PERTURBED), replace=False)
                entries[:, changed] = rng.integers(centroids, size=changed.size)
            self._search_locally(entries, tile)
            errors = row_squares(tile - self._sum(entries))
            better = errors < least
            best[better], least[better] = entries[better], errors[better]
        return self._pack(best)

    def _search_locally(self, entries: Any, tile: FloatArray) -> None:
        """Change one entry at a time for the best, in place: entries (n, m) int32 of tile (n, d)."""
        self._encoder.encode(faiss.swig_ptr(entries), faiss.swig_ptr(tile), self._unused_draws, len(tile), 1)

    def _sum(self, entries: Any) -> FloatArray:
        out = np.empty((len(entries), self.d), np.float32)
        self._faiss.decode_unpacked(faiss.swig_ptr(entries), faiss.swig_ptr(out), len(entries))
        return out

    def _pack(self, entries: Any) -> CodeArray:
        codes: CodeArray = faiss.pack_bitstrings(entries, self.parameters.nbits)
        return codes
