"""Vectors in many files of any format: which files a pattern names, in which order, and as one source."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.parts.origins import Origin, listed
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.joined import JoinedSource
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.locations import input_path

PATTERN = re.compile(r"[*?\[]")


def shards_of_pattern(pattern: str) -> list[Path]:
    """The files of a known format that match a pattern with *, ? or [, in order; empty if it is not a pattern."""
    if not PATTERN.search(pattern):
        return []
    path = input_path(pattern)
    fixed = next(parent for parent in path.parents if not PATTERN.search(str(parent)))
    with reading(fixed, ValueError):  # `**` beside other characters
        found = list(fixed.glob(str(path.relative_to(fixed))))
    return in_order(path for path in found if opening.extension_of(path) in opening.formats())


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Sorted by name, with numbers in names by their value: 2.npy comes before 10.npy."""
    return sorted(paths, key=lambda path: (natural_key(str(path)), path))


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """A sort key for names in which numbers count by their value."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def split_name(shard: PurePath) -> str:
    """The split in the name of a shard: train of train-00000-of-00026.parquet; empty if that is only a number."""
    return "" if shard.name[0].isdigit() else re.split(r"[-_.]\d|\.", shard.name)[0]


def open_files(paths: Sequence[Path], column: str | None = None, cache: Path | None = None) -> RawDataset:
    """What one file holds, or the vectors of several files, one after another.

    Args:
        column: the column, member or data set that holds the vectors, or None.
        cache: the folder for what some formats keep, such as the index of the rows of parquet files.

    Raises:
        InputError: a file is missing or cannot be read, or the files do not belong together.
    """
    formats = {opening.existing_format(path, column) for path in paths}
    join = formats.pop().open_many if len(formats) == 1 else None
    if join is not None:
        return join(paths, column, cache)
    if len(paths) == 1:
        return opening.open_dataset(paths[0], column=column)
    sources = [opening.open_vectors(path, column=column) for path in paths]
    _require_one_dimension([(path, source) for path, source in zip(paths, sources, strict=True) if source.n])
    return RawDataset(JoinedSource(sources), origins=_origins_of_arrays(paths[0], column))


def open_side_files(paths: Sequence[Path], column: str | None = None, cache: Path | None = None) -> RawDataset:
    """What files of another part than the base hold: in the column of the base if they have it, else in their own.

    Raises:
        InputError: as `open_files`.
    """
    if column is None or not all(opening.format_of(path).has_columns for path in paths):
        return open_files(paths, cache=cache)
    try:
        return open_files(paths, column, cache)
    except InputError as error:
        try:
            return open_files(paths, cache=cache)
        except InputError:
            raise error from None


def _require_one_dimension(shards: Sequence[tuple[Path, VectorSource]]) -> None:
    """Raises InputError that names the files whose dimension is not that of the first."""
    others = [f"{path.name} has {source.d}" for path, source in shards if source.d != shards[0][1].d]
    if others:
        first, d = shards[0][0], shards[0][1].d
        raise InputError(
            f"files that are joined must have the same dimension: {str(first)!r} has {d}, but {listed(others)}; give "
            "a pattern or a list that leaves the others out."
        )


def _origins_of_arrays(path: Path, column: str | None) -> tuple[Origin, ...]:
    """What becomes of the arrays of containers, of which only bases are joined; the first file speaks for all."""
    origins = opening.open_dataset(path, column=column).origins
    reason = "of several files, only the base vectors are joined"
    return tuple(each if each.use in (None, "base") else replace(each, use=None, reason=reason) for each in origins)
