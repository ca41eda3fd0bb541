"""The spectrum of a training sample: computed once for each, whatever happens to the cache."""

import numpy as np
import pytest

from vq_benchmark.evaluation import rate_distortion
from vq_benchmark.evaluation.rate_distortion import spectrum_of
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.studies import spectra
from vq_benchmark.studies.spectra import training_spectrum

TRAIN = np.random.default_rng(0).standard_normal((500, 8)).astype(np.float32)


class Listener(Reporter):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def computed(monkeypatch):
    """The samples whose spectrum was computed."""
    samples = []

    def counted(sample):
        samples.append(sample)
        return spectrum_of(sample)

    monkeypatch.setattr(spectra, "spectrum_of", counted)
    return samples


def test_the_spectrum_is_computed_once(tmp_path, computed):
    for _ in range(3):
        found = training_spectrum(TRAIN, "digest", tmp_path, Listener())
        assert found.tolist() == spectrum_of(TRAIN).tolist()
    assert len(computed) == 1
    training_spectrum(TRAIN, "other", tmp_path, Listener())
    assert len(computed) == 2


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"", lambda data: data[:99] + b"~~~" + data[102:]]
)
def test_a_damaged_cache_is_made_again(tmp_path, computed, damage):
    expected = training_spectrum(TRAIN, "digest", tmp_path, Listener()).tolist()
    (cached,) = (tmp_path / "spectra").iterdir()
    intact = cached.read_bytes()
    cached.write_bytes(damage(intact))
    assert training_spectrum(TRAIN, "digest", tmp_path, Listener()).tolist() == expected
    assert cached.read_bytes() == intact
    assert len(computed) == 2


def test_a_cache_that_cannot_be_written_is_said_and_changes_nothing(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    listener = Listener()
    assert training_spectrum(TRAIN, "digest", tmp_path / "file", listener) is not None
    assert listener.said[0].startswith("could not cache the eigenvalues of the training vectors: ")


def test_as_many_vectors_as_dimensions_have_no_bound(tmp_path):
    assert training_spectrum(TRAIN[:8], "digest", tmp_path, Listener()) is None
    assert not (tmp_path / "spectra").exists()


def test_the_covariance_does_not_depend_on_how_the_sample_is_divided(monkeypatch):
    whole = spectrum_of(TRAIN)
    monkeypatch.setattr(rate_distortion, "ROWS_AT_ONCE", 7)
    assert spectrum_of(TRAIN) == pytest.approx(whole, rel=1e-12)
