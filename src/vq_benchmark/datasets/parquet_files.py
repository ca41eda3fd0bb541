"""One base in many parquet files: which files of a pattern, and in which order."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from vq_benchmark.datasets.origins import Origin, shown
from vq_benchmark.datasets.sources.parquet.columns import DAMAGE, column_origins
from vq_benchmark.datasets.sources.parquet.parquet_source import ParquetSource, open_parquet
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.locations import input_path

EXTENSION = ".parquet"
PATTERN = re.compile(r"[*?\[]")


def shards_of_pattern(pattern: str) -> list[Path]:
    """The parquet files that match a pattern with *, ? or [, in order; empty if it is not a pattern."""
    if not PATTERN.search(pattern) or not pattern.endswith(EXTENSION):
        return []
    path = input_path(pattern)
    fixed = next(parent for parent in path.parents if not PATTERN.search(str(parent)))
    return in_order(fixed.glob(str(path.relative_to(fixed))))


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Sorted by name, with numbers in names by their value: 2.parquet comes before 10.parquet."""
    return sorted(paths, key=lambda path: natural_key(str(path)))


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """A sort key for names in which numbers count by their value."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def origins_of_columns(paths: Sequence[Path], column: str | None) -> tuple[Origin, ...]:
    """What becomes of the columns of lists; the first of several files speaks for all."""
    with reading(paths[0], *DAMAGE), pq.ParquetFile(paths[0], pre_buffer=False) as file:
        found = column_origins(paths[0], file.schema_arrow, column)
    return tuple(replace(each, name=f"{each.name!r} in {shown(paths, paths[0].parent)}") for each in found)


def open_shards(paths: Sequence[Path], column: str | None, cache: Path | None) -> ParquetSource:
    """The vectors of parquet files, one after another, as one base; see `open_parquet`.

    Raises:
        InputError: a file is missing or is not parquet, or the files do not belong together.
    """
    for path in paths:
        if not path.is_file():
            raise InputError(f"there is no file {str(path)!r}.")
    return open_parquet(paths, column, cache)
