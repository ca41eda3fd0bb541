"""mrl: the leading dimensions of a Matryoshka embedding."""

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.quantizers.base import State
from vq_benchmark.quantizers.parts.truncated_base import TruncatedQuantizer


class Mrl(TruncatedQuantizer):
    """The first k dimensions, each on a uniform grid; the others decode to the training mean.

    Kusupati et al., "Matryoshka Representation Learning" (NeurIPS 2022): models trained this way (equation 1) put
    what matters first. With other models the dropped d − k dimensions are simply lost. The mean, not zero, is the
    least-squares estimate of a dropped dimension. Truncated vectors are not normalised again.
    """

    name = "mrl"
    title = "Matryoshka truncation, then scalar quantization"
    paper = "Kusupati et al.: Matryoshka representation learning, NeurIPS 2022, arXiv 2205.13147"

    def _axes_of(self, train: FloatArray) -> State:
        return {"mean": train.mean(axis=0, dtype=np.float64).astype(np.float32)}

    def _keep(self, vectors: FloatArray, shift: FloatArray) -> FloatArray:
        return vectors[:, : self.k] - shift[: self.k]

    def _expand(self, z: FloatArray) -> FloatArray:
        vectors = np.tile(self.mean, (z.shape[0], 1))
        vectors[:, : self.k] += z
        return vectors
