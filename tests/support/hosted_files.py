"""The files of every hosted data set, small, in the schemas in which their hosts have them."""

import io
import itertools
import struct
from dataclasses import dataclass

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hosting import Host, Hosted

from vq_benchmark.datasets.hosted.big_ann import BigAnnFiles
from vq_benchmark.datasets.hosted.cohere import JudgedHubShards
from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.hosted.hub_file import HubFile
from vq_benchmark.datasets.hosted.hub_shards import HubShards
from vq_benchmark.datasets.hosted.url_file import UrlFile

SHARDS = 3
TRUTH_K = 10


@dataclass(frozen=True)
class Content:
    """The vectors that were put on the host."""

    base: np.ndarray
    queries: np.ndarray | None
    neighbors: np.ndarray | None = None


def host_dataset(host: Host, hosted: HostedDataset, n: int = 60, num_queries: int = 8, seed: int = 0) -> Content:
    """Put the files of a data set on the host, n vectors in all."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(n, hosted.d))
    queries = rng.normal(size=(num_queries, hosted.d))
    if hosted.dtype == "uint8":
        base, queries = (np.clip(rows * 30 + 100, 0, 255) for rows in (base, queries))
    base, queries = base.astype(hosted.dtype), queries.astype(hosted.dtype if hosted.dtype != "float64" else "f4")
    neighbors = nearest(base, queries, hosted.distance)
    match hosted.files:
        case UrlFile(url=url):
            host.put(url, _ann_benchmarks(hosted, base, queries, neighbors))
        case HubFile(repository=repository, path=path):
            host.repository(repository).files[path] = Hosted(_vibe(hosted, base, queries, neighbors))
        case HubShards() as shards:
            _host_shards(host, shards, base, {"_id": [f"<dbpedia:{row}>" for row in range(n)]})
            return Content(base, None)
        case JudgedHubShards(shards=shards, queries=path):
            names = [f"msmarco_v2.1_doc_00_{row // 2}#{row % 2}_{row}" for row in range(n)]
            _host_shards(host, shards, base, {"docid": names}, width=2)
            host.repository(shards.repository).files[path] = Hosted(cohere_queries(queries, neighbors))
        case BigAnnFiles() as files:
            host.put(files.base, big_ann_bytes(base))
            host.put(files.queries, big_ann_bytes(queries))
            for _, url in files.neighbors:
                host.put(url, big_ann_bytes(neighbors.astype("<i4")) + np.zeros(neighbors.shape, "<f4").tobytes())
    return Content(base, queries, neighbors)


def nearest(base: np.ndarray, queries: np.ndarray, metric: str, k: int = TRUTH_K) -> np.ndarray:
    """(q, k) exact neighbours, by brute force."""
    base, queries = base.astype(np.float64), queries.astype(np.float64)
    if metric == "cosine":
        base, queries = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (base, queries))
    scores = queries @ base.T
    if metric == "l2":
        scores = 2 * scores - (base**2).sum(axis=1)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def cohere_queries(queries: np.ndarray, neighbors: np.ndarray) -> bytes:
    """A file of queries, of which the first and the third are judged."""
    qrels: list[list[list[str]]] = [[] for _ in queries]
    qrels[0] = [["msmarco_v2.1_doc_00_3", "2"], ["msmarco_v2.1_doc_00_9", "0"], ["msmarco_v2.1_doc_99_1", "1"]]
    qrels[2] = [["msmarco_v2.1_doc_00_20", "3"]]
    table = pa.table(
        {
            "_id": [f"q{row}" for row in range(len(queries))],
            "text": ["?"] * len(queries),
            "trec-year": [2021] * len(queries),
            "emb": pa.array(queries.astype("f4").tolist(), pa.list_(pa.float32())),
            "top1k_offsets": pa.array(neighbors.tolist(), pa.list_(pa.int64())),
            "top1k_passage_ids": pa.array([["x"]] * len(queries), pa.list_(pa.string())),
            "top1k_cossim": pa.array([[0.5]] * len(queries), pa.list_(pa.float32())),
            "qrels": pa.array(qrels, pa.list_(pa.list_(pa.string()))),
        }
    )
    return _parquet(table)


def _host_shards(
    host: Host, shards: HubShards, base: np.ndarray, names: dict[str, list[str]], width: int = 5
) -> None:
    (column, values), *_ = names.items()
    edges = np.linspace(0, len(base), SHARDS + 1).astype(int)
    value_type = pa.from_numpy_dtype(base.dtype)
    for number, (start, stop) in enumerate(itertools.pairwise(edges.tolist())):
        table = pa.table(
            {
                column: values[start:stop],
                "title": ["t"] * (stop - start),
                "text": ["words"] * (stop - start),
                shards.column: pa.array(base[start:stop].tolist(), pa.list_(value_type)),
            }
        )
        suffix = f"{number:0{width}d}" + ("" if width == 2 else f"-of-{SHARDS:05d}")
        folder, _, pattern = shards.base.rpartition("/")
        name = (
            pattern.replace("*", suffix) if pattern != "*.parquet" else f"msmarco_v2.1_doc_segmented_{suffix}.parquet"
        )
        host.repository(shards.repository).files[f"{folder}/{name}"] = Hosted(_parquet(table))


def _ann_benchmarks(hosted: HostedDataset, base: np.ndarray, queries: np.ndarray, neighbors: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["distance"] = {"l2": "euclidean", "cosine": "angular"}[hosted.distance]
        file.attrs["point_type"] = "float"
        file["train"], file["test"] = base, queries
        file["neighbors"], file["distances"] = neighbors.astype("i4"), np.zeros(neighbors.shape, "f4")
    return buffer.getvalue()


def _vibe(hosted: HostedDataset, base: np.ndarray, queries: np.ndarray, neighbors: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    distance = hosted.name.rsplit("-", 1)[-1]
    if distance == "normalized":
        base, queries = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (base, queries))
    with h5py.File(buffer, "w") as file:
        file.attrs["distance"], file.attrs["dimension"], file.attrs["point_type"] = distance, hosted.d, "float"
        file["train"], file["test"], file["neighbors"] = base, queries, neighbors.astype("i8")
        file["distances"], file["avg_distances"] = np.zeros(neighbors.shape), np.zeros(len(queries))
        if hosted.d == 640:  # sets whose queries are of another distribution come with a sample of it
            file["learn"], file["learn_neighbors"] = queries, neighbors.astype("u4")
    return buffer.getvalue()


def big_ann_bytes(rows: np.ndarray) -> bytes:
    return struct.pack("<II", *rows.shape) + rows.tobytes()


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=7)
    return buffer.getvalue()
