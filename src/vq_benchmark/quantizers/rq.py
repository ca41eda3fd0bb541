"""rq: residual quantization."""

from typing import Any

import faiss

from vq_benchmark.quantizers.additive import AdditiveParameters, AdditiveQuantizer, residual_seconds


class RqParameters(AdditiveParameters):
    """Parameters of `rq`."""

    def training_seconds(self, n: int, d: int) -> float:
        return residual_seconds(self.training_rows(n), self.m, self.centroids, d)


class RQ(AdditiveQuantizer):
    """Each codebook codes what those before it left over, x − Σ of their entries, keeping the 5 best sums so far.

    Chen, Guan & Wang, "Approximate Nearest Neighbor Search by Residual Vector Quantization" (Sensors 2010), with the
    beam of Liu et al. (2015), both as in faiss's ResidualQuantizer.
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

    def _new_index(self, metric: int) -> tuple[Any, Any]:
        index = faiss.IndexResidualQuantizer(self.d, self.parameters.m, self.parameters.nbits, metric)
        return index, index.rq
