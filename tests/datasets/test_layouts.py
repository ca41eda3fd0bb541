"""Where `inspect` says that each part comes from, for the layouts in which people have vectors: one table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vq_benchmark.cli.inspect import described
from vq_benchmark.datasets.inspection import inspect_dataset
from vq_benchmark.datasets.loading import load_dataset

N, D, Q = 120, 6, 10
RNG = np.random.default_rng(7)
BASE, QUERIES = RNG.standard_normal((N, D), dtype=np.float32), RNG.standard_normal((Q, D), dtype=np.float32)
NEAREST = np.argsort(((QUERIES[:, None] - BASE[None]) ** 2).sum(axis=2), axis=1)[:, :5].astype(np.int32)
HELD_OUT = f"5 of {N} rows held out by seed 0"


@dataclass(frozen=True)
class Layout:
    make: Callable[[Path], object]
    """Writes it to an empty folder."""
    parts: Mapping[str, str]
    """By part, what `inspect` says it comes from."""
    named: tuple[str, ...] = ()
    """Words of notes: what is not used, or what is odd."""
    at: str = ""
    """The data set in that folder, if it is not the folder itself."""
    options: Mapping[str, object] = field(default_factory=dict)


def table(path, **columns):
    pq.write_table(pa.table({name: pa.array(list(column)) for name, column in columns.items()}), path)


def binary(path, rows):
    path.write_bytes(np.array(rows.shape, "<u4").tobytes() + np.ascontiguousarray(rows).tobytes())


def container(path, **arrays):
    with h5py.File(path, "w") as file:
        file.update(arrays)
        file.attrs["distance"] = "euclidean"


def vectordbbench(to):
    table(to / "train.parquet", id=range(N), emb=BASE)
    table(to / "shuffle_train.parquet", id=range(N), emb=BASE[::-1])
    table(to / "test.parquet", id=range(Q), emb=QUERIES)


def vectordbbench_with_neighbors(to):
    table(to / "train.parquet", id=range(N), emb=BASE)
    table(to / "test.parquet", id=range(Q), emb=QUERIES)
    table(to / "neighbors.parquet", id=range(Q), neighbors_id=NEAREST)


def cuvs(to):
    for name, rows in (("base", BASE), ("query", QUERIES), ("groundtruth.distances", NEAREST.astype(np.float32))):
        binary(to / f"{name}.fbin", rows)
    binary(to / "groundtruth.neighbors.ibin", NEAREST)


def texmex(to):
    for name, rows in (("base", BASE), ("query", QUERIES), ("learn", BASE * 2), ("groundtruth", NEAREST)):
        lengths = np.full((len(rows), 1), rows.shape[1], "<i4").view(rows.dtype)
        path = to / f"sift_{name}.{'ivecs' if name == 'groundtruth' else 'fvecs'}"
        path.write_bytes(np.concatenate([lengths, rows], axis=1).tobytes())


def padded_neighbors(to):
    few = NEAREST.copy()
    few[3, 2:] = -1
    container(to / "within_k-16-euclidean.hdf5", train=BASE, test=QUERIES, neighbors=few, distances=NEAREST * 1.0)


def shards(to):
    for number, rows in enumerate(np.split(BASE.astype(np.float16), 12)):
        np.save(to / f"img_emb_{number}.npy", rows)


def null_first(to):
    table(to / "null.parquet", embedding=[None, *BASE[1:]])


def judged(to):
    np.save(to / "base.npy", BASE)
    np.save(to / "queries.npy", QUERIES)
    (to / "qrels.tsv").write_text("0\t0\t5\t1.0\n1\t0\t7\t2.0\n")


def save_to_disk(to):
    held = pa.table({"text": ["x"] * N, "embeddings": pa.array(list(BASE))})
    with pa.OSFile(str(to / "data-00000-of-00001.arrow"), "wb") as file, pa.ipc.new_stream(file, held.schema) as out:
        out.write_table(held)
    (to / "state.json").write_text('{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}')
    (to / "dataset_info.json").write_text("{}")


def hub_export(to):
    (to / "data").mkdir()
    for number, rows in enumerate(np.split(BASE, 2)):
        table(to / "data" / f"train-0000{number}-of-00002.parquet", emb=rows)
    table(to / "data" / "test-00000-of-00001.parquet", emb=QUERIES)
    (to / "README.md").write_text("# Vectors")


def bfloat16(to):
    np.save(to / "bf16.npy", (BASE.view(np.uint32) >> 16).astype(np.uint16).view("V2"))


def integer_lists(to):
    table(to / "int64.parquet", text=["x"] * N, emb_int8=np.rint(BASE * 30).astype(np.int64))


LAYOUTS = {
    "VectorDBBench": Layout(
        vectordbbench,
        {"base": "'emb' in train.parquet", "queries": "test.parquet"},
        ("shuffle_train.parquet is not used",),
    ),
    "VectorDBBench, neighbors_id": Layout(
        vectordbbench_with_neighbors,
        {"base": "'emb' in train.parquet", "queries": "test.parquet", "neighbours": "neighbors.parquet"},
    ),
    "cuVS": Layout(
        cuvs,
        {"base": "base.fbin", "queries": "query.fbin", "neighbours": "groundtruth.neighbors.ibin"},
        ("groundtruth.distances.fbin is not used: distances are computed",),
    ),
    "TEXMEX": Layout(
        texmex,
        {
            "base": "sift_base.fvecs",
            "queries": "sift_query.fvecs",
            "training vectors": "sift_learn.fvecs",
            "neighbours": "sift_groundtruth.ivecs",
        },
    ),
    ".npz with names of documents": Layout(
        lambda to: np.savez(to / "emb.npz", ids=[f"doc-{row}" for row in range(N)], embeddings=BASE),
        {"base": "'embeddings' in emb.npz", "queries": HELD_OUT},
        ("'ids' in emb.npz is not used",),
        at="emb.npz",
        options={"num_queries": 5},
    ),
    "HDF5 with numbers of documents": Layout(
        lambda to: container(to / "emb.h5", ids=np.arange(N), embeddings=BASE),
        {"base": "'embeddings' in emb.h5", "queries": HELD_OUT},
        ("'ids' in emb.h5 is not used",),
        at="emb.h5",
        options={"num_queries": 5},
    ),
    "ann-benchmarks, padded neighbours": Layout(
        padded_neighbors,
        {
            "base": "'train' in within_k-16-euclidean.hdf5",
            "queries": "'test' in within_k-16-euclidean.hdf5",
            "neighbours": "'neighbors' in within_k-16-euclidean.hdf5",
        },
        ("'distances' in within_k-16-euclidean.hdf5 is not used", "not used beyond rank 2: query 3 lists row -1"),
        at="within_k-16-euclidean.hdf5",
    ),
    "shards of .npy": Layout(
        shards,
        {"base": "img_emb_0.npy to img_emb_11.npy (12 files)", "queries": HELD_OUT},
        options={"num_queries": 5},
    ),
    "a pattern": Layout(
        shards,
        {"base": "img_emb_0.npy to img_emb_11.npy (12 files)", "queries": HELD_OUT},
        at="img_emb_*.npy",
        options={"num_queries": 5},
    ),
    "parquet, null first": Layout(
        null_first,
        {"base": "'embedding' in null.parquet", "queries": HELD_OUT},
        at="null.parquet",
        options={"num_queries": 5},
    ),
    "parquet, lists of int64": Layout(
        integer_lists,
        {"base": "'emb_int8' in int64.parquet", "queries": HELD_OUT},
        at="int64.parquet",
        options={"num_queries": 5, "vector_column": "emb_int8"},
    ),
    "judgements": Layout(judged, {"base": "base.npy", "queries": "queries.npy", "judgements": "qrels.tsv"}),
    "bfloat16": Layout(
        bfloat16,
        {"base": "bf16.npy", "queries": HELD_OUT},
        ("they are read as bfloat16",),
        at="bf16.npy",
        options={"num_queries": 5},
    ),
    "save_to_disk": Layout(
        save_to_disk,
        {"base": "'embeddings' in data-00000-of-00001.arrow", "queries": HELD_OUT},
        options={"num_queries": 5},
    ),
    "export of Hugging Face": Layout(
        hub_export,
        {
            "base": "'emb' in train-00000-of-00002.parquet to train-00001-of-00002.parquet (2 files)",
            "queries": "data/test-00000-of-00001.parquet",
        },
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_inspect_says_where_each_part_comes_from(tmp_path, monkeypatch, name):
    monkeypatch.setenv("VQ_CACHE_DIR", str(tmp_path / "cache"))
    layout, folder = LAYOUTS[name], tmp_path / "set"
    folder.mkdir()
    layout.make(folder)
    dataset = load_dataset(str(folder / layout.at), check=False, **layout.options)
    lines = described(inspect_dataset(dataset))
    found = {label.removesuffix(" from"): value for label, value in lines if label.endswith(" from")}
    description = found.pop("description", None)
    assert found == layout.parts, description
    notes = " ".join(value for label, value in lines if label == "note")
    for words in layout.named:
        assert words in notes
    assert dataset.n == N - (5 if "held out" in layout.parts["queries"] else 0)
    unexplained = [origin for origin in dataset.origins if origin.use is None and origin.name not in notes]
    assert not unexplained
