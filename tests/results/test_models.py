"""Fitted quantizers on disk: what is saved is what is loaded, and nothing else is."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.machine.archive import pack, unpack
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.results.models import load_model, model_hash, save_model


@pytest.fixture
def quantizer() -> Quantizer:
    rows = np.random.default_rng(0).standard_normal((100, 12)).astype(np.float32)
    return get_quantizer("pq", m=3, nbits=4).fit(rows, seed=1)


def test_a_model_comes_back_with_its_metadata(quantizer: Quantizer, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "model.npz"
    content_hash = save_model(quantizer, path, metadata={"fit_seconds": 1.5, "seed": 1})
    loaded, metadata = load_model(path)
    assert type(loaded) is type(quantizer)
    assert (loaded.config, loaded.d, loaded.code_bytes) == (quantizer.config, 12, 2)
    assert metadata == {"fit_seconds": 1.5, "seed": 1, "content_hash": content_hash}
    assert model_hash(loaded) == content_hash == model_hash(quantizer)
    np.testing.assert_array_equal(loaded.state()["codebooks"], quantizer.state()["codebooks"])


def test_the_file_is_a_plain_npz_without_pickles(quantizer: Quantizer, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save_model(quantizer, path, metadata={})
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["codebooks"], quantizer.state()["codebooks"])


def test_the_hash_covers_parameters_and_arrays(quantizer: Quantizer) -> None:
    rows = np.random.default_rng(0).standard_normal((100, 12)).astype(np.float32)
    others = [
        get_quantizer("pq", m=3, nbits=4).fit(rows, seed=2),
        get_quantizer("pq", m=2, nbits=4).fit(rows, seed=1),
        get_quantizer("opq", m=3, nbits=4).fit(rows, seed=1),
    ]
    hashes = {model_hash(each) for each in [quantizer, *others]}
    assert len(hashes) == 4
    assert model_hash(get_quantizer("pq", m=3, nbits=4).fit(rows, seed=1)) in hashes


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.npz"):
        load_model(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 broken"])
def test_a_foreign_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.npz"):
        load_model(path)


def test_somebody_elses_npz_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, vectors=np.zeros((3, 4)))
    path = tmp_path / "model.npz"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match=r"model\.npz"):
        load_model(path)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, allow_pickle=True, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match=r"model\.npz"):
        load_model(path)


@pytest.mark.parametrize("position", [0.05, 0.3, 0.6, 0.95])
def test_every_truncation_and_flipped_byte_is_noticed(quantizer: Quantizer, tmp_path: Path, position: float) -> None:
    path = tmp_path / "model.npz"
    save_model(quantizer, path, metadata={})
    whole = path.read_bytes()
    at = int(position * len(whole))
    path.write_bytes(whole[:at])
    with pytest.raises(InputError):
        load_model(path)
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    try:
        loaded, metadata = load_model(path)
    except InputError:
        return
    # A byte that nothing reads, such as a time stamp of the archive: then the content is untouched.
    assert model_hash(loaded) == model_hash(quantizer) == metadata["content_hash"]


def test_a_changed_array_does_not_match_the_hash(quantizer: Quantizer, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save_model(quantizer, path, metadata={})
    header, arrays = unpack(path.read_bytes())
    path.write_bytes(pack(header, {"codebooks": arrays["codebooks"] + 1}))
    with pytest.raises(InputError, match="hash"):
        load_model(path)


def test_a_newer_format_is_refused_with_both_versions(quantizer: Quantizer, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save_model(quantizer, path, metadata={})
    header, arrays = unpack(path.read_bytes())
    path.write_bytes(pack({**header, "version": 99}, arrays))
    with pytest.raises(InputError, match=r"99.*1"):
        load_model(path)


def test_a_failed_save_leaves_nothing_and_keeps_what_was_there(quantizer: Quantizer, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save_model(quantizer, path, metadata={"first": True})
    with pytest.raises(TypeError):
        save_model(quantizer, path, metadata={"not JSON": object()})
    assert [each.name for each in tmp_path.iterdir()] == ["model.npz"]
    assert load_model(path)[1]["first"] is True
    assert json.dumps(load_model(path)[1])


def test_a_full_disk_leaves_the_earlier_model(quantizer: Quantizer, small_disk) -> None:
    path = small_disk.path / "model.npz"
    content_hash = save_model(quantizer, path, metadata={})
    rows = np.random.default_rng(0).standard_normal((2000, 64)).astype(np.float32)
    larger = get_quantizer("pq", m=8, nbits=8).fit(rows)
    small_disk.fill(leaving=20_000)
    with pytest.raises(InputError, match=r"model\.npz' cannot be written: No space left on device\."):
        save_model(larger, path, metadata={})
    assert load_model(path)[1]["content_hash"] == content_hash
    small_disk.free()
    assert load_model(path)[1]["content_hash"] != save_model(larger, path, metadata={})
    assert list(small_disk.path.iterdir()) == [path]
