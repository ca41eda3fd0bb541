"""Parquet files of any layout against numpy: ranges, samples, many files as one base, and bounded memory."""

import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.parts.directory import files_of_directory
from vq_benchmark.datasets.parts.shards import shards_of_pattern
from vq_benchmark.datasets.sources.parquet import parquet_source
from vq_benchmark.datasets.sources.parquet.parquet_source import open_parquet
from vq_benchmark.datasets.sources.sampling import sample_rows, take
from vq_benchmark.errors import InputError


def rows(n, d=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def write(path, vectors, *, group=100, kind="list", column="emb"):
    path.parent.mkdir(parents=True, exist_ok=True)
    n, d = vectors.shape
    values = pa.array(vectors.ravel())
    offsets = np.arange(0, (n + 1) * d, d)
    lists = {
        "list": lambda: pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values),
        "large_list": lambda: pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values),
        "fixed_size_list": lambda: pa.FixedSizeListArray.from_arrays(values, d),
    }[kind]()
    pq.write_table(pa.table({"id": range(n), column: lists}), path, row_group_size=group)
    return path


def write_shards(folder, vectors, count, **how):
    parts = np.array_split(vectors, count)
    return [write(folder / f"{number}.parquet", part, **how) for number, part in enumerate(parts)]


@pytest.mark.parametrize("kind", ["list", "large_list", "fixed_size_list"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_kinds_of_lists_and_numbers(tmp_path, kind, dtype):
    vectors = rows(250).astype(dtype)
    source = open_parquet([write(tmp_path / "a.parquet", vectors, kind=kind)], None)
    assert (source.n, source.d, source.dtype.name) == (250, 6, dtype)
    np.testing.assert_array_equal(source.read(0, 250), vectors.astype(np.float32))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_ranges_and_rows_of_any_layout(tmp_path_factory, data):
    n = data.draw(st.integers(1, 300))
    count = data.draw(st.integers(1, min(n, 4)))
    group = data.draw(st.sampled_from([1, 7, 50, 1000]))
    vectors = rows(n, 3)
    folder = tmp_path_factory.mktemp("shards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_source, "PIECE_ROWS", data.draw(st.sampled_from([1, 16, 4096])))
        source = open_parquet(write_shards(folder, vectors, count, group=group), None, folder / "cache")
        for _ in range(4):
            start = data.draw(st.integers(0, n))
            stop = data.draw(st.integers(start, n))
            np.testing.assert_array_equal(source.read(start, stop), vectors[start:stop])
        wanted = data.draw(st.lists(st.integers(0, n - 1), max_size=20))
        for _ in range(2):  # the second time perhaps from the cache
            np.testing.assert_array_equal(take(source, wanted), vectors[wanted])


def test_a_sample_is_gathered_in_one_pass_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_source, "COSTLY_BYTES", 50_000)
    vectors = rows(4000)
    paths = write_shards(tmp_path, vectors, 4, group=10)
    source = open_parquet(paths, None, tmp_path / "cache")
    opened = []
    cursor = parquet_source._Cursor
    monkeypatch.setattr(parquet_source, "_Cursor", lambda path, *rest: opened.append(path) or cursor(path, *rest))
    numbers = sample_rows(4000, 3000, 0)
    np.testing.assert_array_equal(take(source, numbers), vectors[numbers])
    assert opened == paths
    np.testing.assert_array_equal(take(open_parquet(paths, None, tmp_path / "cache"), numbers), vectors[numbers])
    assert opened == paths
    take(source, numbers[:2900], keep=False)
    take(source, numbers[:10])  # which cost little
    (kept,) = (tmp_path / "cache" / "samples").iterdir()
    kept.write_bytes(kept.read_bytes()[:-10])
    np.testing.assert_array_equal(take(source, numbers), vectors[numbers])


def test_samples_of_one_file_are_kept_too(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_source, "COSTLY_BYTES", 0)
    write(tmp_path / "set" / "base.parquet", rows(500))
    for name in ("set", "set/base.parquet"):
        dataset = load_dataset(tmp_path / name, num_queries=5, cache_dir=tmp_path / "cache")
        before = len(list((tmp_path / "cache" / "samples").iterdir()))
        dataset.training_sample(50, seed=before)
        assert len(list((tmp_path / "cache" / "samples").iterdir())) == before + 1


def test_the_index_is_made_once_for_the_same_files(tmp_path, monkeypatch):
    paths = write_shards(tmp_path, rows(90), 3)
    cache = tmp_path / "cache"
    first = open_parquet(paths, None, cache).index
    monkeypatch.setattr("vq_benchmark.datasets.sources.parquet.row_index._made", lambda *_: pytest.fail("made again"))
    again = open_parquet(paths, None, cache).index
    assert (again.column, again.d, again.dtype, again.identity) == (first.column, 6, np.float32, first.identity)
    np.testing.assert_array_equal(again.edges, first.edges)
    monkeypatch.undo()
    write(paths[1], rows(31))
    assert open_parquet(paths, None, cache).n == 91
    for kept in (cache / "row-index").iterdir():
        kept.write_bytes(b"damaged")
    assert open_parquet(paths, None, cache).n == 91


def test_a_cache_that_cannot_be_written_to_is_no_reason_to_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_source, "COSTLY_BYTES", 0)
    (tmp_path / "file").write_text("")
    vectors = rows(2000)
    source = open_parquet(write_shards(tmp_path, vectors, 2, group=10), None, tmp_path / "file")
    np.testing.assert_array_equal(take(source, np.arange(0, 2000, 2)), vectors[::2])


def test_a_source_goes_to_another_process(tmp_path):
    vectors = rows(300)
    source = open_parquet(write_shards(tmp_path, vectors, 3), None)
    source.read(0, 150)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(100, 300), vectors[100:])  # noqa: S301


@pytest.mark.parametrize("place", ["base/{}", "data/train-{}", "train-{}", "{}"])
def test_a_folder_of_shards_is_one_base(tmp_path, place):
    vectors = rows(120)
    parts = np.array_split(vectors, 12)
    for number, part in enumerate(parts):
        write(tmp_path / "set" / f"{place.format(number)}.parquet", part)
    write(tmp_path / "set" / "queries.parquet", rows(5, seed=1))
    dataset = load_dataset(tmp_path / "set", cache_dir=tmp_path / "cache")
    np.testing.assert_array_equal(dataset.base.read(0, 120), vectors)  # 2 comes before 10
    np.testing.assert_array_equal(dataset.queries, rows(5, seed=1))


def test_a_pattern_and_a_list_of_files(tmp_path):
    vectors = rows(120)
    paths = write_shards(tmp_path, vectors, 12)
    assert shards_of_pattern(str(tmp_path / "*.parquet")) == paths == list(files_of_directory(tmp_path).base)
    for given_as in (str(tmp_path / "?*.parquet"), paths, [str(path) for path in paths]):
        dataset = load_dataset(given_as, num_queries=20, cache_dir=tmp_path / "cache")
        assert dataset.n == 100
    assert load_dataset(paths[3:5], num_queries=1, cache_dir=tmp_path / "cache").n == 19


def test_patterns_are_relative_to_where_one_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_shards(tmp_path / "run" / "deep", rows(30), 3)
    for pattern in ("run/deep/*.parquet", "run/*/?.parquet", "*/deep/[0-2].parquet", "run/**/*.parquet"):
        assert [path.name for path in shards_of_pattern(pattern)] == ["0.parquet", "1.parquet", "2.parquet"]
    assert shards_of_pattern("run/deep/0.parquet") == shards_of_pattern("*.npy") == []
    refused(tmp_path, "none/*.parquet", "there is no file 'none/")


def test_the_fingerprint_is_that_of_the_vectors_in_one_file(tmp_path):
    vectors = rows(3000)
    write_shards(tmp_path / "set", vectors, 7, group=100)
    np.save(tmp_path / "a.npy", vectors)
    found = [load_dataset(tmp_path / name, num_queries=9, cache_dir=tmp_path / "c") for name in ("set", "a.npy")]
    assert found[0].fingerprint == found[1].fingerprint
    np.testing.assert_array_equal(found[0].training_sample(500, 3), found[1].training_sample(500, 3))


def refused(tmp_path, given, message, **arguments):
    with pytest.raises(InputError, match=message) as refusal:
        dataset = load_dataset(given, num_queries=1, check=False, cache_dir=tmp_path / "cache", **arguments)
        dataset.base.read(0, dataset.n)
    assert "\n" not in str(refusal.value)


def test_shards_that_do_not_belong_together_are_refused(tmp_path):
    write(tmp_path / "a" / "0.parquet", rows(20))
    write(tmp_path / "a" / "1.parquet", rows(20, d=5))
    refused(tmp_path, tmp_path / "a", r"1.parquet': row 0 of 'emb' has dimension 5, but others have dimension 6")
    write(tmp_path / "a" / "1.parquet", rows(20), column="other")
    refused(tmp_path, tmp_path / "a", r"1.parquet' has no column 'emb' of lists of numbers; it has other")
    (tmp_path / "a" / "1.parquet").write_bytes(b"PAR1")
    refused(tmp_path, tmp_path / "a", r"1.parquet' cannot be read")
    refused(tmp_path, [], "list of files is empty")
    refused(tmp_path, [tmp_path / "x.parquet"], "there is no file '.*x.parquet'")
    refused(tmp_path, [tmp_path / "x.zip"], "no known extension")


def test_shards_may_differ_in_the_type_of_their_numbers(tmp_path):
    parts = [part.astype(dtype) for part, dtype in zip(np.split(rows(60), 3), ("f2", "f4", "f2"), strict=True)]
    paths = [write(tmp_path / f"{number}.parquet", part) for number, part in enumerate(parts)]
    for _ in range(2):  # the second time from the index in the cache
        source = open_parquet(paths, None, tmp_path / "cache")
        assert source.dtype == np.float32
        assert source.notes == (
            "the files of the base differ in type (float16 in 2, float32 in 1); it counts as float32.",
        )
        np.testing.assert_array_equal(source.read(0, 60), np.concatenate([part.astype("f4") for part in parts]))


def test_rows_of_another_dimension_are_named_by_their_number(tmp_path):
    values = rows(50, 3).tolist()
    values[37] = [1.0, 2.0]
    pq.write_table(pa.table({"emb": values}), tmp_path / "a.parquet", row_group_size=10)
    refused(
        tmp_path, tmp_path / "a.parquet", "a.parquet': row 37 of 'emb' has dimension 2, but others have dimension 3"
    )


@pytest.mark.parametrize("kind", ["list", "large_list", "fixed_size_list"])
@pytest.mark.parametrize("value", ["float32", "int8"])
@pytest.mark.parametrize("bad", [0, 37, 49])
def test_missing_rows_and_values_are_nan(tmp_path, kind, value, bad):
    element = pa.from_numpy_dtype(value)
    type_ = {
        "list": pa.list_(element), "large_list": pa.large_list(element), "fixed_size_list": pa.list_(element, 3)
    }[kind]  # fmt: skip
    vectors = (rows(50, 3) * 10).astype(value)
    for missing in (None, [1, None, 2], *([[]] if kind != "fixed_size_list" else [])):
        values = vectors.tolist()
        values[bad] = missing
        column = pa.array(values, type_)
        pq.write_table(pa.table({"emb": column}), tmp_path / "a.parquet", row_group_size=10)
        found = open_parquet([tmp_path / "a.parquet"], "emb").read(0, 50)
        others = np.arange(50) != bad
        np.testing.assert_array_equal(found[others], vectors[others].astype(np.float32))
        np.testing.assert_array_equal(found[bad], [1, np.nan, 2] if missing else [np.nan] * 3)


def test_a_file_of_missing_rows_gets_its_dimension_from_the_next(tmp_path):
    for name, values in (("0", [None] * 3), ("1", [[], [1.0, 2.0]])):
        pq.write_table(pa.table({"emb": pa.array(values, pa.list_(pa.float32()))}), tmp_path / f"{name}.parquet")
    source = open_parquet(sorted(tmp_path.glob("*.parquet")), None)
    np.testing.assert_array_equal(source.read(3, 5), [[np.nan, np.nan], [1, 2]])
    refused(tmp_path, tmp_path / "0.parquet", "every row of '0.parquet' is null or empty, so none of its 3 rows")


PASS = """
import sys, resource
from pathlib import Path
import numpy as np
from vq_benchmark.datasets.sources.parquet.parquet_source import open_parquet
from vq_benchmark.datasets.sources.sampling import sample_rows, take
from vq_benchmark.machine.memory import peak_bytes
source = open_parquet(sorted(Path(sys.argv[1]).glob("*.parquet")), None)
source.read(0, 1)
before = peak_bytes()
take(source, sample_rows(source.n, 500, 0))
for start in range(0, source.n, 4096):
    source.read(start, min(start + 4096, source.n))
print(peak_bytes() - before)
"""


@pytest.mark.parametrize("group", [1000, 60_000])
def test_memory_does_not_grow_with_the_files_or_their_row_groups(tmp_path, group):
    folder = tmp_path / "set"
    for number in range(2):
        write(folder / f"{number}.parquet", rows(60_000, 128, seed=number), group=group)  # 61 MB as float32
    ended = subprocess.run([sys.executable, "-c", PASS, folder], capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 30e6
