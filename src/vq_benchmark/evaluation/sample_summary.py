"""A few numbers about a training sample that every row keeps: norms, spectrum, repeated vectors."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray, pieces
from vq_benchmark.datasets.row_hashes import repeats, row_hashes
from vq_benchmark.evaluation.inner_products import squared_norms
from vq_benchmark.evaluation.rate_distortion import ROWS_AT_ONCE
from vq_benchmark.machine.documents import validated

SAMPLE_KEY = "training_sample"
"""Key of the summary in the column `environment` of a row, and in the metadata of a model."""
VERSION = 1
NORM_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
MOST_COMPONENTS = 16


@dataclass(frozen=True)
class SampleSummary:
    """What a training sample is like; under cosine its vectors are unit vectors."""

    version: int
    vectors: int
    """Size of the sample."""
    norms: list[float]
    """Euclidean norms at NORM_QUANTILES."""
    repeated: int
    """Vectors that equal an earlier one of the sample."""
    components: list[int]
    """Numbers of principal components, at most MOST_COMPONENTS, ascending from 1 to d; empty without a spectrum."""
    variance_shares: list[float]
    """The share of the variance in the first that many components."""
    effective_dimension: float | None
    """(sum of variances)² / sum of squared variances: d if all are equal, 1 if only one is not zero."""

    def as_json(self) -> dict[str, Any]:
        """The fields, as values of JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Self | None:
        """The summary that `as_json` gave; None for anything else, another version, or what damage left of it."""
        try:
            found = validated(cls, value)
        except ValueError:
            return None
        whole = len(found.norms) == len(NORM_QUANTILES) and len(found.components) == len(found.variance_shares)
        return found if whole and found.version == VERSION else None


def summary_of(sample: FloatArray, spectrum: DoubleArray | None) -> SampleSummary:
    """The summary of a sample (n, d) of at least one vector.

    Args:
        spectrum: (d,) eigenvalues of its covariance, descending; None if it has none.
    """
    hashes = np.concatenate([row_hashes(sample[piece]) for piece in pieces(len(sample), ROWS_AT_ONCE)])
    quantiles = np.quantile(np.sqrt(squared_norms(sample)), NORM_QUANTILES).tolist()
    components, shares, effective = _spectrum(spectrum)
    return SampleSummary(
        VERSION, len(sample), [_short(each) for each in quantiles], int(repeats(hashes).sum()),
        components, shares, effective,
    )  # fmt: skip


def _spectrum(spectrum: DoubleArray | None) -> tuple[list[int], list[float], float | None]:
    if spectrum is None or spectrum.sum() <= 0:
        return [], [], None
    counts = np.unique(np.rint(np.geomspace(1, len(spectrum), MOST_COMPONENTS)).astype(int)).tolist()
    shares = np.cumsum(spectrum) / spectrum.sum()
    effective = float(spectrum.sum() ** 2 / np.square(spectrum).sum())
    return counts, [_short(float(shares[count - 1])) for count in counts], _short(effective)


def _short(value: float) -> float:
    return float(f"{value:.5g}")
