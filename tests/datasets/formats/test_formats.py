"""Every format against numpy: what is written is read back, whole and by any range."""

import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.file_rows import FileRowsSource
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError

WRITABLE = [
    (extension, dtype) for extension, each in opening.formats().items() for dtype in each.writable_dtypes(extension)
]
SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 9))


def values(n: int, d: int, dtype: str, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(60, 20, (n, d))
    return np.clip(rows, 0, 127).astype(dtype)


def assert_reads(source, expected: np.ndarray, start: int, stop: int) -> None:
    assert (source.n, source.d, source.dtype) == (*expected.shape, expected.dtype)
    found = source.read(start, stop)
    assert found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(found, expected[start:stop].astype(np.float32))


@pytest.mark.parametrize(("extension", "dtype"), WRITABLE)
@settings(max_examples=10, deadline=None)
@given(shape=SHAPES, data=st.data(), block_rows=st.integers(1, 50))
def test_round_trip_of_any_range(tmp_path_factory, extension, dtype, shape, data, block_rows):
    expected = values(*shape, dtype)
    path = tmp_path_factory.mktemp("round") / f"base{extension}"
    opening.write_vectors(path, ArraySource(expected), dtype, block_rows=block_rows)
    start = data.draw(st.integers(0, shape[0]))
    stop = data.draw(st.integers(start, shape[0]))
    assert_reads(opening.open_vectors(path), expected, start, stop)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8", "uint8", ">f4"])
def test_npy_of_numpy_itself(tmp_path, dtype):
    expected = values(30, 5, dtype)
    np.save(tmp_path / "a.npy", expected)
    assert_reads(opening.open_vectors(tmp_path / "a.npy"), expected, 3, 29)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("name", ["emb", "whatever"])
def test_npz(tmp_path, save, name):
    expected = values(30, 5, "float16")
    arrays = {"labels": np.arange(30), "titles": np.array(["a"] * 30), name: expected}
    save(tmp_path / "a.npz", **arrays)
    source = opening.open_vectors(tmp_path / "a.npz")
    assert_reads(source, expected, 3, 29)
    assert isinstance(source, FileRowsSource) == (save is np.savez)
    assert_reads(opening.open_vectors(tmp_path / "a.npz", column=name), expected, 0, 30)


def test_npz_holds_a_whole_data_set(tmp_path):
    parts = {
        "base": values(30, 5, "float32"),
        "queries": values(4, 5, "float32", 1),
        "learn": values(6, 5, "float32"),
    }
    np.savez(tmp_path / "a.npz", neighbors=np.arange(8).reshape(4, 2), **parts)
    stored = opening.open_dataset(tmp_path / "a.npz")
    assert_reads(stored.base, parts["base"], 0, 30)
    assert_reads(stored.queries, parts["queries"], 0, 4)
    assert_reads(stored.learn, parts["learn"], 0, 6)
    np.testing.assert_array_equal(stored.neighbors, np.arange(8).reshape(4, 2))


@pytest.mark.parametrize("id_dtype", ["int32", "int64"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "attributes", "metric"),
    [
        ("new.hdf5", {"type": "dense", "distance": "angular", "dimension": 5, "point_type": "float"}, "cosine"),
        ("old.hdf5", {"distance": np.bytes_(b"euclidean")}, "l2"),
        ("glove-5-angular.hdf5", {}, "cosine"),
        ("anything.h5", {}, None),
        ("vibe.hdf5", {"distance": "normalized", "dimension": 5, "point_type": "float"}, "cosine"),
        ("vibe.hdf5", {"distance": "cosine"}, "cosine"),
        ("vibe.hdf5", {"distance": "euclidean"}, "l2"),
        ("vibe.hdf5", {"distance": "ip"}, "ip"),
        ("vibe.hdf5", {"distance": "L2"}, "l2"),
        ("vibe.hdf5", {"distance": np.array(["dot"], dtype=object)}, "ip"),
        ("vibe.hdf5", {"distance": np.array([b"Inner Product"])}, "ip"),
        ("vibe.hdf5", {"distance": np.bytes_(b"Angular")}, "cosine"),
        ("vibe.hdf5", {"metric": "COSINE"}, "cosine"),
        ("vibe.hdf5", {"distance": h5py.Empty("S1")}, None),
    ],
)
def test_hdf5_layouts(tmp_path, name, attributes, metric, dtype, id_dtype):
    train, test = values(30, 5, dtype), values(4, 5, dtype, 1)
    with h5py.File(tmp_path / name, "w") as file:
        file.attrs.update(attributes)
        file["train"], file["test"] = train, test
        file["neighbors"] = np.arange(8).reshape(4, 2).astype(id_dtype)
        file["distances"] = np.zeros((4, 2), dtype)
        if name.startswith("vibe"):
            file.create_dataset("learn", data=train[:7], chunks=(2, 5), compression="gzip")
    stored = opening.open_dataset(tmp_path / name)
    assert stored.distance == metric
    assert_reads(stored.base, train, 2, 17)
    assert_reads(stored.queries, test, 0, 4)
    assert stored.neighbors.dtype == np.int64 and stored.neighbors.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert (stored.learn is not None) == name.startswith("vibe")


@pytest.mark.parametrize("distance", ["hamming", "jaccard", "Wasserstein"])
def test_an_unknown_distance_needs_a_metric(tmp_path, distance):
    with h5py.File(tmp_path / "bits.hdf5", "w") as file:
        file.attrs["distance"] = distance
        file["train"] = np.eye(30, 5)
        file["test"], file["neighbors"] = np.eye(3, 5), np.zeros((3, 2), int)
    message = f"states the distance '{distance.lower()}'.* none of l2, ip, cosine; .*--metric"
    with pytest.raises(InputError, match=message):
        load_dataset(tmp_path / "bits.hdf5", check=False)
    dataset = load_dataset(tmp_path / "bits.hdf5", metric="l2", check=False)
    (note,) = (note for note in dataset.notes if distance.lower() in note)
    assert "--metric l2 is used instead. The stored neighbours are dropped" in note and dataset.neighbors is None


def test_vecs_bytes(tmp_path):
    rows = values(7, 3, "float32")
    (tmp_path / "a.fvecs").write_bytes(b"".join(b"\x03\0\0\0" + row.tobytes() for row in rows))
    assert_reads(opening.open_vectors(tmp_path / "a.fvecs"), rows, 2, 6)


def test_bigann_with_the_16_byte_header(tmp_path):
    rows = values(7, 3, "float32")
    (tmp_path / "a.fbin").write_bytes(np.array([7, 3], "<u8").tobytes() + rows.tobytes())
    assert_reads(opening.open_vectors(tmp_path / "a.fbin"), rows, 2, 6)


def test_bigann_size_is_computed_without_overflow(tmp_path):
    (tmp_path / "a.fbin").write_bytes(
        np.array([2**31, 2**31], "<u4").tobytes()
    )  # 4 n d is 2**64, which is 0 in 64 bits
    with pytest.raises(InputError, match="truncated"):
        opening.open_vectors(tmp_path / "a.fbin")


@pytest.mark.parametrize("suffix", ["npy", "ivecs", "ibin", "npz", "hdf5", "parquet"])
def test_ids(tmp_path, suffix):
    ids = np.random.default_rng(0).integers(2**24, 2**31, (6, 4))
    path = tmp_path / f"neighbors.{suffix}"
    if suffix == "npy":
        np.save(path, ids)
    elif suffix == "npz":
        np.savez(path, neighbors=ids)
    elif suffix == "ivecs":
        np.hstack((np.full((6, 1), 4), ids)).astype("<i4").tofile(path)
    elif suffix == "ibin":
        path.write_bytes(np.array([6, 4], "<u4").tobytes() + ids.astype("<u4").tobytes() + bytes(6 * 4 * 4))
    elif suffix == "hdf5":
        with h5py.File(path, "w") as file:
            file["neighbors"] = ids
    else:
        pq.write_table(pa.table({"ids": ids.tolist()}), path)
    found = opening.read_ids(path)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, ids)


@pytest.mark.parametrize("element", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("as_list", [pa.list_, pa.large_list, lambda element: pa.list_(element, 3)])
def test_parquet_columns(tmp_path, element, as_list):
    rows = values(25, 3, "float16")
    column = pa.array([list(row) for row in rows], type=as_list(element))
    pq.write_table(pa.table({"id": np.arange(25), "mine": column}), tmp_path / "a.parquet", row_group_size=7)
    expected = rows.astype(element.to_pandas_dtype())
    source = opening.open_vectors(tmp_path / "a.parquet")
    for start, stop in [(0, 25), (5, 22), (7, 14), (24, 25), (3, 3)]:
        assert_reads(source, expected, start, stop)


def test_parquet_prefers_the_usual_names_and_takes_the_column_asked_for(tmp_path):
    emb, other = values(9, 3, "float32"), values(9, 4, "float32", 1)
    pq.write_table(pa.table({"other": other.tolist(), "emb": emb.tolist()}), tmp_path / "a.parquet")
    np.testing.assert_array_equal(opening.open_vectors(tmp_path / "a.parquet").read(0, 9), emb)
    np.testing.assert_array_equal(opening.open_vectors(tmp_path / "a.parquet", column="other").read(0, 9), other)


@pytest.mark.parametrize(
    "name", ["with space.npy", 'it\'s "quoted".npy', "two\nlines.npy", "ünï.NPY", "-.npy", "*.npy"]
)
def test_hostile_file_names(tmp_path, name):
    rows = values(9, 3, "float32")
    opening.write_vectors(tmp_path / name, ArraySource(rows), "float32")
    assert_reads(opening.open_vectors(tmp_path / name), rows, 0, 9)
    (tmp_path / name).write_bytes(b"no numbers")
    with pytest.raises(InputError) as refusal:
        opening.open_vectors(tmp_path / name)
    assert "\n" not in str(refusal.value)


def test_a_write_that_fails_leaves_nothing(tmp_path):
    class Failing(ArraySource):
        def read(self, start, stop):
            if start > 0:
                raise InputError("enough")
            return super().read(start, stop)

    (tmp_path / "a.npy").write_bytes(b"before")
    with pytest.raises(InputError, match="enough"):
        opening.write_vectors(tmp_path / "a.npy", Failing(values(9, 3, "float32")), "float32", block_rows=4)
    assert [each.name for each in tmp_path.iterdir()] == ["a.npy"]
    assert (tmp_path / "a.npy").read_bytes() == b"before"


@pytest.mark.parametrize("how", ["link", "linked group", "storage", "virtual"])
def test_hdf5_that_takes_its_values_from_another_file_is_refused(tmp_path, how):
    private, path = tmp_path / "private.hdf5", tmp_path / "x.hdf5"
    values = np.arange(24, dtype=np.float32).reshape(6, 4)
    with h5py.File(private, "w") as file:
        file["secret"] = values
    with h5py.File(path, "w") as file:
        if how == "link":
            file["train"] = h5py.ExternalLink(str(private), "secret")
        elif how == "linked group":
            file["train"] = values
            file["elsewhere"] = h5py.ExternalLink(str(private), "/")
        elif how == "storage":
            file.create_dataset("train", (6, 4), "f4", external=[(str(private), 0, 96)])
        else:
            layout = h5py.VirtualLayout((6, 4), "f4")
            layout[:] = h5py.VirtualSource(str(private), "secret", (6, 4))
            file.create_virtual_dataset("train", layout)
    column = "elsewhere/secret" if how == "linked group" else None
    with pytest.raises(InputError, match=r"private.hdf5'; data in other files is not read"):
        opening.open_dataset(path, column=column)


def written_safetensors(path, arrays, dtypes):
    """A file as the format's description has it, without its library."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        place = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": dtypes[name], "shape": list(array.shape), "data_offsets": place}
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_safetensors_by_the_names_of_tensors(tmp_path):
    rng = np.random.default_rng(3)
    base, queries = rng.standard_normal((30, 6)).astype("f2"), rng.standard_normal((4, 6)).astype("f4")
    ids, bfloat = rng.integers(0, 30, (4, 5)), np.arange(60, dtype=np.float32).reshape(10, 6)
    arrays = {"train": base, "test": queries, "neighbors": ids, "learn": (bfloat.view("u4") >> 16).astype("u2")}
    written_safetensors(
        tmp_path / "a.safetensors", arrays, {"train": "F16", "test": "F32", "neighbors": "I64", "learn": "BF16"}
    )
    stored = opening.open_dataset(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(stored.base.read(3, 30), base[3:].astype("f4"))
    np.testing.assert_array_equal(stored.queries.read(0, 4), queries)
    np.testing.assert_array_equal(stored.neighbors, ids)
    np.testing.assert_array_equal(stored.learn.read(0, 10), bfloat)


def test_safetensors_of_their_own_library(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    rows = np.random.default_rng(3).standard_normal((30, 6)).astype("f4")
    library.save_file({"emb": rows}, tmp_path / "a.safetensors")
    np.testing.assert_array_equal(opening.open_vectors(tmp_path / "a.safetensors").read(0, 30), rows)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "would be 0 bytes"),
        ((2**40).to_bytes(8, "little") + b"{}", "truncated or no safetensors"),
        ((2).to_bytes(8, "little") + b"[]", "not a JSON object"),
        ((9).to_bytes(8, "little") + b'{"a": {}}', "does not describe 'a'"),
    ],
)
def test_damaged_safetensors(tmp_path, content, said):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=said):
        opening.open_dataset(tmp_path / "a.safetensors")


def test_a_tensor_that_the_file_does_not_hold_whole(tmp_path):
    written_safetensors(tmp_path / "a.safetensors", {"emb": np.zeros((5, 4), "f4")}, {"emb": "F32"})
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[:-1])
    with pytest.raises(InputError, match="damaged or truncated: 'emb'"):
        opening.open_dataset(tmp_path / "a.safetensors")


@pytest.mark.parametrize("name", ["a b.pt", "x.csv", "y.tsv"])
def test_what_is_not_read_is_refused_with_the_line_that_converts_it(name, tmp_path, monkeypatch):
    rows = np.array([[1.5, 2], [3, 4]], dtype=np.float32)
    monkeypatch.chdir(tmp_path)
    if name.endswith(".pt"):
        pytest.importorskip("torch").save(__import__("torch").from_numpy(rows), name)
    else:
        np.savetxt(name, rows, delimiter="," if name.endswith("csv") else "\t")
    with pytest.raises(InputError, match="convert it") as refused:
        opening.open_vectors(Path(name))
    (line,) = re.findall(r"convert it: (.*)$", str(refused.value))
    subprocess.run(["bash", "-c", line.replace("python", sys.executable, 1)], check=True)
    np.testing.assert_array_equal(np.load(Path(name).with_suffix(".npy")), rows)


@pytest.mark.parametrize("header_rows", [20, 1000])
def test_the_names_of_cropped_big_ann_files(tmp_path, header_rows):
    """base.fbin.crop_nb_20, with the rows in its header corrected, or left as they were in the whole file."""
    expected = values(20, 5, "uint8")
    path = tmp_path / "base.1K.u8bin.crop_nb_20"
    path.write_bytes(np.array([header_rows, 5], "<u4").tobytes() + expected.tobytes())
    np.save(tmp_path / "queries.npy", values(3, 5, "float32"))
    assert_reads(opening.open_vectors(path), expected, 3, 19)
    for found in (load_dataset(tmp_path, metric="l2"), load_dataset(path, metric="l2", num_queries=1)):
        np.testing.assert_array_equal(found.base.with_held_out_rows().read(0, 20), expected)
    (tmp_path / "base.1K.u8bin.crop_nb_10").write_bytes(path.read_bytes()[:58])
    with pytest.raises(InputError, match=r"holds base.1K.u8bin.crop_nb_10, base.1K.u8bin.crop_nb_20; only one"):
        load_dataset(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match="is truncated"):
        opening.open_vectors(path)
