"""Parts that options name: which column of their files holds them."""

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError

ROWS = np.random.default_rng(0).standard_normal((40, 4)).astype(np.float32)
ASKED = ROWS[:5] + 1


def write(path, **columns):
    match path.suffix:
        case ".parquet":
            pq.write_table(pa.table({name: list(rows) for name, rows in columns.items()}), path)
        case ".h5":
            with h5py.File(path, "w") as file:
                file.update(columns)
        case ".npz":
            np.savez(path, **columns)
        case _:
            np.save(path, next(iter(columns.values())))
    return path


@pytest.fixture
def base(tmp_path):
    """A base of which an option must say which column it is."""
    return write(tmp_path / "two.parquet", title=ROWS * 2, body=ROWS)


@pytest.mark.parametrize("option", ["queries_path", "learn_path"])
@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("a.parquet", {"title": ASKED * 9, "body": ASKED}),  # the column of the base
        ("a.h5", {"title": ASKED * 9, "body": ASKED}),
        ("a.npz", {"body": ASKED, "title": ASKED * 9}),
        ("a.parquet", {"emb": ASKED}),  # its own only candidate
        ("a.h5", {"vectors": ASKED}),
        ("a.npy", {"": ASKED}),  # no columns at all
    ],
)
def test_the_column_of_the_base_counts_where_a_file_has_it(base, tmp_path, option, name, columns):
    given = write(tmp_path / name, **columns)
    dataset = load_dataset(base, vector_column="body", num_queries=5, **{option: given})
    found = dataset.queries if option == "queries_path" else dataset.learn.read(0, 5)
    np.testing.assert_array_equal(found, ASKED)


def test_a_file_with_neither_is_refused_with_what_it_has(base, tmp_path):
    given = write(tmp_path / "a.parquet", one=ASKED, other=ASKED)
    with pytest.raises(InputError, match=r"a\.parquet' has no column 'body' .* it has one, other"):
        load_dataset(base, vector_column="body", queries_path=given)


def test_files_beside_a_base_with_a_column_need_none(tmp_path):
    write(tmp_path / "base.parquet", title=ROWS * 2, body=ROWS)
    write(tmp_path / "queries.npy", asked=ASKED)
    dataset = load_dataset(tmp_path, vector_column="body")
    np.testing.assert_array_equal(dataset.queries, ASKED)
    np.testing.assert_array_equal(dataset.base.read(0, 40), ROWS)
