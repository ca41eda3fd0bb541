"""MS MARCO by its catalog name and from Python, embedded here or elsewhere."""

import numpy as np
import pytest

from vq_benchmark import load_dataset, load_msmarco_dataset
from vq_benchmark.errors import InputError

N = 60


def vectors(n: int, d: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@pytest.fixture
def text(tmp_path):
    """A folder with 60 passages, as the archive holds them, and no vectors."""
    folder = tmp_path / "msmarco"
    folder.mkdir()
    (folder / "collection.tsv").write_text("".join(f"{row}\tpassage {row}\n" for row in range(N)))
    (folder / "queries.dev.small.tsv").write_text("1\tone\n2\ttwo\n")
    (folder / "qrels.dev.small.tsv").write_text("1 0 10 1\n2 0 50 1\n")
    return folder


@pytest.fixture
def embedded(text):
    """The same with what `embed` adds."""
    np.save(text / "base.npy", vectors(N))
    np.save(text / "queries.npy", vectors(2, seed=1))
    (text / "qrels.tsv").write_text("0\t0\t10\t1\n1\t0\t50\t1\n")
    (text / "dataset.json").write_text('{"metric": "ip"}')
    return text


def test_by_name_it_is_in_the_cache(embedded, monkeypatch):
    monkeypatch.setenv("VQ_CACHE_DIR", str(embedded.parent))
    dataset = load_dataset("msmarco")
    assert (dataset.name, dataset.n, dataset.distance) == ("msmarco", N, "ip")
    assert dataset.judgements.qrels.tolist() == [[0, 10, 1], [1, 50, 1]]


def test_passages_with_the_number_of_a_query_stay_in_its_ranking(embedded, monkeypatch):
    monkeypatch.setenv("VQ_CACHE_DIR", str(embedded.parent))
    (embedded / "ids.txt").write_text("".join(f"{row}\n" for row in range(N)))
    (embedded / "query_ids.txt").write_text("1\n2\n")
    assert load_dataset("msmarco").judgements.own_rows is None
    assert load_dataset("msmarco", identical_ids="ignore").judgements.own_rows.tolist() == [1, 2]
    assert load_dataset(embedded).judgements.own_rows is not None


def test_by_name_without_vectors_the_way_to_them_is_told(text, monkeypatch, tmp_path):
    monkeypatch.setenv("VQ_CACHE_DIR", str(text.parent))
    with pytest.raises(InputError, match=r"text of msmarco but no vectors.*vq-benchmark embed"):
        load_dataset("msmarco")
    monkeypatch.setenv("VQ_CACHE_DIR", str(tmp_path / "nothing"))
    with pytest.raises(InputError, match=r"collectionandqueries\.tar\.gz.*vq-benchmark embed"):
        load_dataset("msmarco")


def test_the_first_passages(embedded):
    dataset = load_msmarco_dataset(embedded, max_samples=20)
    assert dataset.n == 20
    assert dataset.judgements.qrels.tolist() == [[0, 10, 1]]
    np.testing.assert_array_equal(dataset.base.read(0, 20), vectors(N)[:20])


@pytest.mark.parametrize("kind", ["array", "file", "name"])
def test_embeddings_made_elsewhere(embedded, tmp_path, kind):
    (embedded / "base.npy").unlink()
    other = vectors(N, seed=7)
    np.save(tmp_path / "other.npy", other)
    given = {"array": other, "file": tmp_path / "other.npy", "name": str(tmp_path / "other.npy")}[kind]
    dataset = load_msmarco_dataset(str(embedded), precomputed_embeddings=given)
    np.testing.assert_array_equal(dataset.base.read(0, N), other)
    assert (dataset.distance, len(dataset.queries), len(dataset.judgements.qrels)) == ("ip", 2, 2)


def test_embeddings_without_vectors_of_queries(text):
    dataset = load_msmarco_dataset(text, precomputed_embeddings=vectors(N))
    assert dataset.judgements is None
    assert (dataset.n, len(dataset.queries)) == (N - N // 10, N // 10)
    assert any("no vectors of judged queries" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("n", "max_samples", "fits"),
    [
        (N, None, True),
        (N, 30, True),
        (40, 40, True),
        (40, 30, True),
        (40, 41, False),
        (40, None, False),
        (N + 1, None, False),
        (N + 1, 30, False),
    ],
)
def test_embeddings_must_be_of_the_passages(text, n, max_samples, fits):
    if fits:
        assert load_msmarco_dataset(text, max_samples, vectors(n)).n + 6 >= (max_samples or n)
    else:
        with pytest.raises(InputError, match=f"{n} embeddings, but {N} passages"):
            load_msmarco_dataset(text, max_samples, vectors(n))


@pytest.mark.parametrize(
    ("given", "word"),
    [(np.zeros(N), "shape"), (np.zeros((N, 2), dtype=complex), "complex"), ("missing.npy", "missing.npy")],
)
def test_embeddings_that_are_none(text, given, word):
    with pytest.raises(InputError, match=word):
        load_msmarco_dataset(text, precomputed_embeddings=given)


def test_queries_of_another_model_are_refused(embedded):
    with pytest.raises(InputError, match="dimension 9, but the queries have 5"):
        load_msmarco_dataset(embedded, precomputed_embeddings=vectors(N, d=9))
