"""HDF5 in the layouts of ann-benchmarks and VIBE: train, test, neighbors, distances, and in VIBE optionally learn.

The `learn` of VIBE comes with `learn_neighbors`: it is a sample of the queries' distribution, which differs
from that of the base for its sets of text and images. Quantizers are not trained on it.

The attribute `distance` (or `metric`) states the metric. Files of ann-benchmarks without it state the distance at the
end of their name, as in glove-100-angular.hdf5. Their `angular` vectors are not of unit norm, so they are compared by
cosine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from vq_benchmark.arrays import Array, FloatArray, IdArray
from vq_benchmark.datasets.distance_names import distance_named, text_of
from vq_benchmark.datasets.formats.format import Format, require_matrix, vector_type
from vq_benchmark.datasets.formats.hdf5_heaps import require_sound_heaps
from vq_benchmark.datasets.formats.hdf5_links import dataset_at, read_whole, require_stored
from vq_benchmark.datasets.formats.named_arrays import NamedArrays
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.number_types import as_float32
from vq_benchmark.datasets.sources.vector_source import LeafSource, VectorSource
from vq_benchmark.machine.damage import reading

ATTRIBUTES = ("distance", "metric")
ENDS_OF_NAMES = ("euclidean", "angular", "cosine", "normalized", "ip", "hamming", "jaccard")
"""What files without the attribute state by their name; not `dot`: the vectors of lastfm-64-dot are angular."""
QUERY_SAMPLE = "learn_neighbors"
"""If a file has this data set, its `learn` is a sample of queries."""
DAMAGE = (RuntimeError, KeyError, ValueError, TypeError, OverflowError)
"""What h5py raises for damaged files, besides OSError."""


@dataclass(frozen=True)
class Hdf5Source(LeafSource):
    """A matrix in an HDF5 file. The file is opened for each read, so that the source can be pickled."""

    path: Path
    key: str
    n: int
    d: int
    dtype: np.dtype[np.generic]
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.path,)

    def read(self, start: int, stop: int) -> FloatArray:
        with reading(self.path, *DAMAGE), h5py.File(self.path, "r") as file:
            values = file[self.key][start:stop]
        return as_float32(values.view(self.dtype) if self.dtype.names else values, self.path, start)


class _DataSets(NamedArrays[h5py.Dataset]):
    """The data sets of an open file."""

    kind = "data set"

    def __init__(self, path: Path, file: h5py.File) -> None:
        super().__init__(path)
        self._file = file

    def names(self) -> list[str]:
        return list(self._file)

    def get(self, name: str) -> h5py.Dataset | None:
        return dataset_at(self.path, self._file, name)

    def learn(self) -> h5py.Dataset | None:
        """None if `learn` is a sample of the queries' distribution."""
        return None if QUERY_SAMPLE in self._file else super().learn()

    def open(self, array: h5py.Dataset) -> Hdf5Source:
        n, d = require_matrix(self.path, array.shape)
        dtype, notes = vector_type(self.path, array.dtype)
        require_stored(self.path, array)
        return Hdf5Source(self.path, array.name, n, d, dtype, notes)

    def load(self, array: h5py.Dataset) -> Array:
        return read_whole(self.path, array)

    def notes(self) -> tuple[str, ...]:
        """A remark on learn vectors that are not used."""
        unused = super().learn()
        if unused is None or QUERY_SAMPLE not in self._file:
            return ()
        name = unused.name.strip("/")
        return (f"{name!r} is not used for training: it is a sample of the queries' distribution.",)


def open_vectors(path: Path, column: str | None) -> VectorSource:
    """The data set `column`, or the first of the usual names (`train` and others)."""
    with _opened(path) as file:
        return _DataSets(path, file).base(column)


def open_dataset(path: Path, column: str | None) -> RawDataset:
    with _opened(path) as file:
        arrays = _DataSets(path, file)
        stored = arrays.dataset(column)
        stated = _stated_distance(path, file)
        distance = distance_named(stated)
        unknown = None if distance or not stated else stated
        return replace(stored, distance=distance, unknown_distance=unknown, notes=(*stored.notes, *arrays.notes()))


def read_ids(path: Path) -> IdArray:
    with _opened(path) as file:
        return _DataSets(path, file).ids()


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    with reading(path, *DAMAGE):
        require_sound_heaps(path)
        with h5py.File(path, "r") as file:
            yield file


def _stated_distance(path: Path, file: h5py.File) -> str:
    """The distance in the words of the file; "" if it states none."""
    for name in ATTRIBUTES:
        stated = text_of(file.attrs.get(name)).lower()
        if stated:
            return stated
    at_end_of_name = path.stem.rsplit("-", 1)[-1].lower()
    return at_end_of_name if at_end_of_name in ENDS_OF_NAMES else ""


FORMAT = Format(
    extensions=(".hdf5", ".h5"),
    description="HDF5 of ann-benchmarks or VIBE: train, test, learn, neighbors",
    open_vectors=open_vectors,
    has_columns=True,
    open_dataset=open_dataset,
    read_ids=read_ids,
)
