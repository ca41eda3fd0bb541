"""bf16-truncated: the upper 16 bits of float32, cut off and not rounded, as Vespa stores bfloat16."""

from dataclasses import replace
from typing import Self

import numpy as np

from vq_benchmark.arrays import CodeArray, FloatArray
from vq_benchmark.quantizers.base import Parameters, Quantizer, State
from vq_benchmark.quantizers.budget import whole_bits
from vq_benchmark.quantizers.footprint import Footprint


class TruncatedBf16(Quantizer):
    """The upper 16 bits of each float32 number: sign, exponent, and 7 bits of the mantissa.

    Vespa's `bfloat16` cuts the lower bits off, so every number moves toward zero by up to 2⁻⁷ of itself; 1.999
    becomes 1.9921875, where rounding (`sq` with `bits=bf16`) gives 2. Vectors shrink, which hardly
    changes their order.
    """

    name = "bf16-truncated"
    title = "bfloat16 without rounding (Vespa)"
    paper = "no paper; Vespa 8, vespalib/util/bfloat16.h"
    parameters_type = Parameters

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        self.restore({}, train.shape[1])
        return self

    def state(self) -> State:
        return {}

    def restore(self, state: State, d: int) -> None:
        self.d, self.code_bytes = d, 2 * d

    def footprint(self, n: int, d: int) -> Footprint:
        return replace(super().footprint(n, d), model=0, fitting=0, row=4 * d, score_columns=d, code=2 * d)

    def encode(self, vectors: FloatArray) -> CodeArray:
        upper = (self._check_rows(vectors).view(np.uint32) >> 16).astype("<u2")
        return upper.view(np.uint8)

    def decode(self, codes: CodeArray) -> FloatArray:
        upper = np.ascontiguousarray(codes).view("<u2").astype(np.uint32)
        return (upper << 16).view(np.float32)

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> Parameters:
        whole_bits(cls.name, bits_per_dim, d, [16], side_bytes=0)
        return Parameters()
