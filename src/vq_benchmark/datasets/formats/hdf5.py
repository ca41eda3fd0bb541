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
from vq_benchmark.datasets.distance_names import named_distance, text_of
from vq_benchmark.datasets.formats.format import Format, require_matrix, vector_type
from vq_benchmark.datasets.formats.hdf5_heaps import require_sound_heaps
from vq_benchmark.datasets.formats.hdf5_links import dataset_at, read_whole, require_stored
from vq_benchmark.datasets.formats.named_arrays import Facts, NamedArrays
from vq_benchmark.datasets.parts.part_names import naming
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

    def facts(self, array: h5py.Dataset) -> Facts:
        return Facts(array.shape or (), array.dtype)

    def not_used(self, name: str) -> str:
        """Why `learn` is not: in the layout of VIBE it is a sample of the queries' distribution."""
        of_queries = naming(name).part == "learn" and QUERY_SAMPLE in self._file
        return "it is a sample of the queries' distribution, not of the base" if of_queries else ""

    def open(self, array: h5py.Dataset) -> Hdf5Source:
        n, d = require_matrix(self.path, array.shape)
        dtype, notes = vector_type(self.path, array.dtype)
        require_stored(self.path, array)
        return Hdf5Source(self.path, array.name, n, d, dtype, notes)

    def load(self, array: h5py.Dataset) -> Array:
        return read_whole(self.path, array)


def open_vectors(path: Path, column: str | None) -> VectorSource:
    """The data set `column`, or the one that is named as a base, such as `train`."""
    with _opened(path) as file:
        return _DataSets(path, file).base(column)


def open_dataset(path: Path, column: str | None) -> RawDataset:
    with _opened(path) as file:
        stated = _stated_distance(path, file)
        distance = named_distance(stated)
        stored = _DataSets(path, file).dataset(column, distance)
        return replace(stored, unknown_distance=None if distance else stated or None)


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
