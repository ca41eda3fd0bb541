"""Rows of parquet files of text and judgements, as the newer repositories of MTEB and BEIR have them."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from vq_benchmark.datasets.parts.shards import in_order, split_name
from vq_benchmark.datasets.sources.parquet.columns import DAMAGE
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

SUFFIX = ".parquet"
ANY_FILE, VISIBLE = f"*{SUFFIX}", f"[!.]*{SUFFIX}"
BATCH_ROWS = 1024
BUFFER_BYTES = 1 << 20


def parquet_rows(path: Path, known: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row as the values of its columns with known names, and where it is, in words for a message.

    A path with * stands for several files, in the order of the numbers in their names.

    Raises:
        InputError: a file is missing or damaged, or has none of these columns.
    """
    for file in files_of(path):
        with reading(file, *DAMAGE), pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False) as opened:
            names = opened.schema_arrow.names
            columns = [name for name in names if name in known]
            if not columns:
                raise InputError(f"{str(file)!r} has none of the columns of text or judgements; it has {names[:10]}.")
            number = 0
            for batch in opened.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                for row in batch.to_pylist():
                    yield f"{str(file)!r}, row {number}", row
                    number += 1


def path_of_split(folder: Path, split: str) -> Path:
    """A path that stands for all files of a split in a folder."""
    return folder / f"{split}{ANY_FILE}"


def split_of_path(path: Path) -> str:
    """The split of a file, or of a path that `path_of_split` gave."""
    return path.name.removesuffix(ANY_FILE) if ANY_FILE in path.name else split_name(path)


def files_of(path: Path) -> list[Path]:
    """The files that a path stands for, in the order of the numbers in their names."""
    if ANY_FILE not in path.name:
        return [path]
    return in_order(each for each in path.parent.glob(VISIBLE) if split_name(each) == split_of_path(path))
