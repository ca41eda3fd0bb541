"""HDF5 in the layouts of ann-benchmarks and VIBE: train, test, neighbors, distances, and in VIBE optionally learn.

The `learn` of VIBE comes with `learn_neighbors`: it is a sample of the queries' distribution, which for its sets of
text and images is not that of the base. Quantizers are not trained on it.

The attribute `distance` states the metric. Files of ann-benchmarks that lack it say it at the end of their name, as
in glove-100-angular.hdf5. Their `angular` vectors are not of unit norm, so they are compared by cosine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
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
    require_matrix,
    require_vector_dtype,
)
from vq_benchmark.datasets.formats.hdf5_heaps import require_sound_heaps
from vq_benchmark.datasets.formats.hdf5_links import dataset_at, read_whole, require_stored
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import LeafSource, as_float32
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

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
DAMAGE = (RuntimeError, KeyError, ValueError, TypeError, OverflowError)
"""What h5py raises for damaged files, beside OSError."""


@dataclass(frozen=True)
class Hdf5Source(LeafSource):
    """A matrix in an HDF5 file. The file is opened for each read, so that the source can go to another process."""

    path: Path
    key: str
    n: int
    d: int
    dtype: np.dtype[np.generic]

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.path,)

    def read(self, start: int, stop: int) -> FloatArray:
        with reading(self.path, *DAMAGE), h5py.File(self.path, "r") as file:
            return as_float32(file[self.key][start:stop])


def open_vectors(path: Path, column: str | None) -> Hdf5Source:
    """The data set `column`, or the first of the usual names (`train` and others)."""
    with _opened(path) as file:
        _metric(path, file)
        return _source(path, _base(path, file, column))


def open_dataset(path: Path, column: str | None) -> RawDataset:
    with _opened(path) as file:
        metric = _metric(path, file)
        queries, learn = _first_named(path, file, QUERY_NAMES), _first_named(path, file, LEARN_NAMES)
        notes: tuple[str, ...] = ()
        if learn is not None and QUERY_SAMPLE in file:
            notes = (f"{learn.name.strip('/')!r} is a sample of the queries' distribution and is not trained on.",)
            learn = None
        neighbors = _first_named(path, file, NEIGHBOR_NAMES)
        return RawDataset(
            base=_source(path, _base(path, file, column)),
            queries=None if queries is None else _source(path, queries),
            learn=None if learn is None else _source(path, learn),
            neighbors=None if neighbors is None else as_ids(path, read_whole(path, neighbors)),
            metric=metric,
            notes=notes,
        )


def read_ids(path: Path) -> IdArray:
    with _opened(path) as file:
        neighbors = _first_named(path, file, NEIGHBOR_NAMES)
        if neighbors is None:
            raise InputError(f"{str(path)!r} has no data set named {' or '.join(NEIGHBOR_NAMES)}.")
        return as_ids(path, read_whole(path, neighbors))


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    with reading(path, *DAMAGE):
        require_sound_heaps(path)
        with h5py.File(path, "r") as file:
            yield file


def _base(path: Path, file: h5py.File, column: str | None) -> h5py.Dataset:
    names = BASE_NAMES if column is None else (column,)
    data = _first_named(path, file, names)
    if data is None:
        wanted = " or ".join(repr(name) for name in names)
        raise InputError(f"{str(path)!r} has no data set named {wanted}; it has {', '.join(file) or 'none'}.")
    return data


def _first_named(path: Path, file: h5py.File, names: tuple[str, ...]) -> h5py.Dataset | None:
    found = (dataset_at(path, file, name) for name in names)
    return next((data for data in found if data is not None), None)


def _source(path: Path, data: h5py.Dataset) -> Hdf5Source:
    n, d = require_matrix(path, data.shape)
    require_vector_dtype(path, data.dtype)
    require_stored(path, data)
    return Hdf5Source(path, data.name, n, d, data.dtype)


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
