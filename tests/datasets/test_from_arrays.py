"""Data sets of arrays: the same as of files that hold them, and every refusal."""

import numpy as np
import pytest

from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError

ROWS = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
QUERIES = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)


def test_an_array_is_the_same_data_set_as_its_file(tmp_path):
    for name, array in (("base", ROWS), ("queries", QUERIES)):
        np.save(tmp_path / f"{name}.npy", array)
    made = load_dataset(ROWS, queries=QUERIES, distance="cosine", name="mine")
    read = load_dataset(tmp_path / "base.npy", queries=tmp_path / "queries.npy", metric="cosine")
    assert (made.name, read.name) == ("mine", "base.npy")
    assert made.fingerprint == read.fingerprint
    np.testing.assert_array_equal(made.base.read(0, 60), read.base.read(0, 60))
    np.testing.assert_array_equal(made.queries, read.queries)
    assert repr(made) == "<Dataset 'mine': 60 vectors × 6 dimensions, cosine, 5 queries>"


def test_an_array_is_not_copied_and_may_be_what_numpy_reads():
    assert np.shares_memory(load_dataset(ROWS, queries=QUERIES).base.array, ROWS)
    assert load_dataset(ROWS.tolist(), num_queries=6).n == 54
    assert load_dataset(list(ROWS.astype(np.float16)), queries=QUERIES.tolist()).n == 60


@pytest.mark.parametrize(
    ("base", "options", "said"),
    [
        (ROWS[0], {}, r"the base array has shape \(6,\); vectors need the shape \(n, d\)"),
        (ROWS.astype(int), {}, "the base array holds int64 values; convert it to one of float32"),
        ([[1.0], [2.0, 3.0]], {}, "the base vectors cannot be read as an array"),
        (ROWS[:0], {}, "'array' is empty"),
        (ROWS, {"queries": QUERIES[:, :3]}, "the base has dimension 6, but the queries have 3"),
        (ROWS, {"queries": QUERIES[0]}, r"the query array has shape \(6,\)"),
        (ROWS, {"vector_column": "emb"}, "an array has no columns"),
        (ROWS * np.nan, {}, "NaN"),
        (ROWS, {"distance": "hamming"}, "metric is 'hamming'; it must be"),
    ],
)
def test_what_cannot_be_used_is_refused(base, options, said):
    with pytest.raises(InputError, match=said):
        load_dataset(base, **options)
