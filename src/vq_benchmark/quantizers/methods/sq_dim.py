"""sq-dim: every dimension on a uniform grid of its own, with the ends and the rounding of your choice."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import Array, FloatArray
from vq_benchmark.quantizers.base import Parameters, one_of
from vq_benchmark.quantizers.budget import whole_bits
from vq_benchmark.quantizers.parts.packing import packed_bytes
from vq_benchmark.quantizers.parts.range_base import RangeQuantizer, stored_bits

_BITS = (4, 7, 8)


class SqDimParameters(Parameters):
    """Parameters of `sq-dim`."""

    bits: Annotated[int, one_of(*_BITS)] = Field(default=8, description="Bits per dimension; 7 bits take a byte.")
    share: float = Field(
        default=1, gt=0, le=1, description="Share of the values of a dimension inside its grid; 1: from min to max."
    )
    rounding: Literal["nearest", "down"] = Field(default="nearest", description="nearest: halves up; down: floor.")
    queries: Literal["same", "float"] = Field(default="same", description="same: queries are coded too; float: not.")

    def code_bytes(self, d: int) -> int:
        """Bytes of one packed code."""
        return packed_bytes(d, stored_bits(self.bits))


class SqDim(RangeQuantizer):
    """k_j = round((clip(x_j) − low_j)/step_j), one grid for each dimension, as Azure and others describe their int8.

    The ends are the smallest and the largest training value of a dimension, or the quantiles with `share` of the
    values between them. `sq` fits the ends to the least squared error instead, and `sq-faiss` has faiss's offset.
    """

    name = "sq-dim"
    title = "Uniform grid per dimension"
    paper = "no paper; the textbook's range quantizer, such as Azure AI Search's scalar quantization"
    parameters_type = SqDimParameters

    def _range(self, train: FloatArray, seed: int) -> tuple[Array, Array]:
        tail = (1 - self.parameters.share) / 2
        if tail == 0:
            return train.min(axis=0), train.max(axis=0)
        low, high = np.quantile(train, [tail, 1 - tail], axis=0)
        return low, high

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> SqDimParameters:
        return SqDimParameters(bits=whole_bits(cls.name, bits_per_dim, d, (4, 8), side_bytes=0))
