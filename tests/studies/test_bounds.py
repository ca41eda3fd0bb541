"""The bound of a model's code: computed once for each training sample, whatever happens to the cache."""

import numpy as np
import pytest

from vq_benchmark.evaluation import rate_distortion
from vq_benchmark.evaluation.rate_distortion import bound_of, spectrum_of
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.studies import bounds
from vq_benchmark.studies.bounds import code_bound

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

    monkeypatch.setattr(bounds, "spectrum_of", counted)
    return samples


def test_the_spectrum_is_computed_once_for_all_codes(tmp_path, computed):
    for code_bytes in (1, 2, 4):
        found = code_bound(TRAIN, "digest", code_bytes, tmp_path, Listener())
        assert found == bound_of(500, spectrum_of(TRAIN), 8 * code_bytes)
    assert len(computed) == 1
    code_bound(TRAIN, "other", 1, tmp_path, Listener())
    assert len(computed) == 2


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"", lambda data: data[:99] + b"~~~" + data[102:]]
)
def test_a_damaged_cache_is_made_again(tmp_path, computed, damage):
    expected = code_bound(TRAIN, "digest", 4, tmp_path, Listener())
    (cached,) = (tmp_path / "spectra").iterdir()
    intact = cached.read_bytes()
    cached.write_bytes(damage(intact))
    assert code_bound(TRAIN, "digest", 4, tmp_path, Listener()) == expected
    assert cached.read_bytes() == intact
    assert len(computed) == 2


def test_a_cache_that_cannot_be_written_is_said_and_changes_nothing(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    listener = Listener()
    assert code_bound(TRAIN, "digest", 4, tmp_path / "file", listener) is not None
    assert listener.said[0].startswith("could not cache the eigenvalues of the training vectors: ")


def test_as_many_vectors_as_dimensions_have_no_bound(tmp_path):
    assert code_bound(TRAIN[:8], "digest", 4, tmp_path, Listener()) is None
    assert not (tmp_path / "spectra").exists()


def test_the_covariance_does_not_depend_on_how_the_sample_is_divided(monkeypatch):
    whole = spectrum_of(TRAIN)
    monkeypatch.setattr(rate_distortion, "ROWS_AT_ONCE", 7)
    assert spectrum_of(TRAIN) == pytest.approx(whole, rel=1e-12)
