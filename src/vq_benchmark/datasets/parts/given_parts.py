"""Parts of a data set that the user names: queries and vectors to train on, instead of those that come with it."""

from dataclasses import replace
from pathlib import Path

from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.parts.origins import decided
from vq_benchmark.datasets.parts.part_names import Part
from vq_benchmark.datasets.parts.shards import open_side_files
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.resolving import files_at
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError


def with_given_parts(stored: RawDataset, spec: DataSpec) -> RawDataset:
    """The data set with the parts that the options name.

    Raises:
        InputError: there is no such file, it holds no vectors, or a part could be one of several and no option says
            which.
    """
    if spec.queries_path is not None:
        stored = _queries_at(stored, spec.queries_path, spec.vector_column)
    if spec.learn_path is not None:
        found, stored = _opened(stored, spec.learn_path, "learn", spec.vector_column)
        stored = replace(stored, learn=found.learn or found.base)
    if spec.train_queries is not None and not spec.train_queries.isdecimal():
        found = open_side_files(files_at(spec.train_queries, "queries", "--train-queries"), spec.vector_column)
        stored = replace(stored, train_queries=found.queries or found.base)
    for part in ("queries", "learn"):
        if part in stored.undecided:
            raise InputError(stored.undecided[part])
    return stored


def with_queries(stored: RawDataset, queries: VectorSource) -> RawDataset:
    """The data set with other queries than those that came with it, so without their neighbours."""
    if stored.neighbors is not None:
        stored = stored.dropping("neighbors", "they belong to other queries than those given")
    return replace(stored, queries=queries)


def _queries_at(stored: RawDataset, path: Path, column: str | None) -> RawDataset:
    """With the queries of that path. Neighbours are those of other queries, unless the data could not say which."""
    was_undecided = "queries" in stored.undecided
    found, stored = _opened(stored, path, "queries", column)
    queries = found.queries or found.base
    return replace(stored, queries=queries) if was_undecided else with_queries(stored, queries)


def _opened(stored: RawDataset, path: Path, part: Part, column: str | None) -> tuple[RawDataset, RawDataset]:
    """What the files of a path hold, and the data set in which the part is decided."""
    files = files_at(path, part)
    undecided = {each: sentence for each, sentence in stored.undecided.items() if each != part}
    origins = decided(stored.origins, part, [each.name for each in files])
    return open_side_files(files, column), replace(stored, origins=origins, undecided=undecided)
