"""Scalar quantization: every number on its own, by a uniform grid per dimension or as a 16-bit float."""

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

import faiss
import numpy as np
from pydantic import BeforeValidator, Field

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import largest_within
from vq_benchmark.quantizers.footprint import Footprint
from vq_benchmark.quantizers.parts.faiss_index import scalar_index
from vq_benchmark.quantizers.parts.packing import unpack
from vq_benchmark.quantizers.parts.uniform_grids import grids_bytes, uniform_grids
from vq_benchmark.quantizers.scans.scan_code import MOST_BITS, ScanCode, ScanRows, no_rows

FP16_MAX = 65504.0
FORMATS: dict[int | str, int] = {
    4: faiss.ScalarQuantizer.QT_4bit,
    6: faiss.ScalarQuantizer.QT_6bit,
    8: faiss.ScalarQuantizer.QT_8bit,
    "fp16": faiss.ScalarQuantizer.QT_fp16,
    "bf16": faiss.ScalarQuantizer.QT_bf16,
}


def _digits_to_int(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class ScalarParameters(Parameters):
    """The number format that each dimension is stored in."""

    bits: Annotated[Literal[4, 6, 8, "fp16", "bf16"], BeforeValidator(_digits_to_int)] = Field(
        8, description="Bits per dimension of a uniform grid, or a 16-bit floating-point format."
    )

    def code_bytes(self, d: int) -> int:
        """Bytes of one packed code."""
        return 2 * d if isinstance(self.bits, str) else (self.bits * d + 7) // 8


class SQ(Quantizer):
    """Each dimension has a uniform grid of 2^bits cells, centred on its mean; a value becomes the centre of its cell.

    Values beyond the grid go to the outermost cell. The grid spans the number of standard deviations with the least
    squared error on the training vectors; on Gaussian data that is the optimal uniform quantizer (Max 1960, table
    II). `fp16` and `bf16` round to the nearest number of those formats; fp16 saturates at ±65504.
    """

    name = "sq"
    title = "Scalar quantization"
    paper = "Max: Quantizing for minimum distortion, IRE Transactions on Information Theory 1960"
    parameters_type: ClassVar[type[Parameters]] = ScalarParameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        bits = self.parameters.bits
        self.restore({} if isinstance(bits, str) else uniform_grids(train, bits), train.shape[1])
        return self

    def footprint(self, n: int, d: int) -> Footprint:
        code = self.parameters.code_bytes(d)
        return replace(super().footprint(n, d), fitting=grids_bytes(n, d), row=4 * d, score_columns=d, code=code)

    def encode(self, vectors: FloatArray) -> CodeArray:
        vectors = self._check_rows(vectors)
        if self.parameters.bits == "fp16":
            vectors = np.clip(vectors, -FP16_MAX, FP16_MAX)
        codes: CodeArray = self._faiss.compute_codes(vectors)
        return codes

    def decode(self, codes: CodeArray) -> FloatArray:
        vectors: FloatArray = self._faiss.decode(codes)
        return vectors

    def state(self) -> State:
        return self._grids

    def restore(self, state: State, d: int) -> None:
        self.d = d
        self.code_bytes = self.parameters.code_bytes(d)
        self._grids = state
        self._faiss = faiss.ScalarQuantizer(d, FORMATS[self.parameters.bits])
        if state:
            # faiss's code is floor((x - lowest) / extent * (cells - 1)): the last cell begins at lowest + extent.
            extent = state["cell"] * np.float32(2**self.parameters.bits - 1)
            faiss.copy_array_to_vector(np.concatenate([state["lowest"], extent]), self._faiss.trained)

    def search_index(self, distance: str) -> Any:
        trained = faiss.vector_to_array(self._faiss.trained) if self._grids else None
        return scalar_index(self.d, FORMATS[self.parameters.bits], trained, distance)

    def scan_code(self) -> ScanCode | None:
        bits = self.parameters.bits
        if isinstance(bits, str) or bits > MOST_BITS:
            return None
        return ScanCode(self.d, bits, np.arange(1 << bits), self._scan_rows, weights=self._grids["cell"])

    def _scan_rows(self, codes: CodeArray) -> ScanRows:
        none = no_rows(len(codes))
        return ScanRows(unpack(codes, self.d, self.parameters.bits).astype(np.uint8), none + 1, none, none)

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        choices = [ScalarParameters(bits=bits) for bits in (4, 6, 8, "fp16")]
        return largest_within(cls.name, bits_per_dim, d, choices, lambda choice: choice.code_bytes(d))
