"""Ground truth on disk, in our layout and those of others, and the search that proposes candidates."""

import struct
from dataclasses import replace

import faiss
import h5py
import numpy as np
import pytest

from vq_benchmark.datasets.checks.unusable_rows import probe_rows
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.datasets.sources.wrappers import UnitNormSource, unit_norm
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import GroundTruths, exact_truths
from vq_benchmark.evaluation.ground_truths.duplicate_queries import duplicate_queries
from vq_benchmark.evaluation.ground_truths.gpu import proposed_neighbors
from vq_benchmark.evaluation.ground_truths.ground_truth import exact_neighbors
from vq_benchmark.evaluation.ground_truths.ground_truth_check import adopted_truths
from vq_benchmark.evaluation.ground_truths.ground_truth_files import Belonging, load_ids, load_truths, save_truths
from vq_benchmark.evaluation.inner_products import squared_norms
from vq_benchmark.evaluation.tiling import Pass

K = 7


def dataset(metric: str = "l2", seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((5000, 12)).astype(np.float32)
    base[100:200] = base[300:400]
    return Dataset("test", ArraySource(base), rng.standard_normal((9, 12)).astype(np.float32), metric)


def belonging(data: Dataset) -> Belonging:
    return Belonging(data.n, data.d, data.distance, "base", "queries", None)


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_our_archive_gives_back_what_was_saved(tmp_path, metric):
    data = dataset(metric)
    ground_truths = exact_truths(data, K)
    save_truths(tmp_path / "gt.npz", ground_truths, belonging(data), squared_norms(data.queries))
    again = load_truths(tmp_path / "gt.npz", belonging(data), K, (0, data.n))
    np.testing.assert_array_equal(again.queries.ids, ground_truths.queries.ids)
    np.testing.assert_array_equal(again.queries.top.scores, ground_truths.queries.top.scores)
    distances = np.load(tmp_path / "gt.npz")["distances"]
    nearest = data.base.array[ground_truths.queries.ids[:, 0]].astype(np.float64)
    expected = ((data.queries - nearest) ** 2).sum(1) if metric == "l2" else (data.queries * nearest).sum(1)
    np.testing.assert_allclose(distances[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"metric": "ip"}, "metric"), ({"n": 4999}, "n"), ({"queries_fingerprint": "x"}, "queries fingerprint"),
     ({"base_fingerprint": "x"}, "base fingerprint"), ({"judged_fingerprint": "x"}, "judged fingerprint")],
)  # fmt: skip
def test_an_archive_of_other_data_is_refused(tmp_path, change, word):
    data = dataset()
    save_truths(tmp_path / "gt.npz", exact_truths(data, K), belonging(data), squared_norms(data.queries))
    other = Belonging(**{**vars(belonging(data)), **change})
    with pytest.raises(InputError, match=f"different data: its {word} is"):
        load_truths(tmp_path / "gt.npz", other, K, (0, data.n))


def test_a_smaller_k_and_damage_are_refused(tmp_path):
    data = dataset()
    path = tmp_path / "gt.npz"
    save_truths(path, exact_truths(data, K), belonging(data), squared_norms(data.queries))
    assert load_truths(path, belonging(data), K - 2, (0, data.n)).queries.ids.shape == (9, K - 2)
    with pytest.raises(InputError, match="use --k 7"):
        load_truths(path, belonging(data), K + 1, (0, data.n))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a readable ground truth"):
        load_truths(path, belonging(data), K, (0, data.n))


def test_bare_files_hold_the_ids(tmp_path):
    data = dataset()
    ground_truths = exact_truths(data, K)
    ids = ground_truths.queries.ids
    for extension in (".ibin", ".ivecs"):
        save_truths(tmp_path / f"gt{extension}", ground_truths, belonging(data), squared_norms(data.queries))
    np.save(tmp_path / "gt.npy", ids.astype(np.int32))
    (tmp_path / "ids-only.ibin").write_bytes(struct.pack("<II", *ids.shape) + ids.astype("<i4").tobytes())
    with h5py.File(tmp_path / "gt.hdf5", "w") as file:
        file["neighbors"] = ids.astype(np.int32)
    for path in tmp_path.iterdir():
        np.testing.assert_array_equal(load_ids(path), ids, err_msg=path.name)


@pytest.mark.parametrize("name", ["a.ibin", "a.ivecs", "a.npy", "a.hdf5", "a.txt"])
def test_bare_files_that_are_no_ids_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x05\0\0\0nonsense")
    with pytest.raises(InputError, match=name):
        load_ids(tmp_path / name)


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_neighbours_of_faiss_are_adopted_in_our_order(metric):
    data = dataset(metric)
    faiss_metric = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
    _, ids = faiss.knn(data.queries, data.base.array, 50, faiss_metric)
    ours = exact_neighbors(data.base, data.queries, data.distance, 50)
    adopted = adopted_truths(ids.astype(np.int64), data, 50, "faiss").queries
    np.testing.assert_array_equal(adopted.ids[:, :40], ours.ids[:, :40])
    np.testing.assert_allclose(adopted.top.scores, ours.top.scores, rtol=1e-6)


def test_neighbours_under_another_metric_are_not_adopted():
    data = dataset("l2")
    wrong = exact_neighbors(data.base, data.queries, "ip", 50).ids
    with pytest.raises(InputError, match="not the ground truth"):
        adopted_truths(wrong, data, 50, "the file")


def test_neighbours_of_a_prefix_are_not_adopted():
    data = dataset("l2")
    prefix = exact_neighbors(data.base, data.queries, "l2", 50, Pass(stop=2500)).ids
    with pytest.raises(InputError, match="is nearer to a query"):
        adopted_truths(prefix, data, 50, "the file")


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_neighbours_that_lack_a_row_are_found_out_by_searching_again(metric):
    data = dataset(metric)
    ids = exact_neighbors(data.base, data.queries, metric, 51).ids
    unseen = np.setdiff1d(ids[0, :50], probe_rows(data.n))  # rows that the cheap check does not look at
    without = np.array([row[row != unseen[0]][:50] for row in ids])
    with pytest.raises(InputError, match=r"row \d+ is nearer to query 0 than the listed neighbour number"):
        adopted_truths(without, data, 50, "the file")


def test_queries_that_are_rows_of_the_base_are_counted():
    data = dataset("l2")
    queries = data.queries.copy()
    queries[[1, 4]] = data.base.read(17, 19)
    for metric, expected in (("l2", 2), ("ip", None)):
        repeated = replace(data, queries=queries, distance=metric)
        truth = exact_neighbors(repeated.base, queries, metric, 5)
        assert duplicate_queries(repeated, truth) == expected
    unit = replace(data, queries=unit_norm(queries), base=UnitNormSource(data.base), distance="cosine")
    assert duplicate_queries(unit, exact_neighbors(unit.base, unit.queries, "cosine", 5)) == 2


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_proposed_candidates_give_the_exact_neighbours(metric):
    data = dataset(metric)

    def search(queries, vectors, k, faiss_metric):
        return faiss.knn(queries, vectors, k, faiss_metric)

    found = proposed_neighbors(search, data.base, data.queries, data.distance, K)
    np.testing.assert_array_equal(found.ids, exact_neighbors(data.base, data.queries, data.distance, K).ids)


def test_truths_of_queries_and_of_judged_queries_are_kept_apart(tmp_path):
    data = dataset()
    one, other = exact_neighbors(data.base, data.queries, "l2", K), exact_neighbors(data.base, -data.queries, "l2", K)
    save_truths(tmp_path / "gt.npz", GroundTruths(one, other), belonging(data), squared_norms(data.queries))
    again = load_truths(tmp_path / "gt.npz", belonging(data), K, (0, data.n))
    np.testing.assert_array_equal(again.queries.ids, one.ids)
    assert again.judged is not None
    np.testing.assert_array_equal(again.judged.ids, other.ids)
