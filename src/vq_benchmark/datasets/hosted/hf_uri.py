"""Any data set on Hugging Face by name: hf:OWNER/NAME[@REVISION][:CONFIG][:SPLIT], in parquet."""

import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from vq_benchmark.datasets.hosted.hub_shards import open_hub_shards
from vq_benchmark.datasets.hosted.huggingface import Hub, HubEntry, Listing
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.parts.shards import natural_key
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.errors import InputError

PREFIX = "hf:"
NAME = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[^:]+))?(?P<parts>(:[^:]+){0,2})")
DEFAULT_SPLIT = "train"
USUAL_FOLDERS = ("data", "default", ".")
"""The folders of a repository's main configuration."""


def open_hub_name(name: str, options: LoadOptions) -> RawDataset:
    """The vectors of one split as a base; no queries come with it.

    The files of a configuration and a split are those that the card of the repository declares, or else those whose
    path contains their names, such as data/train-00000-of-00026.parquet.

    Raises:
        InputError: the name has another form, the split does not exist, or it is not in parquet.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise InputError(f"invalid name {name!r}: it must be hf:OWNER/NAME[@REVISION][:CONFIG][:SPLIT].")
    hub = Hub(found["repository"], options.cache, options.report, found["revision"])
    listing = hub.listing()
    entries = files_of(listing, [part for part in found["parts"].split(":") if part])
    opened = open_hub_shards(hub, listing, entries, options.column, options)
    return RawDataset(opened.base, revision=listing.origin, notes=opened.notes)


def files_of(listing: Listing, parts: list[str]) -> list[HubEntry]:
    """The parquet files of a configuration and a split, in order; one part alone may name either.

    Raises:
        InputError: there are none; the sentence lists what there is.
    """
    parquet = [entry for entry in listing.entries if entry.path.endswith(".parquet")]
    if not parquet:
        raise InputError(
            f"{listing.origin} holds no .parquet files; add @refs/convert/parquet to the name to use the host's own "
            "conversion, or download its files and give their path."
        )
    chosen = _declared(listing, parquet, parts) if listing.configurations else _by_path(listing, parquet, parts)
    if not chosen:
        wanted = ":".join(parts) or DEFAULT_SPLIT
        there = ", ".join(sorted({_folder_and_split(entry.path) for entry in parquet})[:10])
        declared = ", ".join(f"{config}:{split}" for config, split, _ in listing.configurations)
        raise InputError(f"{listing.origin} has no {wanted!r}; it has {declared or there}.")
    return sorted(chosen, key=lambda entry: natural_key(entry.path))


def _declared(listing: Listing, parquet: list[HubEntry], parts: list[str]) -> list[HubEntry]:
    configs = list(dict.fromkeys(config for config, _, _ in listing.configurations))
    config = next((part for part in parts if part in configs), "default" if "default" in configs else configs[0])
    splits = {split: patterns for name, split, patterns in listing.configurations if name == config}
    rest = [part for part in parts if part != config]
    if len(rest) > 1:
        return []
    split = rest[0] if rest else DEFAULT_SPLIT if DEFAULT_SPLIT in splits else next(iter(splits))
    return [entry for entry in parquet if any(fnmatchcase(entry.path, each) for each in splits.get(split, ()))]


def _by_path(listing: Listing, parquet: list[HubEntry], parts: list[str]) -> list[HubEntry]:
    chosen = [entry for entry in parquet if all(_in_folder(entry, part) or _begins(entry, part) for part in parts)]
    default = [entry for entry in chosen if _begins(entry, DEFAULT_SPLIT)]
    if default and not any(_begins(entry, part) for entry in chosen for part in parts):
        chosen = default
    folders = sorted({str(PurePosixPath(entry.path).parent) for entry in chosen})
    if len(folders) > 1 and not any(part in PurePosixPath(folder).parts for folder in folders for part in parts):
        usual = [folder for folder in USUAL_FOLDERS if folder in folders]
        if not usual:
            raise InputError(
                f"{listing.origin} has vectors in {', '.join(folders)}; add one of them, as :{folders[0]}."
            )
        chosen = [entry for entry in chosen if str(PurePosixPath(entry.path).parent) == usual[0]]
    return chosen


def _in_folder(entry: HubEntry, part: str) -> bool:
    return part in PurePosixPath(entry.path).parts[:-1]


def _begins(entry: HubEntry, part: str) -> bool:
    return re.match(rf"{re.escape(part)}(\W|_|$)", PurePosixPath(entry.path).name) is not None


def _folder_and_split(path: str) -> str:
    return str(PurePosixPath(path).parent / re.split(r"-\d|\.", PurePosixPath(path).name)[0])
