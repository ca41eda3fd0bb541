"""Files of vectors, of row numbers, and what lies beside them in a folder."""

import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from target import BASE, IDS, QUERIES, TEST, D, N, Target, content

from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.loading import prepare_dataset
from vq_benchmark.datasets.parts.directory import files_of_directory
from vq_benchmark.datasets.parts.parts import open_parts
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.parquet.row_index import row_index
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.ground_truths.ground_truth_files import load_ids

QRELS = "".join(f"{number % QUERIES} 0 {number} 1\n" for number in range(20))


def prepared(stored: RawDataset, name: str) -> Any:
    dataset = prepare_dataset(name, stored, DataSpec(dataset=name, metric="l2", num_queries=QUERIES))
    first = 0 if dataset.n <= 100 * N else dataset.n - 1
    rows = dataset.base.read(first, dataset.n)
    judged = None if dataset.judgements is None else dataset.judgements.qrels
    return content([rows, dataset.queries, dataset.neighbors, judged])


def read_vectors(path: Path) -> Any:
    return prepared(opening.open_dataset(path), path.name)


def read_all_parts(path: Path) -> Any:
    """The same, of a file with every part: one that is damaged does not refuse the others, but a note names it."""
    stored = opening.open_dataset(path)
    if stored.neighbors is None:
        assert any(each.use is None and each.reason for each in stored.origins)
        raise InputError(f"{path.name}: the neighbours are damaged.")
    return prepared(stored, path.name)


def vectors(extension: str, dtype: str) -> Target:
    def make(path: Path) -> None:
        opening.write_vectors(path, ArraySource(BASE.astype(dtype)), dtype)

    return Target(f"{extension} {dtype}", f"base{extension}", make, read_vectors)


def save_npz(save: Callable[..., None], path: Path) -> None:
    save(path, base=BASE.astype(np.float32), queries=TEST, neighbors=IDS)


def save_safetensors(path: Path) -> None:
    values = BASE.astype("<f4").tobytes() + IDS.astype("<i8").tobytes()
    edge = BASE.size * 4
    header = {
        "base": {"dtype": "F32", "shape": BASE.shape, "data_offsets": (0, edge)},
        "neighbors": {"dtype": "I64", "shape": IDS.shape, "data_offsets": (edge, len(values))},
    }
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + values)


def save_hdf5(path: Path, **how: Any) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["distance"] = "euclidean"
        for name, rows in (("train", BASE.astype(np.float32)), ("test", TEST), ("neighbors", IDS.astype(np.int32))):
            file.create_dataset(name, data=rows, **how, **({"chunks": (4, 3)} if how else {}))


def save_linked_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["group/rows"] = BASE
        layout = h5py.VirtualLayout(BASE.shape, "f8")
        layout[:] = h5py.VirtualSource(".", "/again/rows", BASE.shape)
        file["again"] = h5py.SoftLink("group")
        file.create_virtual_dataset("train", layout)
        file["test"] = h5py.SoftLink("/again/rows")


def save_parquet(path: Path, kind: Callable[..., pa.DataType], **how: Any) -> None:
    column = pa.array([list(row) for row in BASE.astype(np.float32)], type=kind(pa.float32()))
    table = pa.table({"id": pa.array([f"row {number}" for number in range(N)]), "emb": column})
    pq.write_table(table, path, row_group_size=16, **how)


def save_parquet_cells(path: Path, cell: Callable[[Any], Any]) -> None:
    column = [cell(row) for row in BASE.astype(np.float32)]
    pq.write_table(pa.table({"emb": column}), path, row_group_size=16)


def save_arrow(path: Path, new: Callable[..., Any]) -> None:
    table = pa.table({"id": [f"row {number}" for number in range(N)], "emb": list(BASE.astype(np.float32))})
    with pa.OSFile(str(path), "wb") as file, new(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=16)


def save_ids(path: Path) -> None:
    ids = IDS.astype("<i4")
    match path.suffix:
        case ".npy":
            np.save(path, ids)
        case ".npz":
            np.savez_compressed(path, neighbors=ids)
        case ".ibin":
            path.write_bytes(struct.pack("<II", *ids.shape) + ids.tobytes() + bytes(4 * ids.size))
        case ".ivecs":
            np.hstack((np.full((QUERIES, 1), ids.shape[1], "<i4"), ids)).tofile(path)
        case ".parquet":
            pq.write_table(pa.table({"ids": ids.tolist()}), path)
        case _:
            with h5py.File(path, "w") as file:
                file.create_dataset("neighbors", data=ids, chunks=(2, 2), compression="gzip")


def ids(extension: str, read: Callable[[Path], Any], kind: str) -> Target:
    checked = extension == ".npz"
    return Target(f"{kind} {extension}", f"ids{extension}", save_ids, lambda path: content(read(path)), checked)


def folder_with(name: str, text: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        np.save(path.with_name("base.npy"), BASE.astype(np.float32))
        np.save(path.with_name("queries.npy"), TEST)
        assert path.name == name
        path.write_text(text)

    return make


def read_folder(path: Path) -> Any:
    return prepared(open_parts(files_of_directory(path.parent)), "folder")


def make_row_index(path: Path) -> None:
    save_parquet(path.with_name("a.parquet"), pa.list_)
    row_index([path.with_name("a.parquet")], None, path.parent)
    (made,) = path.parent.glob("*.npz")
    made.replace(path)


def read_row_index(path: Path) -> Any:
    parquet = path.with_name("a.parquet")
    identity = row_index([parquet], None).identity
    kept = path.with_name(f"{identity}.npz")
    kept.write_bytes(path.read_bytes())
    return content(row_index([parquet], None, path.parent))


FIXED = partial(save_parquet, kind=lambda each: pa.list_(each, D))
PLAIN = partial(save_parquet, kind=pa.large_list, use_dictionary=False, compression="gzip")

VECTOR_FILES = [
    *(vectors(".npy", dtype) for dtype in ("float32", "float16", "float64", "uint8", "int8")),
    vectors(".fvecs", "float32"),
    vectors(".bvecs", "uint8"),
    vectors(".fbin", "float32"),
    vectors(".u8bin", "uint8"),
    vectors(".i8bin", "int8"),
    vectors(".f16bin", "float16"),
    Target("npz stored", "a.npz", partial(save_npz, np.savez), read_vectors),
    Target("npz deflated", "a.npz", partial(save_npz, np.savez_compressed), read_all_parts, checked=True),
    Target("safetensors", "a.safetensors", save_safetensors, read_vectors),
    Target("hdf5 contiguous", "a.hdf5", save_hdf5, read_vectors),
    Target("hdf5 chunked", "a.hdf5", partial(save_hdf5, shuffle=True), read_vectors),
    Target("hdf5 gzip", "a.hdf5", partial(save_hdf5, compression="gzip"), read_vectors),
    Target("hdf5 links", "a.hdf5", save_linked_hdf5, read_vectors),
    Target("parquet lists", "a.parquet", partial(save_parquet, kind=pa.list_), read_vectors),
    Target("parquet fixed-size lists", "a.parquet", FIXED, read_vectors),
    Target("parquet plain gzip", "a.parquet", PLAIN, read_vectors),
    Target("parquet bytes", "a.parquet", partial(save_parquet_cells, cell=lambda row: row.tobytes()), read_vectors),
    Target(
        "parquet text", "a.parquet", partial(save_parquet_cells, cell=lambda row: str(row.tolist())), read_vectors
    ),
    Target("parquet nested", "a.parquet", partial(save_parquet_cells, cell=lambda row: [row.tolist()]), read_vectors),
    Target("arrow stream", "a.arrow", partial(save_arrow, new=pa.ipc.new_stream), read_vectors),
    Target("arrow file", "a.arrow", partial(save_arrow, new=pa.ipc.new_file), read_vectors),
    Target("index of parquet", "index.npz", make_row_index, read_row_index, checked=True),
    *(ids(each, opening.read_ids, "neighbours") for each in (".npz", ".parquet")),
    *(ids(each, load_ids, "ground truth") for each in (".npy", ".ibin", ".ivecs", ".hdf5")),
    Target("dataset.json", "dataset.json", folder_with("dataset.json", '{"metric": "l2"}'), read_folder, text=True),
    Target("qrels.tsv", "qrels.tsv", folder_with("qrels.tsv", QRELS), read_folder, text=True),
]
