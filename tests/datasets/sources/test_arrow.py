"""Arrow IPC files and streams, and the folders that save_to_disk writes, against the vectors in them."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.sampling import take
from vq_benchmark.errors import InputError

VECTORS = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32)


def write(path, rows, kind="stream", batch=70):
    path.parent.mkdir(exist_ok=True, parents=True)
    table = pa.table({"text": ["x"] * len(rows), "embeddings": pa.array(list(rows))})
    if kind == "feather":
        pa.feather.write_feather(table, path, compression="lz4", chunksize=batch)
        return
    new = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, new(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=batch)


@pytest.mark.parametrize("kind", ["stream", "file", "feather"])
def test_any_range_is_read_forward_and_back(tmp_path, kind):
    path = tmp_path / ("a.feather" if kind == "feather" else "a.arrow")
    write(path, VECTORS, kind)
    source = opening.open_vectors(path)
    for start, stop in [(0, 300), (100, 250), (5, 9), (299, 300), (7, 7)]:
        np.testing.assert_array_equal(source.read(start, stop), VECTORS[start:stop])
    np.testing.assert_array_equal(take(source, [250, 3, 77]), VECTORS[[250, 3, 77]])
    assert source.held_bytes == 70 * 6 * 8
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(90, 300), VECTORS[90:])  # noqa: S301


def test_a_folder_of_save_to_disk_is_one_base(tmp_path):
    for number, rows in enumerate(np.array_split(VECTORS, 12)):
        write(tmp_path / "set" / f"data-{number:05}-of-00012.arrow", rows)
    (tmp_path / "set" / "state.json").write_text("{}")
    (tmp_path / "set" / "dataset_info.json").write_text("{}")
    np.save(tmp_path / "one.npy", VECTORS)
    many, one = load_dataset(tmp_path / "set", num_queries=9), load_dataset(tmp_path / "one.npy", num_queries=9)
    assert many.fingerprint == one.fingerprint
    np.testing.assert_array_equal(many.base.read(0, many.n), one.base.read(0, one.n))


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_damage_is_one_sentence(tmp_path, kind):
    write(tmp_path / "a.arrow", VECTORS, kind)
    content = (tmp_path / "a.arrow").read_bytes()
    for damaged in (content[:-400], b"x" + content[1:], b""):
        (tmp_path / "a.arrow").write_bytes(damaged)
        with pytest.raises(InputError, match=r"a.arrow'") as refusal:
            opening.open_vectors(tmp_path / "a.arrow").read(0, 300)
        assert "\n" not in str(refusal.value)
