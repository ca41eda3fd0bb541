"""Which files a data set is read from, and what a change of one does."""

import os
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vq_benchmark.datasets.file_states import FileState, file_states, from_json, same_versions, to_json
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import ChangedData, InputError

BASE = np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32)


def write(path):
    match path.suffix:
        case ".npy":
            np.save(path, BASE)
        case ".npz":
            np.savez(path, base=BASE)
        case ".fvecs":
            np.hstack((np.full((300, 1), 4, "<i4").view("<f4"), BASE)).tofile(path)
        case ".fbin":
            path.write_bytes(np.array([300, 4], "<u4").tobytes() + BASE.tobytes())
        case ".hdf5":
            with h5py.File(path, "w") as file:
                file["train"] = BASE
        case ".parquet":
            pq.write_table(pa.table({"emb": list(BASE)}), path)


@pytest.mark.parametrize("extension", ["npy", "npz", "fvecs", "fbin", "hdf5", "parquet"])
def test_a_file_that_changed_is_named(extension, tmp_path):
    path = tmp_path / f"base.{extension}"
    write(path)
    dataset = load_dataset(path, metric="cosine", limit=200)
    assert [state.path for state in dataset.files] == [str(path)]
    dataset.require_unchanged()
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))
    with pytest.raises(
        ChangedData, match=rf"base\.{extension}' changed while it was in use: it had .* bytes, modified .*"
    ):
        dataset.require_unchanged()
    path.unlink()
    with pytest.raises(InputError, match="No such file"):
        dataset.require_unchanged()


def test_learn_vectors_and_shards_count(tmp_path):
    for name in ("base", "learn"):
        np.save(tmp_path / f"{name}.npy", BASE)
    assert [Path(state.path).name for state in load_dataset(tmp_path).files] == ["base.npy", "learn.npy"]
    shards = tmp_path / "shards"
    shards.mkdir()
    for number in range(3):
        write(shards / f"{number}.parquet")
    assert len(load_dataset(shards).files) == 3


def test_generated_vectors_have_no_files_and_arrays_unknown_ones():
    assert load_dataset("synthetic", num_samples=50, dim=4).files == ()
    assert file_states(ArraySource(BASE)) is None


def test_versions_are_compared_wherever_the_files_lie():
    one, moved, longer = FileState("a", 5, 7), FileState("b", 5, 7), FileState("a", 6, 7)
    assert same_versions((one,), (moved,))
    assert same_versions((), ())
    for other in ((longer,), (FileState("a", 5, 8),), (one, one), (), None):
        assert not same_versions((one,), other)
    assert not same_versions(None, None)
    assert from_json(to_json((one, longer))) == (one, longer)
    assert from_json(to_json(None)) is None
