"""A base in parquet shards of a repository on Hugging Face; only the shards that are needed are downloaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow.parquet as pq

from vq_benchmark.datasets.hosted.hosted_dataset import HostedDataset
from vq_benchmark.datasets.hosted.huggingface import Hub, HubEntry, Listing, address_and_place, has_files
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.parquet.columns import DAMAGE
from vq_benchmark.datasets.sources.parquet.parquet_source import ParquetSource, open_parquet
from vq_benchmark.machine.damage import reading


@dataclass(frozen=True)
class HubShards:
    """Parquet shards in a data set repository on Hugging Face."""

    repository: str
    base: str
    """A pattern of the shards, with *."""
    column: str
    revision: str | None = None
    has_revisions: ClassVar[bool] = True

    def open(self, hosted: HostedDataset, options: LoadOptions) -> RawDataset:
        hub = self.hub(options)
        listing = hub.listing()
        opened = self.open_base(hub, listing, options)
        return RawDataset(
            opened.base,
            distance=hosted.distance,
            revision=listing.origin,
            whole_n=opened.base.n if opened.complete else hosted.n,
            notes=opened.notes,
        )

    def paths(self, hosted: HostedDataset, cache: Path) -> list[tuple[str, Path]]:
        return [address_and_place(self.repository, self.base, cache)]

    def are_kept(self, hosted: HostedDataset, cache: Path) -> bool:
        return has_files(self.repository, self.base, cache)

    def hub(self, options: LoadOptions) -> Hub:
        """The repository at the revision that the options ask for, or else at the one that is recorded here."""
        return Hub(self.repository, options.cache, options.report, options.revision or self.revision)

    def open_base(self, hub: Hub, listing: Listing, options: LoadOptions) -> "OpenedShards":
        """The vectors of the shards that are needed."""
        return open_hub_shards(hub, listing, hub.files(listing, self.base), options.column or self.column, options)


@dataclass(frozen=True)
class OpenedShards:
    """Vectors, and whether all shards were opened."""

    base: ParquetSource
    complete: bool
    notes: tuple[str, ...]


def open_hub_shards(
    hub: Hub, listing: Listing, entries: Sequence[HubEntry], column: str | None, options: LoadOptions
) -> OpenedShards:
    """The vectors of all shards, or of the first ones that together hold `options.limit` rows.

    Raises:
        InputError: a shard cannot be downloaded, or does not hold such vectors.
    """
    paths = shard_paths(hub, listing, entries, options.limit)
    complete = len(paths) == len(entries)
    note = f"{len(paths)} of {len(entries)} shards hold enough rows; the others were not downloaded."
    base = open_parquet(paths, column, options.cache)
    return OpenedShards(base, complete, () if complete else (note,))


def shard_paths(hub: Hub, listing: Listing, entries: Sequence[HubEntry], limit: int | None) -> list[Path]:
    """All shards, or the first ones that together hold `limit` rows, downloaded if they are missing.

    Raises:
        InputError: a shard cannot be downloaded, or is not parquet.
    """
    paths: list[Path] = []
    rows = 0
    for entry in entries:
        paths.append(hub.file(listing, entry))
        if limit is not None:
            rows += _rows_of(paths[-1])
            if rows >= limit:
                break
    return paths


def _rows_of(path: Path) -> int:
    with reading(path, *DAMAGE), pq.ParquetFile(path, pre_buffer=False) as file:
        return int(file.metadata.num_rows)
