"""The Gaussian rate-distortion bound: the least error that codes of a number of bits can have.

On Gaussian vectors whose covariance has eigenvalues λ_i, no code of R bits has a mean squared error below D(R).
Reverse water-filling gives D(R) (Cover & Thomas, Elements of Information Theory, section 10.3): with a water level θ,

    D = Σ min(θ, λ_i)    and    R = Σ max(0, ½ log2(λ_i / θ)).

The mean of the vectors is free. Vectors of another distribution with that covariance can be coded with less error.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray, pieces
from vq_benchmark.machine.documents import validated

ROWS_AT_ONCE = 1024
"""Rows of a sample that are copied to float64 at a time."""
MATRICES = 2
"""Matrices of (d, d) float64 that `spectrum_of` holds at a time."""
ROUNDING = 2.0**-40
"""Eigenvalues below this share of the largest count as 0: float32 vectors do not determine them."""
CURVE_BITS = [round(2 ** (step / 4), 4) for step in range(-16, 17)]
"""Bits per dimension at which a curve is kept: 1/16 to 16, four to an octave."""


BOUND_KEY = "gaussian_bound"
"""Key of the bound in the column `environment` of a row."""


@dataclass(frozen=True)
class Bound:
    """The bound for the covariance of a sample, at the bits of a code and along a curve."""

    vectors: int
    """Size of the sample."""
    mse: float
    """The bound at the bits of the code, as a mean squared error of whole vectors."""
    curve_bits: list[float]
    """Bits per dimension, ascending."""
    curve_mse: list[float]
    """The bound at these bits."""

    def as_json(self) -> dict[str, Any]:
        """The fields, as values of JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Self | None:
        """The bound that `as_json` gave; None for anything else, such as None or what damage left of it."""
        try:
            found = validated(cls, value)
        except ValueError:
            return None
        return found if len(found.curve_bits) == len(found.curve_mse) else None


def spectrum_of(sample: FloatArray) -> DoubleArray | None:
    """(d,) float64 eigenvalues of the covariance of a sample (n, d), descending; None if n <= d or one is not finite.

    With n <= d vectors the covariance is singular whatever the data. Memory: MATRICES · d² · 8 bytes.
    """
    count, d = sample.shape
    if count <= d:
        return None
    mean = np.zeros(d)
    for piece in pieces(count, ROWS_AT_ONCE):
        mean += sample[piece].sum(axis=0, dtype=np.float64)
    mean /= count
    covariance = np.zeros((d, d))
    for piece in pieces(count, ROWS_AT_ONCE):
        centred = sample[piece] - mean
        covariance += centred.T @ centred
    covariance /= count - 1
    if not np.isfinite(covariance).all():
        return None
    return np.asarray(np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0))


def least_error(spectrum: DoubleArray, bits: float | DoubleArray) -> DoubleArray:
    """D(R): the least mean squared error of whole vectors, for R = `bits` bits per vector, as float64 of its shape.

    Args:
        spectrum: (d,) float64 eigenvalues of the covariance, at least 0, in any order.
        bits: at least 0.
    """
    rates = np.asarray(bits, dtype=np.float64)
    known = np.sort(spectrum[spectrum > ROUNDING * spectrum.max(initial=0.0)])[::-1]
    if not len(known):
        return np.zeros_like(rates)
    logs, counts = np.log2(known), np.arange(1, len(known) + 1)
    sums = np.cumsum(logs)
    # Component k gets bits once the water level falls below λ_k, which the k - 1 larger ones pay for:
    entries = np.maximum.accumulate((sums - counts * logs) / 2)
    active = np.searchsorted(entries, rates, side="right")
    level = np.exp2((sums[active - 1] - 2 * rates) / active)
    below = np.append(np.cumsum(known[::-1])[::-1], 0.0)
    return np.asarray(active * level + below[active])


def bound_of(sample_size: int, spectrum: DoubleArray, code_bits: int) -> Bound:
    """The bound for codes of `code_bits` bits per vector, side information included."""
    curve = least_error(spectrum, len(spectrum) * np.array(CURVE_BITS))
    mse = float(least_error(spectrum, float(code_bits)))
    return Bound(sample_size, mse, CURVE_BITS, [float(f"{value:.6g}") for value in curve])


def bound_metrics(mse: float | None, bound: Bound | None) -> dict[str, float]:
    """The metrics of a row with that error and bound; a ratio with 0 is absent, and both are without a bound.

    The error is None if no row outside the training sample can be measured.
    """
    if bound is None:
        return {}
    above = {"above_bound_db": 10 * math.log10(mse / bound.mse)} if mse and bound.mse > 0 else {}
    return {"bound_mse": bound.mse} | above
