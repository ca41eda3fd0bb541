"""The spectrum of the vectors that a model was fitted to, computed once for each sample."""

from pathlib import Path

import numpy as np

from vq_benchmark.arrays import DoubleArray, FloatArray
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.rate_distortion import spectrum_of
from vq_benchmark.machine.archive import ArchiveFormat
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.progress import Reporter

FORMAT = ArchiveFormat("a spectrum", version=1)
SPECTRUM = "spectrum"
LARGE_DIMENSION = 1024
"""Dimension from which the spectrum takes seconds, so that the program says what it does."""


def training_spectrum(
    train: FloatArray, training_digest: str, cache_dir: Path, report: Reporter
) -> DoubleArray | None:
    """(d,) float64 eigenvalues of the covariance of a sample (n, d), descending; None if it has none.

    They are cached, because they take about a minute at d = 4,096.
    """
    if train.shape[0] <= train.shape[1]:
        return None
    path = cache_dir / "spectra" / f"{training_digest}.npz"
    spectrum = _load(path, train.shape[1])
    if spectrum is None:
        if train.shape[1] >= LARGE_DIMENSION:
            report.say(f"computing the covariance of {len(train):,} training vectors, for the Gaussian bound")
        spectrum = spectrum_of(train)
        if spectrum is None:
            return None
        _save(path, spectrum, report)
    return spectrum


def _load(path: Path, d: int) -> DoubleArray | None:
    """The cached eigenvalues; None if there are none or they are damaged."""
    try:
        _, arrays = FORMAT.unpack(path.read_bytes())
    except (OSError, ValueError):
        return None
    spectrum = arrays.get(SPECTRUM, np.empty(0))
    return spectrum if spectrum.shape == (d,) and spectrum.dtype == np.float64 else None


def _save(path: Path, spectrum: DoubleArray, report: Reporter) -> None:
    """Cache eigenvalues; if the cache cannot be written, say so and continue."""
    try:
        with atomic_write(path) as file:
            file.write(FORMAT.pack({}, {SPECTRUM: spectrum}))
    except InputError as error:
        report.say(f"could not cache the eigenvalues of the training vectors: {error}")
