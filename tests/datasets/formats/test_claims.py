"""What files claim of themselves: footers of parquet as pyarrow reads them, heaps of HDF5, sizes of arrays."""

import io

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vq_benchmark.datasets.formats.hdf5_heaps import MARK, require_sound_heaps
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.parquet.footer import values_and_rows
from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import GIB, MIB, MemoryLimit, require_memory, resident_bytes, within_memory
from vq_benchmark.machine.npy import read_array


def test_the_footer_says_what_pyarrow_says(tmp_path):
    lists = pa.array([[0.5] * (number % 3) for number in range(100)], pa.list_(pa.float32()))
    table = pa.table({"id": ["x"] * 100, "emb": lists, "emb.2": [[1, 2]] * 100})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=30, compression="zstd")
    metadata = pq.ParquetFile(tmp_path / "a.parquet").metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    for place, name in enumerate(table.column_names):
        expected = [(group.column(place).num_values, group.num_rows) for group in groups]
        assert list(values_and_rows(tmp_path / "a.parquet", name)) == expected


@pytest.mark.parametrize("texts", [1, 300])
def test_heaps_that_hdf5_writes_are_sound_and_others_are_refused(tmp_path, texts):
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        for number in range(texts):
            file.attrs[f"text {number}"] = "word " * (number % 50 + 1)
    require_sound_heaps(path)
    data = bytearray(path.read_bytes())
    place = data.index(MARK) + 16 + 8  # the size of the first object
    data[place : place + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(InputError, match="heap"):
        require_sound_heaps(path)


@pytest.mark.parametrize(
    "array", [np.arange(12.0).reshape(3, 4), np.array(3), np.zeros((0, 4)), np.ones((2, 3), ">i2")]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_as_numpy_reads_them(array, order):
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array, order=order))
    found = read_array(io.BytesIO(buffer.getvalue()), buffer.tell(), "it")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    for wrong in (buffer.getvalue() + b"x", buffer.getvalue()[:-1]):
        with pytest.raises(ValueError, match=r"bytes|header"):
            read_array(io.BytesIO(wrong), len(wrong), "it")


def test_memory_is_asked_for_by_the_limit_in_force():
    with within_memory(MemoryLimit(resident_bytes() + 100 * MIB, "the test")):
        require_memory(20 * MIB, "little")
        with pytest.raises(
            InputError, match=r"^much would take 1.0 GiB of memory, but .* are left \(the test\); or not\.$"
        ):
            require_memory(GIB, "much", "; or not")
    require_memory(50 * MIB, "as much as there is without a limit")


def test_load_dataset_takes_a_limit(tmp_path):
    rows = np.zeros((20, 1_000_000), np.float32)
    np.save(tmp_path / "wide.npy", rows)
    with pytest.raises(InputError, match=r"wide\.npy.*--memory-limit"):
        load_dataset(tmp_path / "wide.npy", memory_limit=resident_bytes() + 32 * MIB, num_queries=2)
