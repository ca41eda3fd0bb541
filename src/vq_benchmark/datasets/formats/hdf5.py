"""HDF5 in the layouts of ann-benchmarks and VIBE: train, test, neighbors, distances, and in VIBE optionally learn.

The `learn` of VIBE comes with `learn_neighbors`: it is a sample of the queries' distribution, which for its sets of
text and images is not that of the base. Quantizers are not trained on it.

The attribute `distance` states the metric. Files of ann-benchmarks that lack it say it at the end of their name, as
in glove-100-angular.hdf5. Their `angular` vectors are not of unit norm, so they are compared by cosine.
"""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from vq_benchmark.arrays import FloatArray, IdArray
from vq_benchmark.datasets.dataset import Metric
from vq_benchmark.datasets.formats.format import (
    BASE_NAMES,
    LEARN_NAMES,
    NEIGHBOR_NAMES,
    QUERY_NAMES,
    Format,
    as_ids,
    reading,
    require_matrix,
    require_vector_dtype,
)
from vq_benchmark.datasets.source import as_float32
from vq_benchmark.datasets.stored import StoredDataset
from vq_benchmark.errors import InputError

METRIC_OF_DISTANCE: dict[str, Metric] = {
    "euclidean": "l2",
    "angular": "cosine",
    "cosine": "cosine",
    "normalized": "cosine",
    "ip": "ip",
}
QUERY_SAMPLE = "learn_neighbors"
"""A data set that says of `learn` that it is of queries."""
UNSUPPORTED_DISTANCES = ("hamming", "jaccard")


@dataclass(frozen=True)
class Hdf5Source:
    """A matrix in an HDF5 file. The file is opened for each read, so that the source can go to another process."""

    path: Path
    key: str
    n: int
    d: int
    dtype: np.dtype[np.generic]

    def read(self, start: int, stop: int) -> FloatArray:
        with reading(self.path), h5py.File(self.path, "r") as file:
            return as_float32(file[self.key][start:stop])


def open_vectors(path: Path, column: str | None) -> Hdf5Source:
    """The data set `column`, or the first of the usual names (`train` and others)."""
    with reading(path), h5py.File(path, "r") as file:
        _metric(path, file)
        return _source(path, file, _base_key(path, file, column))


def open_dataset(path: Path, column: str | None) -> StoredDataset:
    with reading(path), h5py.File(path, "r") as file:
        metric = _metric(path, file)
        queries, learn = _first_named(file, QUERY_NAMES), _first_named(file, LEARN_NAMES)
        of_queries = learn is not None and QUERY_SAMPLE in file
        neighbors = _first_named(file, NEIGHBOR_NAMES)
        return StoredDataset(
            base=_source(path, file, _base_key(path, file, column)),
            queries=_source(path, file, queries) if queries else None,
            learn=_source(path, file, learn) if learn and not of_queries else None,
            neighbors=as_ids(path, file[neighbors][:]) if neighbors else None,
            metric=metric,
            notes=(f"{learn!r} is a sample of the queries' distribution and is not trained on.",)
            if of_queries
            else (),
        )


def read_ids(path: Path) -> IdArray:
    with reading(path), h5py.File(path, "r") as file:
        neighbors = _first_named(file, NEIGHBOR_NAMES)
        if neighbors is None:
            raise InputError(f"{str(path)!r} has no data set named {' or '.join(NEIGHBOR_NAMES)}.")
        return as_ids(path, file[neighbors][:])


def _base_key(path: Path, file: h5py.File, column: str | None) -> str:
    names = BASE_NAMES if column is None else (column,)
    key = _first_named(file, names)
    if key is None:
        wanted = " or ".join(repr(name) for name in names)
        raise InputError(f"{str(path)!r} has no data set named {wanted}; it has {', '.join(file) or 'none'}.")
    return key


def _first_named(file: h5py.File, names: tuple[str, ...]) -> str | None:
    found = next((name for name in names if isinstance(file.get(name), h5py.Dataset)), None)
    if found is not None:
        _require_inside(file, found)
    return found


def _require_inside(file: h5py.File, key: str) -> None:
    """Refuse a data set whose values are in another file: who made this one could name any file of the reader."""
    data = file[key]
    others = [name for name, *_ in data.external or ()]
    others += [each.file_name for each in data.virtual_sources() if each.file_name != "."] if data.is_virtual else []
    if data.file.filename != file.filename:
        others.append(data.file.filename)
    if others:
        raise InputError(
            f"{str(file.filename)!r} keeps {key!r} in another file, {str(others[0])!r}, which is not read; copy the "
            "values into one file."
        )


def _source(path: Path, file: h5py.File, key: str) -> Hdf5Source:
    data = file[key]
    n, d = require_matrix(path, data.shape)
    require_vector_dtype(path, data.dtype)
    return Hdf5Source(path, key, n, d, data.dtype)


def _metric(path: Path, file: h5py.File) -> Metric | None:
    stated = file.attrs.get("distance", "")
    distance = (stated.decode() if isinstance(stated, bytes) else str(stated)).lower()
    at_end_of_name = path.stem.rsplit("-", 1)[-1].lower()
    if not distance and at_end_of_name in (*METRIC_OF_DISTANCE, *UNSUPPORTED_DISTANCES):
        distance = at_end_of_name
    if not distance:
        return None
    if distance not in METRIC_OF_DISTANCE:
        known = ", ".join(METRIC_OF_DISTANCE)
        raise InputError(f"{str(path)!r} is compared by {distance!r} distance; it can be {known}.")
    return METRIC_OF_DISTANCE[distance]


FORMAT = Format(
    extensions=(".hdf5", ".h5"),
    description="HDF5 of ann-benchmarks or VIBE: train, test, learn, neighbors",
    open_vectors=open_vectors,
    has_columns=True,
    open_dataset=open_dataset,
    read_ids=read_ids,
)
