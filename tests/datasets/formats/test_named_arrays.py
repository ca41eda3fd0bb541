"""Containers as people have them: which array is which part, and what becomes of the others."""

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError

BASE, QUERIES, LEARN = (
    np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32) for seed, n in enumerate((60, 9, 20))
)
IDS = np.argsort(((QUERIES[:, None] - BASE) ** 2).sum(axis=2), axis=1)[:, :5]


@pytest.fixture(params=["npz", "h5"])
def container(request, tmp_path):
    """Write arrays to a container; returns its path."""

    def write(**arrays):
        path = tmp_path / f"a.{request.param}"
        if request.param == "npz":
            np.savez(path, **arrays)
            return path
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array.astype("S") if array.dtype.kind == "U" else array
        return path

    return write


@pytest.mark.parametrize(
    "names",
    ["base queries learn neighbors", "train test calibration neighbours", "xb xq xt gt", "xb xq xt ids",
     "base_vectors query_vectors learn_vectors ground_truth", "corpus query xt knn_indices"],
)  # fmt: skip
def test_parts_under_the_names_of_the_field(container, names):
    dataset = load_dataset(container(**dict(zip(names.split(), (BASE, QUERIES, LEARN, IDS), strict=True))))
    np.testing.assert_array_equal(dataset.base.read(0, 60), BASE)
    np.testing.assert_array_equal(dataset.queries, QUERIES)
    np.testing.assert_array_equal(dataset.learn.read(0, 20), LEARN)
    np.testing.assert_array_equal(dataset.neighbors, IDS)
    assert [origin.use for origin in dataset.origins] == ["base", "queries", "learn", "neighbors"]
    assert not any("not used" in note for note in dataset.notes)


@pytest.mark.parametrize("name", ["ids", "indices", "neighbors"])
@pytest.mark.parametrize(
    "content", [np.arange(60), np.array(["a"] * 60), IDS, np.array(3)], ids=["numbers", "strings", "matrix", "one"]
)
def test_identifiers_are_not_neighbours(container, name, content):
    dataset = load_dataset(container(embeddings=BASE, **{name: content}), num_queries=5)
    assert dataset.n == 55 and dataset.neighbors is None
    assert any(f"'{name}' in a." in note and "not used" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("neighbors", "kept"),
    [(IDS.astype(np.float32), 5), (IDS + 1000, 0), (IDS + 0.5, 0), (IDS[:4], 0), (np.vstack([IDS, IDS]), 5),
     (np.where(np.arange(5) < 3, IDS, -1), 3), (np.where(np.arange(5) < 3, IDS, np.nan), 3)],
    ids=["floats", "of a larger base", "halves", "too few", "too many", "padded", "padded with NaN"],
)  # fmt: skip
def test_neighbours_are_used_as_far_as_they_can_be(container, neighbors, kept):
    dataset = load_dataset(container(train=BASE, test=QUERIES, neighbors=neighbors))
    if kept:
        np.testing.assert_array_equal(dataset.neighbors, IDS[:, :kept])
    else:
        assert dataset.neighbors is None
    assert any("neighbours" in note for note in dataset.notes) == (kept != 5)


@pytest.mark.parametrize("names", ["bar foo", "base train", "my_emb your_emb"])
def test_two_possible_bases_are_refused_with_both_names(container, names):
    first, second = names.split()
    path = container(**{first: BASE, second: LEARN})
    with pytest.raises(InputError, match=f"{first}, {second}; only one .*--vector-column"):
        load_dataset(path)
    dataset = load_dataset(path, vector_column=second, num_queries=2)
    assert dataset.n == 18 and any(first in note for note in dataset.notes)


def test_two_sets_of_queries_are_refused_until_queries_are_given(container, tmp_path):
    path = container(base=BASE, query=QUERIES, test=LEARN)
    with pytest.raises(InputError, match=r"query, test; only one .*--queries-path"):
        load_dataset(path)
    np.save(tmp_path / "q.npy", QUERIES)
    assert len(load_dataset(path, queries_path=tmp_path / "q.npy").queries) == 9


def test_errors_name_at_most_ten_arrays(container):
    path = container(**{f"a{letter}": np.arange(3) for letter in "bcdefghijklmn"})
    with pytest.raises(InputError, match=r"ab, .*ak and 3 more"):
        load_dataset(path)


def test_whole_numbers_are_no_rival_of_real_ones(container):
    dataset = load_dataset(container(foo=BASE, tokens=np.arange(120).reshape(60, 2)), num_queries=5)
    assert dataset.d == 4 and any("tokens" in note for note in dataset.notes)


def test_the_only_matrix_is_the_vectors_whatever_its_name(container):
    assert load_dataset(container(queries=BASE), num_queries=5).n == 55


@pytest.mark.parametrize("column", ["neighbors_id", "neighbors", "ids", "whatever"])
def test_neighbours_in_a_column(tmp_path, column):
    pq.write_table(pa.table({"id": np.arange(9), column: IDS.tolist()}), tmp_path / "a.parquet")
    np.testing.assert_array_equal(opening.read_ids(tmp_path / "a.parquet"), IDS)


def test_two_vector_columns_are_refused_and_others_are_named(tmp_path):
    columns = {"id": np.arange(60), "title_emb": BASE.tolist(), "text_emb": BASE.tolist()}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"title_emb, text_emb; only one .*--vector-column"):
        load_dataset(tmp_path / "a.parquet")
    dataset = load_dataset(tmp_path / "a.parquet", vector_column="text_emb", num_queries=5)
    assert any("'title_emb' in a.parquet is not used" in note for note in dataset.notes)
