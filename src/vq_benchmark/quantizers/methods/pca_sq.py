"""pca-sq: the principal components of greatest variance, each on a uniform grid."""

from dataclasses import replace

import numpy as np

from vq_benchmark.arrays import FloatArray
from vq_benchmark.quantizers.base import State
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.parts.principal_axes import axes_bytes, principal_axes
from vq_benchmark.quantizers.parts.rotations import DenseRotation
from vq_benchmark.quantizers.parts.truncated_base import TruncatedQuantizer


class PcaSq(TruncatedQuantizer):
    """z = A(x − mean) with A the k principal axes of greatest variance; each coordinate on a uniform grid.

    Pearson (1901) and Hotelling (1933) for the axes: no other k leave a smaller squared error. Each grid has its own
    width (Max 1960). The axes are kept, and used, in half precision: 16·k·d bits.
    """

    name = "pca-sq"
    title = "PCA truncation, then scalar quantization"
    paper = (
        "Hotelling: Analysis of a complex of statistical variables into principal components, 1933; "
        "Max: Quantizing for minimum distortion, IRE Transactions on Information Theory 1960"
    )

    def _axes_of(self, train: FloatArray) -> State:
        pca = principal_axes(train)
        axes = pca.axes[: self.parameters.kept(train.shape[1])]
        return {"mean": pca.mean.astype(np.float32), "axes": axes.astype(np.float16)}

    def footprint(self, n: int, d: int) -> Footprint:
        found = super().footprint(n, d)
        fitting = max(found.fitting + 8 * d * d, axes_bytes(n, d))
        return replace(found, model=10 * self.parameters.kept(d) * d, fitting=fitting)

    def state(self) -> State:
        return {**super().state(), "axes": self._axes}

    def restore(self, state: State, d: int) -> None:
        super().restore(state, d)
        self._axes = state["axes"]
        self._rotation = DenseRotation(self._axes.astype(np.float32))

    def _keep(self, vectors: FloatArray, shift: FloatArray) -> FloatArray:
        return self._rotation.forward(vectors, shift)

    def _expand(self, z: FloatArray) -> FloatArray:
        return self._rotation.inverse(z, self.mean)
