"""Any data set on Hugging Face by name: hf:OWNER/NAME[@REVISION][:CONFIG][:SPLIT], in parquet."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from vq_benchmark.datasets.formats import parquet
from vq_benchmark.datasets.hosted.hub_shards import open_hub_shards, shard_paths
from vq_benchmark.datasets.hosted.hub_splits import HubParts, parts_of, splits_of
from vq_benchmark.datasets.hosted.huggingface import Hub, HubEntry, Listing
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.parts.directory import NO_VECTORS, is_description
from vq_benchmark.datasets.parts.origins import Origin, shown
from vq_benchmark.datasets.parts.shards import open_side_files
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.errors import InputError

PREFIX = "hf:"
NAME = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[^:]+))?(?P<parts>(:[^:]+){0,2})")


def open_hub_name(name: str, options: LoadOptions) -> RawDataset:
    """The vectors of one split as a base, with the queries and other parts that other splits are named after.

    Raises:
        InputError: the name has another form, the split does not exist, or it is not in parquet.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise InputError(f"invalid name {name!r}: it must be hf:OWNER/NAME[@REVISION][:CONFIG][:SPLIT].")
    hub = Hub(found["repository"], options.cache, options.report, found["revision"])
    listing = hub.listing()
    files = [entry for entry in listing.entries if entry.path.endswith(".parquet")]
    if not files:
        raise InputError(
            f"{listing.origin} holds no .parquet files; add @refs/convert/parquet to the name to use the host's own "
            "conversion, or download its files and give their path."
        )
    splits = splits_of(listing, files)
    parts = parts_of(listing, splits, [part for part in found["parts"].split(":") if part])
    opened = open_hub_shards(hub, listing, parts.base.entries, options.column, options)
    in_splits = {entry for each in splits for entry in each.entries}
    others = _unused(entry for entry in listing.entries if entry not in in_splits)
    columns = parquet.origins_of(opened.base.paths[0], options.column, parts.base.shown)
    beside = (each for each in parts.origins if each.use != "base")
    origins = (*columns, *beside, *others)
    stored = RawDataset(opened.base, revision=listing.origin, notes=opened.notes, origins=origins)
    return _with_side_parts(stored, hub, listing, parts, options)


def _with_side_parts(
    stored: RawDataset, hub: Hub, listing: Listing, parts: HubParts, options: LoadOptions
) -> RawDataset:
    """The data set with the parts in other splits; what cannot be used as its part is left out with a note."""
    if parts.queries is not None:
        entries = parts.queries.entries
        paths = shard_paths(hub, listing, entries, options.num_queries)
        try:
            queries = open_side_files(paths, options.column, options.cache).base
        except InputError as error:
            return _without_queries(stored, f"it cannot be searched for, as {str(error).rstrip('.')}")
        note = f"{len(paths)} of {len(entries)} shards of the queries hold enough; the others were not downloaded."
        notes = stored.notes if len(paths) == len(entries) else (*stored.notes, note)
        stored = replace(stored, queries=queries, notes=notes)
    if parts.learn is not None:
        learn_paths = shard_paths(hub, listing, parts.learn.entries, None)
        stored = stored.trying("learn", lambda: open_side_files(learn_paths, options.column, options.cache).base)
    if parts.neighbors is not None and stored.queries is not None:
        lists = shard_paths(hub, listing, parts.neighbors.entries, None)
        stored = stored.trying("neighbors", lambda: np.concatenate([parquet.read_ids(path) for path in lists]))
    return stored


def _without_queries(stored: RawDataset, reason: str) -> RawDataset:
    """The data set without the queries, and without the neighbours of them."""
    left = (
        replace(each, use=None, reason=reason) if each.use in ("queries", "neighbors") else each
        for each in stored.origins
    )
    return replace(stored, origins=tuple(left))


def _unused(entries: Iterable[HubEntry]) -> Iterator[Origin]:
    """What becomes of files of no split: one origin for all of a kind in a folder."""
    kinds: dict[tuple[Path, str], list[Path]] = {}
    for entry in entries:
        path = Path(entry.path)
        if not path.name.startswith("."):
            kinds.setdefault((path.parent, path.suffix), []).append(path)
    for paths in kinds.values():
        describes = all(is_description(path) for path in paths)
        reason = "no split of the card names it" if paths[0].suffix == ".parquet" else NO_VECTORS
        yield Origin(shown(paths), "description" if describes else None, "" if describes else reason)
