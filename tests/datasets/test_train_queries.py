"""Training queries: taken from a file, an array or the data's own queries, and never test queries."""

from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError

D = 8


def rows(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.save(tmp_path / "base.npy", rows(60, 0))
    np.save(tmp_path / "queries.npy", rows(20, 1))
    return tmp_path


def loaded(folder: Path, **options: object) -> Dataset:
    return load_dataset(folder, metric="ip", **options)


def test_there_are_none_unless_they_are_asked_for(folder: Path) -> None:
    assert loaded(folder).train_queries is None


def test_a_count_takes_the_last_queries_of_the_data(folder: Path) -> None:
    dataset = loaded(folder, train_queries=5)
    np.testing.assert_array_equal(dataset.train_queries, rows(20, 1)[15:])
    np.testing.assert_array_equal(dataset.queries, rows(20, 1)[:15])
    assert "the last 5 of 20 queries are training queries, not test queries." in dataset.notes
    assert dataset.asked["train_queries"] == "5"


def test_a_limit_on_test_queries_leaves_the_training_queries(folder: Path) -> None:
    dataset = loaded(folder, train_queries="5", num_queries=4)
    np.testing.assert_array_equal(dataset.train_queries, rows(20, 1)[15:])
    np.testing.assert_array_equal(dataset.queries, rows(20, 1)[:4])


def test_a_file_or_an_array_is_used_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(folder / "asked.npy", rows(7, 2))
    monkeypatch.chdir(folder)
    of_file = loaded(folder / "base.npy", queries_path="queries.npy", train_queries="asked.npy")
    np.testing.assert_array_equal(of_file.train_queries, rows(7, 2))
    assert len(of_file.queries) == 20
    assert of_file.asked["train_queries"] == str(folder / "asked.npy")
    of_array = load_dataset(rows(60, 0), queries=rows(20, 1), train_queries=rows(7, 2), metric="ip")
    np.testing.assert_array_equal(of_array.train_queries, rows(7, 2))
    assert of_array.asked is None


def test_test_queries_are_left_out(folder: Path) -> None:
    np.save(folder / "asked.npy", np.vstack([rows(7, 2), rows(20, 1)[3:5]]))
    dataset = loaded(folder, train_queries=folder / "asked.npy")
    np.testing.assert_array_equal(dataset.train_queries, rows(7, 2))
    assert "2 of 9 training queries are also test queries; training leaves them out." in dataset.notes
    with pytest.raises(InputError, match="20 of 20 training queries are also test queries, so none is left"):
        loaded(folder, train_queries=folder / "queries.npy")


def test_training_queries_are_not_judged(folder: Path) -> None:
    (folder / "qrels.tsv").write_text("".join(f"{query}\t0\t{query}\t1\n" for query in range(20)))
    dataset = loaded(folder, train_queries=5)
    assert dataset.judgements is not None
    np.testing.assert_array_equal(dataset.judgements.queries, rows(20, 1)[:15])
    np.testing.assert_array_equal(dataset.judgements.qrels[:, 0], np.arange(15))


def test_cosine_makes_them_unit_vectors(folder: Path) -> None:
    dataset = load_dataset(folder, metric="cosine", train_queries=5)
    np.testing.assert_allclose(np.linalg.norm(dataset.train_queries, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(("asked", "reason"), [
    ("0", "--train-queries is 0; of 20 queries it must be 1 to 19"),
    ("20", "--train-queries is 20; of 20 queries it must be 1 to 19"),
    ("missing.npy", "which --train-queries names"),
])  # fmt: skip
def test_what_cannot_be_taken_is_refused(folder: Path, asked: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        loaded(folder, train_queries=asked)


def test_a_count_needs_queries_in_the_data(folder: Path) -> None:
    with pytest.raises(InputError, match="takes queries of the data, which has none"):
        loaded(folder / "base.npy", train_queries=5)


def test_another_dimension_is_refused(folder: Path) -> None:
    np.save(folder / "asked.npy", np.ones((3, D + 1), np.float32))
    with pytest.raises(InputError, match="the base has dimension 8, but the training queries have 9"):
        loaded(folder, train_queries=folder / "asked.npy")
