"""rq: residual quantization."""

from typing import Any

import faiss
import numpy as np

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.quantizers.kernels.beam_search import beam_bytes, search_beam
from vq_benchmark.quantizers.kernels.matmul import panels_of
from vq_benchmark.quantizers.kernels.rows import row_squares
from vq_benchmark.quantizers.parts.additive_base import AdditiveParameters, AdditiveQuantizer, residual_seconds


class RqParameters(AdditiveParameters):
    """Parameters of `rq`."""

    def training_seconds(self, n: int, d: int) -> float:
        return residual_seconds(self.training_rows(n), self.m, self.centroids, d)


class ResidualCode:
    """Encoder of residual codebooks (m, 2^nbits, w) float32."""

    def __init__(self, codebooks: FloatArray) -> None:
        self._codebooks = codebooks
        self._panels = np.stack([panels_of(codebook.T) for codebook in codebooks])
        self._norms = np.stack([row_squares(codebook) for codebook in codebooks]).astype(np.float32)

    def find_entries(self, rows: FloatArray) -> Array:
        """(n, w) float32 -> (n, m) int32."""
        entries = np.empty((len(rows), len(self._codebooks)), np.int32)
        search_beam(np.ascontiguousarray(rows), self._codebooks, self._panels, self._norms, entries)
        return entries


class RQ(AdditiveQuantizer):
    """Each codebook codes the residual of those before it, x − Σ of their entries, keeping the 5 best sums.

    Chen, Guan & Wang, "Approximate Nearest Neighbor Search by Residual Vector Quantization" (Sensors 2010), with the
    beam search of Liu et al. (2015), as in faiss's ResidualQuantizer, which trains it.
    """

    name = "rq"
    title = "Residual quantization"
    paper = "Chen, Guan & Wang, Sensors 2010; beam search: Liu et al., 2015, arXiv 1509.05195"
    parameters_type = RqParameters

    def _new(self, d: int, seed: int) -> Any:
        quantizer = faiss.ResidualQuantizer(d, self.parameters.m, self.parameters.nbits)
        quantizer.cp.seed = seed
        quantizer.cp.min_points_per_centroid = 1
        return quantizer

    def _new_index(self, distance: int) -> tuple[Any, Any]:
        index = faiss.IndexResidualQuantizer(self.d, self.parameters.m, self.parameters.nbits, distance)
        return index, index.rq

    def _prepare(self, codebooks: FloatArray) -> None:
        self._code = ResidualCode(codebooks[0])

    def _find_entries(self, tile: FloatArray) -> Array:
        return self._code.find_entries(tile)

    def _tile_bytes(self, d: int) -> int:
        return beam_bytes(d, self.parameters.centroids)
