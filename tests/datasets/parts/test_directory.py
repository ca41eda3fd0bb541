"""Folders as people have them: every file is a part, or a note says why it is not."""

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError

BASE, QUERIES, LEARN = (
    np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32) for seed, n in enumerate((60, 9, 20))
)
IDS = np.argsort(((QUERIES[:, None] - BASE) ** 2).sum(axis=2), axis=1)[:, :5]
CONTENT = {"base": BASE, "queries": QUERIES, "learn": LEARN, "neighbors": IDS}


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, rows)
    elif path.suffix in (".ibin", ".ivecs"):
        rows = rows.astype("<i4")
        header = np.array(rows.shape, "<u4") if path.suffix == ".ibin" else np.empty(0, "<u4")
        lengths = np.full((len(rows), 1 if path.suffix == ".ivecs" else 0), rows.shape[1], "<i4")
        path.write_bytes(header.tobytes() + np.hstack((lengths, rows)).tobytes())
    elif path.suffix == ".parquet":
        column = "neighbors_id" if rows.dtype.kind == "i" else "emb"
        pq.write_table(pa.table({"id": np.arange(len(rows)), column: rows.tolist()}), path)
    else:
        opening.write_vectors(path, ArraySource(rows), "float32")


def fill(where, **files):
    for name, content in files.items():
        part, _, stem = name.partition("__")
        write(where / content, CONTENT[part])
        assert stem is not None
    return where


def uses(dataset):
    return {origin.name: origin.use for origin in dataset.origins}


def notes(dataset):
    return " ".join(dataset.notes)


LAYOUTS = {
    "cuvs": ("base.fbin", "query.fbin", None, "groundtruth.neighbors.ibin"),
    "texmex": ("sift_base.fvecs", "sift_query.fvecs", "sift_learn.fvecs", "sift_groundtruth.ivecs"),
    "vectordbbench": ("train.parquet", "test.parquet", None, "neighbors.parquet"),
    "faiss": ("xb.npy", "xq.npy", "xt.npy", "gt.npy"),
    "huggingface": ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet", None, None),
    "retrieval": ("corpus.npy", "eval.npy", "calibration.npy", "knn.npy"),
    "embeddings": ("passage_embeddings.npy", "query_embeddings.npy", None, "ground_truth.npy"),
    "big-ann": ("base.10M.fbin", "query.public.10K.fbin", None, "groundtruth.public.10K.ibin"),
    "folders": ("base/part-0.npy", "queries/part-0.npy", "learn/part-0.npy", "neighbors/part-0.npy"),
    "unnamed": ("glove.npy", "queries.npy", None, None),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path, layout):
    named = dict(zip(CONTENT, LAYOUTS[layout], strict=True))
    for part, name in named.items():
        if name is not None:
            write(tmp_path / name, CONTENT[part])
    dataset = load_dataset(tmp_path, cache_dir=tmp_path / ".cache", metric="l2")
    np.testing.assert_array_equal(dataset.base.read(0, dataset.n), BASE)
    np.testing.assert_array_equal(dataset.queries, QUERIES)
    assert (dataset.learn is not None) == (named["learn"] is not None)
    if named["neighbors"] is None:
        assert dataset.neighbors is None
    else:
        np.testing.assert_array_equal(dataset.neighbors, IDS)
    found = {origin.use: origin.name.removeprefix("'emb' in ").rpartition("/")[2] for origin in dataset.origins}
    assert found == {part: name.rpartition("/")[2] for part, name in named.items() if name is not None}
    assert dataset.notes == ()


def test_a_shuffled_copy_of_the_base_is_not_used(tmp_path):
    for name in ("train.parquet", "shuffle_train.parquet"):
        write(tmp_path / name, BASE if name[0] == "t" else BASE[::-1])
    write(tmp_path / "test.parquet", QUERIES)
    dataset = load_dataset(tmp_path, cache_dir=tmp_path / ".cache")
    assert (dataset.n, len(dataset.queries)) == (60, 9)
    assert "shuffle_train.parquet is not used: train.parquet holds the base vectors." in dataset.notes


@pytest.mark.parametrize(
    ("names", "option", "part"),
    [
        (["base.npy", "train.npy"], "--base-path", "base"),
        (["base.npy", "base.fbin"], "--base-path", "base"),
        (["sift_base.fvecs", "gist_base.fvecs"], "--base-path", "base"),
        (["base.10M.fbin", "base.1M.fbin"], "--base-path", "base"),
        (["a.npy", "b.npy"], "--base-path", "base"),
        (["img_emb/0.npy", "text_emb/0.npy"], "--base-path", "base"),
        (["queries.npy", "test.npy"], "--queries-path", "queries"),
        (["query.public.100K.fbin", "query.heldout.30K.fbin"], "--queries-path", "queries"),
        (["learn.npy", "calibration.npy"], "--learn-path", "learn"),
    ],
)
def test_two_candidates_are_refused_and_an_option_decides(tmp_path, names, option, part):
    data = tmp_path / "data"
    for each in {"base", "queries"} - {part}:
        write(data / f"{each}.npy", CONTENT[each])
    for number, name in enumerate(names):
        write(data / name, CONTENT[part][number:])
    with pytest.raises(InputError, match=option) as refusal:
        load_dataset(data)
    assert all(name in str(refusal.value) for name in names)
    chosen = {option.strip("-").replace("-", "_"): data / names[1]}
    dataset = load_dataset(data, **chosen)
    found = {"base": dataset.base.read(0, dataset.n), "queries": dataset.queries}
    found["learn"] = None if dataset.learn is None else dataset.learn.read(0, dataset.learn.n)
    np.testing.assert_array_equal(found[part], CONTENT[part][1:])
    assert names[0] in notes(dataset) and option in notes(dataset)
    assert names[1] not in notes(dataset).replace(names[0], "")


def test_two_files_of_neighbours_are_named_and_neither_is_used(tmp_path):
    fill(tmp_path, base="base.npy", queries="queries.npy", neighbors="neighbors.npy", neighbors__2="gt.ivecs")
    dataset = load_dataset(tmp_path)
    assert dataset.neighbors is None
    assert all(word in notes(dataset) for word in ("neighbors.npy", "gt.ivecs", "--ground-truth-path"))


@pytest.mark.parametrize("name", ["ids.npy", "neighbors.npy", "learn.npy"])
@pytest.mark.parametrize(
    "content",
    [np.arange(60), np.array([f"doc {number}" for number in range(60)]), np.array([[b"x"]]), LEARN[:, :3], b"broken"],
    ids=["numbers", "strings", "bytes", "other d", "damage"],
)
def test_side_parts_never_refuse_the_vectors(tmp_path, name, content):
    fill(tmp_path, base="base.npy", queries="queries.npy")
    (tmp_path / name).write_bytes(content) if isinstance(content, bytes) else np.save(tmp_path / name, content)
    dataset = load_dataset(tmp_path)
    assert dataset.neighbors is None and dataset.learn is None
    assert uses(dataset)[name] is None and sum("are dropped: " in note for note in dataset.notes) == 1


def test_what_is_named_by_an_option_must_be_usable(tmp_path):
    fill(tmp_path, base="base.npy", queries="queries.npy")
    np.save(tmp_path / "other.npy", LEARN[:, :3])
    with pytest.raises(InputError, match="learn vectors have 3"):
        load_dataset(tmp_path / "base.npy", learn_path=tmp_path / "other.npy")
    with pytest.raises(InputError, match=r"no file .*absent.npy.*--base-path"):
        load_dataset(tmp_path, base_path=tmp_path / "absent.npy")
    with pytest.raises(InputError, match="--base-path applies to files and folders"):
        load_dataset("sample", base_path=tmp_path / "base.npy")


def test_every_file_is_used_or_named_with_the_reason(tmp_path):
    fill(tmp_path, base="train.npy", queries="test.npy", base__2="other/a.npy", base__3="base/.hidden.npy")
    for name in ("distances.npy", "train_labels.npy", "val.npy", "foo.npy"):
        np.save(tmp_path / name, BASE)
    for name in ("README.md", "LICENSE", "state.json", "ids.txt", "vectors.xyz", "x_qrels.tsv"):
        (tmp_path / name).write_text("{}")
    dataset = load_dataset(tmp_path)
    used = {name for name, use in uses(dataset).items() if use is not None}
    assert used == {"train.npy", "test.npy", "README.md", "LICENSE", "state.json", "ids.txt"}
    assert dataset.n == 60 and len(dataset.queries) == 9
    said = notes(dataset)
    for name in ("other/", "distances.npy", "train_labels.npy", "val.npy", "foo.npy", "vectors.xyz", "x_qrels.tsv"):
        assert name in said and name in uses(dataset)
    assert "--queries-path" in said and "x_queries" in said


def test_a_long_list_is_cut_after_ten_names(tmp_path):
    fill(tmp_path, base="base.npy", queries="queries.npy")
    for letter in "abcdefghijklm":
        np.save(tmp_path / f"{letter}.npy", BASE)
    (note,) = (note for note in load_dataset(tmp_path).notes if "a.npy" in note)
    assert "j.npy and 3 more are not used" in note


@pytest.mark.parametrize("pattern", ["*.parquet", "data/t*.parquet", "*train.parquet"])
def test_a_pattern_of_different_parts_is_refused(tmp_path, pattern):
    for name in ("train.parquet", "shuffle_train.parquet", "test.parquet", "data/train.parquet", "data/test.parquet"):
        write(tmp_path / name, BASE)
    with pytest.raises(InputError, match=r"different parts, .*train.parquet.*narrow the pattern"):
        load_dataset(str(tmp_path / pattern))


def test_shards_of_any_part_are_read_in_order(tmp_path):
    for number in range(12):
        write(tmp_path / f"data/train-{number}.parquet", BASE[5 * number : 5 * number + 5])
    for number in range(3):
        write(tmp_path / f"data/test-{number}.parquet", QUERIES[3 * number : 3 * number + 3])
    dataset = load_dataset(tmp_path, cache_dir=tmp_path / ".cache")
    np.testing.assert_array_equal(dataset.base.read(0, 60), BASE)
    np.testing.assert_array_equal(dataset.queries, QUERIES)
    assert "data/test-0.parquet to test-2.parquet (3 files)" in uses(dataset)


def test_a_folder_with_one_container(tmp_path):
    with h5py.File(tmp_path / "sift-4-euclidean.hdf5", "w") as file:
        file["train"], file["test"] = BASE, QUERIES
    dataset = load_dataset(tmp_path)
    np.testing.assert_array_equal(dataset.queries, QUERIES)
    assert uses(dataset)["'test' in sift-4-euclidean.hdf5"] == "queries"


@pytest.mark.parametrize("given_as", ["file", "folder", "pattern"])
def test_queries_and_training_vectors_from_elsewhere(tmp_path, given_as):
    for part in ("queries", "learn"):
        write(tmp_path / f"{part}-set" / "0.parquet", CONTENT[part])
    write(tmp_path / "vectors.npy", BASE)
    name = {"file": "/0.parquet", "folder": "", "pattern": "/*.parquet"}[given_as]
    paths = {f"{part}_path": f"{tmp_path}/{part}-set{name}" for part in ("queries", "learn")}
    dataset = load_dataset(tmp_path / "vectors.npy", **paths)
    np.testing.assert_array_equal(dataset.queries, QUERIES)
    np.testing.assert_array_equal(dataset.learn.read(0, 20), LEARN)
    assert sorted(origin.use for origin in dataset.origins) == ["base", "learn", "queries"]


NAMES = ["base", "train", "test", "query", "my_base", "foo", "labels", "gt"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(st.sampled_from(NAMES), min_size=1))
def test_no_query_becomes_a_base_vector(tmp_path_factory, names):
    where = tmp_path_factory.mktemp("any")
    for number, name in enumerate(sorted(names)):
        np.save(where / f"{name}.npy", np.full((12, 4), number, np.float32) + BASE[:12] / 100)
    try:
        dataset = load_dataset(where, num_queries=3)
    except InputError as refusal:
        assert "--base-path" in str(refusal) or "--queries-path" in str(refusal)
        return
    values = np.unique(np.rint(dataset.base.read(0, dataset.n)))
    assert len(values) == 1 and sorted(names)[int(values[0])] in ("base", "train", "my_base", "foo")
    assert {name.removesuffix(".npy") for name in uses(dataset)} >= names


@pytest.mark.parametrize("folder", ["train", "other"])
def test_a_folder_of_files_can_be_the_base(tmp_path, folder):
    for name in ("train", "other"):
        for number, rows in enumerate(np.array_split(BASE if name == folder else LEARN, 3)):
            write(tmp_path / name / f"part-{number}.npy", rows)
    write(tmp_path / "test" / "part-0.npy", QUERIES)
    dataset = load_dataset(tmp_path, metric="l2", base_path=tmp_path / folder)
    np.testing.assert_array_equal(dataset.base.read(0, dataset.n), BASE)
    np.testing.assert_array_equal(dataset.queries, QUERIES)
    assert uses(dataset)[f"{folder}/part-0.npy to part-2.npy (3 files)"] == "base"
