"""faiss's scalar quantizer as faiss trains it by default: a control for our own `sq`."""

from dataclasses import replace
from typing import Annotated, Any, Self

import faiss
import numpy as np
from pydantic import Field

from vq_benchmark.arrays import FloatArray
from vq_benchmark.quantizers.base import Parameters, State, one_of
from vq_benchmark.quantizers.budget import whole_bits
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.methods.sq import FORMATS, SQ
from vq_benchmark.quantizers.parts.faiss_index import scalar_index
from vq_benchmark.quantizers.parts.packing import packed_bytes

_BITS = (4, 6, 8)


class FaissScalarParameters(Parameters):
    """Parameters of `sq-faiss`."""

    bits: Annotated[int, one_of(*_BITS)] = Field(default=8, description="Bits per dimension: 4 (QT_4bit), 6 or 8.")

    def code_bytes(self, d: int) -> int:
        """Bytes of one packed code."""
        return packed_bytes(d, self.bits)


class FaissSQ(SQ):
    """faiss's `ScalarQuantizer`: a grid from the smallest to the largest training value of each dimension.

    This is what a user gets from IndexScalarQuantizer, from "SQ8" in the index factory, and from Milvus's IVF_SQ8.
    faiss trains (RS_minmax, its default), encodes and decodes. A value becomes the lower edge of its cell plus half
    a cell, so the largest training value comes back half a cell too large.
    """

    name = "sq-faiss"
    title = "Scalar quantization (faiss's defaults)"
    paper = "no paper; faiss 1.15, ScalarQuantizer"
    parameters_type = FaissScalarParameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        quantizer = faiss.ScalarQuantizer(train.shape[1], FORMATS[self.parameters.bits])
        quantizer.train(np.ascontiguousarray(train, np.float32))
        self.restore({"trained": faiss.vector_to_array(quantizer.trained)}, train.shape[1])
        return self

    def footprint(self, n: int, d: int) -> Footprint:
        return replace(super().footprint(n, d), fitting=0)

    def state(self) -> State:
        return {"trained": self._trained}

    def restore(self, state: State, d: int) -> None:
        super().restore({}, d)
        self._trained = state["trained"]
        faiss.copy_array_to_vector(self._trained, self._faiss.trained)

    def search_index(self, distance: str) -> Any:
        return scalar_index(self.d, FORMATS[self.parameters.bits], self._trained, distance)

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        return FaissScalarParameters(bits=whole_bits(cls.name, bits_per_dim, d, _BITS, side_bytes=0))
