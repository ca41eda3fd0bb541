"""A base in parquet shards of a repository on Hugging Face; only the shards that are needed are downloaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from vq_benchmark.datasets.hosted.huggingface import Hub, HubEntry, Listing
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.parquet_files import open_shards
from vq_benchmark.datasets.sources.parquet.columns import DAMAGE
from vq_benchmark.datasets.sources.parquet.parquet_source import ParquetSource
from vq_benchmark.machine.damage import reading


@dataclass(frozen=True)
class OpenedShards:
    """Vectors, the files they are in, and whether those are all."""

    base: ParquetSource
    complete: bool
    notes: tuple[str, ...]


def open_hub_shards(
    hub: Hub, listing: Listing, entries: Sequence[HubEntry], column: str | None, options: LoadOptions
) -> OpenedShards:
    """The vectors of the first shards: of all, or of as many as hold the rows that are asked for.

    Raises:
        InputError: a shard cannot be had, or does not hold such vectors.
    """
    paths: list[Path] = []
    rows = 0
    for entry in entries:
        paths.append(hub.file(listing, entry))
        if options.limit is not None:
            rows += _rows_of(paths[-1])
            if rows >= options.limit:
                break
    complete = len(paths) == len(entries)
    note = f"{len(paths)} of the {len(entries)} shards were needed; the others are not downloaded."
    base = open_shards(paths, column, options.cache)
    return OpenedShards(base, complete, () if complete else (note,))


def _rows_of(path: Path) -> int:
    with reading(path, *DAMAGE), pq.ParquetFile(path, pre_buffer=False) as file:
        return int(file.metadata.num_rows)
