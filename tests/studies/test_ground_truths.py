"""Neighbours from elsewhere: what `--ground-truth-path` takes, what is used of stored ones, and what is said."""

import re
import struct

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flat_options import flat_options

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.studies.ground_truths import obtain_truths

K, N = 5, 300
BASE, QUERIES = (np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32) for seed, n in enumerate((N, 12)))
IDS = np.argsort(((QUERIES[:, None].astype(np.float64) - BASE) ** 2).sum(axis=2), axis=1)[:, :9]
IN_USE = 8


class Said(SilentReporter):
    def __init__(self):
        self.texts = []

    def say(self, text):
        self.texts.append(text)


def obtained(tmp_path, neighbors=None, **measure):
    report = Said()
    data = Dataset("a", ArraySource(BASE), QUERIES[:IN_USE], "l2", neighbors=neighbors, fingerprint="f", files=())
    options = flat_options(tmp_path / "cache", tmp_path / "models", **{"k": K, **measure})
    found = obtain_truths(data, options, 0, N, report)
    np.testing.assert_array_equal(found.queries.ids, IDS[:IN_USE, :K])
    return " ".join(report.texts)


def given(tmp_path, name, write):
    write(tmp_path / name)
    return obtained(tmp_path, ground_truth_path=tmp_path / name)


def save_h5(name, ids=IDS):
    def write(path):
        with h5py.File(path, "w") as file:
            file[name], file["distances"] = ids, np.zeros(ids.shape)

    return write


def big_ann(path):
    path.write_bytes(struct.pack("<II", *IDS.shape) + IDS.astype("<u4").tobytes() + bytes(4 * IDS.size))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("gt.npy", lambda path: np.save(path, IDS)),
        ("floats.npy", lambda path: np.save(path, IDS.astype(np.float32))),
        ("gt.npz", lambda path: np.savez(path, I=IDS, D=np.zeros(IDS.shape))),
        ("named.npz", lambda path: np.savez_compressed(path, neighbors=IDS, tokens=IDS[::-1])),
        ("a.h5", save_h5("neighbors")),
        ("b.hdf5", save_h5("ground_truth")),
        ("c.h5", save_h5("knn_indices")),
        ("a.parquet", lambda path: pq.write_table(pa.table({"id": range(12), "neighbors_id": IDS.tolist()}), path)),
        ("a.ibin", big_ann),
        ("GT_10M", big_ann),
        ("bigann-10M.public", big_ann),
        ("a.ivecs", lambda path: np.hstack((np.full((12, 1), 9), IDS)).astype("<i4").tofile(path)),
        ("padded.npy", lambda path: np.save(path, np.where(np.arange(9) < K, IDS, -1))),
    ],
)
def test_published_layouts(tmp_path, name, write):
    assert f"using the first {IN_USE} of 12 rows" in given(tmp_path, name, write)


@pytest.mark.parametrize("with_last_row", [False, True])
def test_rows_from_one_are_recognised_and_said(tmp_path, with_last_row):
    ids = IDS[:IN_USE] + 1
    if with_last_row:  # the range alone tells
        ids[0, 8] = N
    said = given(tmp_path, "gt.npy", lambda path: np.save(path, ids))
    assert "from 1" in said
    assert "from 1" in given(tmp_path, "gt.npy", lambda path: np.save(path, ids))  # from the cache too


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (IDS[: IN_USE - 1], f"of 7 queries, but {IN_USE} queries; use --num-queries 7"),
        (IDS[:, : K - 1], "has 4 neighbours per query, but 5 are needed; use --k 4"),
        (np.where(np.arange(9) < 3, IDS, -1), "has 3 neighbours per query, but 5"),
        (np.roll(IDS, 1, axis=0), "not the ground truth"),
        (IDS[::-1] + 1, "not the ground truth"),
        (IDS + 0.5, "must be integers"),
    ],
    ids=["rows", "columns", "padded within k", "other queries", "neither from 0 nor 1", "halves"],
)
def test_what_is_given_and_cannot_be_used_is_refused(tmp_path, ids, words):
    with pytest.raises(InputError, match=words):
        given(tmp_path, "gt.npy", lambda path: np.save(path, ids))


@pytest.mark.parametrize(("name", "content"), [("a.txt", b"1 2 3"), ("b", b""), ("c.npz", b"broken"), ("d.h5", b"")])
def test_files_of_another_kind_are_refused_by_name(tmp_path, name, content):
    with pytest.raises(InputError, match=name):
        given(tmp_path, name, lambda path: path.write_bytes(content))


def test_two_matrices_that_could_be_the_neighbours_are_refused(tmp_path):
    with pytest.raises(InputError, match="gt, knn; only one of them"):
        given(tmp_path, "a.npz", lambda path: np.savez(path, gt=IDS, knn=IDS))


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (IDS[:IN_USE], ""),
        (IDS[:IN_USE] + 1, "from 1"),
        (IDS[:IN_USE, :3], "3 of each query can be, but --k is 5; computing exact"),
        (np.roll(IDS[:IN_USE], 1, axis=0), "computing exact neighbours instead"),
        (np.repeat(IDS[:IN_USE, :1], 9, axis=1), "twice .* computing exact neighbours instead"),
    ],
    ids=["good", "from 1", "too few", "of other queries", "repeated"],
)
def test_stored_neighbours_are_used_or_a_sentence_says_why_not(tmp_path, ids, words):
    said = obtained(tmp_path, neighbors=ids)
    assert re.search(words, said) and bool(said) == bool(words)
