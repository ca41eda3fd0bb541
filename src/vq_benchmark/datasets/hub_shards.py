"""A base in parquet shards of a repository on Hugging Face; only the shards that are needed are downloaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from vq_benchmark.datasets.huggingface import Hub, HubEntry, Listing
from vq_benchmark.datasets.parquet.columns import DAMAGE
from vq_benchmark.datasets.parquet.source import ParquetSource
from vq_benchmark.datasets.request import Request
from vq_benchmark.datasets.shards import open_shards
from vq_benchmark.machine.damage import reading


@dataclass(frozen=True)
class OpenedShards:
    """Vectors, the files they are in, and whether those are all."""

    base: ParquetSource
    complete: bool
    notes: tuple[str, ...]


def open_hub_shards(
    hub: Hub, listing: Listing, entries: Sequence[HubEntry], column: str | None, request: Request
) -> OpenedShards:
    """The vectors of the first shards: of all, or of as many as hold the rows that are asked for.

    Raises:
        InputError: a shard cannot be had, or does not hold such vectors.
    """
    paths: list[Path] = []
    rows = 0
    for entry in entries:
        paths.append(hub.file(listing, entry))
        if request.limit is not None:
            rows += _rows_of(paths[-1])
            if rows >= request.limit:
                break
    complete = len(paths) == len(entries)
    note = f"{len(paths)} of the {len(entries)} shards were needed; the others are not downloaded."
    base = open_shards(paths, column, request.cache)
    return OpenedShards(base, complete, () if complete else (note,))


def _rows_of(path: Path) -> int:
    with reading(path, *DAMAGE), pq.ParquetFile(path, pre_buffer=False) as file:
        return int(file.metadata.num_rows)
