"""minmax: each vector on its own uniform grid between its smallest and its largest entry."""

from typing import Self

import numpy as np
from pydantic import Field

from vq_benchmark.arrays import FloatArray
from vq_benchmark.quantizers.base import Parameters, State
from vq_benchmark.quantizers.budget import nominal_bits, whole_bits
from vq_benchmark.quantizers.methods.lvq import SIDE_BYTES, Lvq
from vq_benchmark.quantizers.parts.scales import norm_about, power_of_two_near


class MinMaxParameters(Parameters):
    """Parameters of `minmax`."""

    bits: int = Field(default=8, ge=1, le=8, description="Bits per dimension.")

    @property
    def bits2(self) -> int:
        """Bits of LVQ's second level: none."""
        return 0


class MinMax(Lvq):
    """x on the grid l + Δ·c, l and u its smallest and largest entries, Δ = (u − l)/(2^bits − 1).

    Asymmetric integer quantization (Jacob et al., CVPR 2018, equation 1) with two 16-bit numbers per vector: LVQ
    without the mean. It learns only the power of two in which the two numbers are stored.
    """

    name = "minmax"
    title = "Uniform grid between a vector's minimum and maximum"
    paper = "Jacob et al., CVPR 2018, arXiv 1712.05877, equation 1"
    parameters_type = MinMaxParameters  # type: ignore[assignment]

    @classmethod
    def for_budget(cls, bits_per_dim: float, d: int) -> MinMaxParameters:  # type: ignore[override]
        return MinMaxParameters(bits=whole_bits(cls.name, bits_per_dim, d, range(1, 9), SIDE_BYTES))

    @classmethod
    def for_nominal_budget(cls, bits_per_dim: float, d: int) -> MinMaxParameters:  # type: ignore[override]
        return MinMaxParameters(bits=nominal_bits(cls.name, bits_per_dim, 1, 8))

    def fit(self, train: FloatArray, *, seed: int = 0) -> Self:
        self._check_train(train)
        d = train.shape[1]
        self.restore({"unit": np.array(power_of_two_near(norm_about(train, np.zeros(d)) / np.sqrt(d)))}, d)
        return self

    def state(self) -> State:
        return {"unit": np.array(self._units[0])}

    def restore(self, state: State, d: int) -> None:
        super().restore({**state, "mean": np.zeros(d, np.float32)}, d)
