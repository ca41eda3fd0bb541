"""One base in many parquet files: which files of a folder, of a pattern, or of a list, and in which order."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from vq_benchmark.datasets.formats.opening import open_dataset
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.parquet.parquet_source import ParquetSource, open_parquet
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.locations import input_path

EXTENSION = ".parquet"
PLACES = ("base/*", "data/train-*", "train-*", "*")
"""Where the shards of a base may lie in a folder, in order of preference."""
OTHER_PARTS = ("queries", "learn", "neighbors")
PATTERN = re.compile(r"[*?\[]")


def base_shards(directory: Path) -> list[Path]:
    """The parquet files of a folder that are its base, in order; none if there are none."""
    for place in PLACES:
        with reading(directory):
            found = [path for path in directory.glob(place + EXTENSION) if not path.stem.endswith(OTHER_PARTS)]
        if found:
            return in_order(found)
    return []


def shards_of_pattern(pattern: str) -> list[Path]:
    """The parquet files that a pattern with * or ? stands for, in order; none if it is no pattern."""
    if not PATTERN.search(pattern) or not pattern.endswith(EXTENSION):
        return []
    path = input_path(pattern)
    fixed = next(parent for parent in path.parents if not PATTERN.search(str(parent)))
    return in_order(fixed.glob(str(path.relative_to(fixed))))


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Sorted by name, with numbers in names by their value: 2.parquet comes before 10.parquet."""
    return sorted(paths, key=lambda path: natural_key(str(path)))


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """What to sort names by, so that numbers in them count by their value."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def open_file(path: Path, column: str | None, cache: Path | None) -> RawDataset:
    """All that a file holds; of a parquet file what is costly to find out is kept in the folder `cache`.

    Raises:
        InputError: there is no such file, or it is not what its name says.
    """
    if path.suffix.lower() == EXTENSION and path.is_file():
        return RawDataset(open_shards([path], column, cache))
    return open_dataset(path, column=column)


def open_shards(paths: Sequence[Path], column: str | None, cache: Path | None) -> ParquetSource:
    """The vectors of parquet files, one after another, as one base; see `open_parquet`.

    Raises:
        InputError: a file is missing or no parquet file, or the files do not belong together.
    """
    for path in paths:
        if path.suffix.lower() != EXTENSION:
            raise InputError(f"{str(path)!r} is no {EXTENSION} file; only those can be given as a list.")
        if not path.is_file():
            raise InputError(f"there is no file {str(path)!r}.")
    return open_parquet(paths, column, cache)
