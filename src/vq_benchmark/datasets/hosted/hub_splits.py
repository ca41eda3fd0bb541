"""The configurations and splits of a repository on Hugging Face, and which of them is which part of a data set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from vq_benchmark.datasets.hosted.huggingface import HubEntry, Listing
from vq_benchmark.datasets.parts.origins import Assignment, Candidate, Origin, assigned, listed, shown, sole_vectors
from vq_benchmark.datasets.parts.part_names import Fit, naming
from vq_benchmark.datasets.parts.shards import natural_key, split_name
from vq_benchmark.errors import InputError

USUAL_CONFIGS = ("data", "default", ".")
"""The configurations, or folders, that are used if the user names none."""
SAID = "the name of the data set says which split is used"


@dataclass(frozen=True)
class Split:
    """The parquet files of a split of a configuration, in order."""

    config: str
    name: str
    entries: tuple[HubEntry, ...]
    is_declared: bool

    @property
    def shown(self) -> str:
        """Its files, as messages show them."""
        return shown([Path(entry.path) for entry in self.entries])

    def __str__(self) -> str:
        return f"{self.config}{':' if self.is_declared else '/'}{self.name}"

    def is_of(self, config: str) -> bool:
        """Whether it belongs to the configuration, or the folder, of that name."""
        return config == self.config if self.is_declared else config in PurePosixPath(self.config).parts

    def is_called(self, name: str) -> bool:
        """Whether a user means it by the name of a split: `train` also means the files train_0, train_1."""
        return name == self.name or (
            not self.is_declared and re.match(rf"{re.escape(name)}\W", self.name) is not None
        )


@dataclass(frozen=True)
class HubParts:
    """Which split is which part, and what becomes of all the others."""

    base: Split
    queries: Split | None
    learn: Split | None
    neighbors: Split | None
    origins: tuple[Origin, ...]


def splits_of(listing: Listing, parquet: Sequence[HubEntry]) -> list[Split]:
    """The splits that the card of the repository declares, or else those that the paths of the files name.

    A path is CONFIG/SPLIT-00000-of-00026.parquet, or CONFIG/SPLIT/0000.parquet.
    """
    found: dict[tuple[str, str], list[HubEntry]] = {}
    if listing.configurations:
        for config, split, patterns in listing.configurations:
            there = [entry for entry in parquet if any(fnmatchcase(entry.path, each) for each in patterns)]
            found.setdefault((config, split), []).extend(there)
    else:
        for entry in parquet:
            found.setdefault(_config_and_split(PurePosixPath(entry.path)), []).append(entry)
    return [
        Split(
            config,
            split,
            tuple(sorted(entries, key=lambda each: natural_key(each.path))),
            bool(listing.configurations),
        )
        for (config, split), entries in found.items()
        if entries
    ]


def parts_of(listing: Listing, splits: Sequence[Split], wanted: Sequence[str]) -> HubParts:
    """The base and the parts beside it; `wanted` names a configuration, a split, or both.

    A split that the user names is the base, and nothing else is used.

    Raises:
        InputError: there is no such split, or several could be the base.
    """
    of_config = [each for each in splits if all(each.is_of(part) or each.is_called(part) for part in wanted)]
    if not of_config:
        there = [str(each) for each in splits]
        raise InputError(f"{listing.origin} has no {':'.join(wanted)!r}; it has {listed(dict.fromkeys(there))}.")
    if not any(each.is_of(part) for each in of_config for part in wanted):
        of_config = _of_usual_config(listing, of_config)
    names = [part for part in wanted if not any(each.is_of(part) for each in of_config)]
    if names:
        exact = [each for each in of_config if each.name in names] or of_config
        return _only(exact[0] if len(exact) == 1 else _joined(exact), splits)
    by_name = {each.name: each for each in of_config}
    made = _assigned(listing, list(by_name))
    used = {part: by_name[name] for part, name in made.names.items()}
    origins = [_with_files(origin, by_name) for origin in made.origins]
    origins += [
        Origin(each.shown, None, f"it belongs to another configuration; add :{each.config} to use that")
        for each in splits
        if not any(each.entries == used_one.entries for used_one in of_config)
    ]
    return HubParts(used["base"], used.get("queries"), used.get("learn"), used.get("neighbors"), tuple(origins))


def _config_and_split(path: PurePosixPath) -> tuple[str, str]:
    split, folder = split_name(path), path.parent
    return (str(folder), split) if split or folder == folder.parent else (str(folder.parent), folder.name)


def _of_usual_config(listing: Listing, splits: Sequence[Split]) -> list[Split]:
    """The splits of the only configuration, of those that are named as parts, or of the usual one."""
    by_config: dict[str, list[Split]] = {}
    for each in splits:
        by_config.setdefault(each.config, []).append(each)
    exact = {config: found.part for config in by_config if (found := naming(config)).fit == Fit.EXACT}
    bases = [config for config, part in exact.items() if part == "base"]
    if len(by_config) > 1 and len(bases) == 1:
        alone = [by_config[config][0] for config in exact if len(by_config[config]) == 1]
        as_parts = [replace(each, name=each.config) for each in alone]
        return as_parts if len(by_config[bases[0]]) == 1 else by_config[bases[0]]
    usual = [config for config in USUAL_CONFIGS if config in by_config]
    if not usual and len(by_config) > 1 and not splits[0].is_declared:
        folders = list(by_config)
        raise InputError(f"{listing.origin} has vectors in {listed(folders)}; add one of them, as :{folders[0]}.")
    return by_config[usual[0] if usual else next(iter(by_config))]


def _assigned(listing: Listing, names: Sequence[str]) -> Assignment:
    """Which split is which part, by their names; the only one is the base whatever its name."""
    candidates = sole_vectors([Candidate(name, naming(name)) for name in names])
    made = assigned(listing.origin, candidates, base=names[0] if len(names) == 1 else None, option=":SPLIT")
    if "base" not in made.names:
        raise InputError(
            f"{listing.origin} has the splits {listed(names)}; none is named as base vectors, so add one, as "
            f":{names[0]}."
        )
    return made


def _only(split: Split, splits: Sequence[Split]) -> HubParts:
    others = [each for each in splits if not set(each.entries) <= set(split.entries)]
    origins = (Origin(split.shown, "base"), *(Origin(each.shown, None, SAID) for each in others))
    return HubParts(split, None, None, None, origins)


def _joined(splits: Sequence[Split]) -> Split:
    """Files that one name means, such as train_a and train_b."""
    entries = sorted({entry for each in splits for entry in each.entries}, key=lambda each: natural_key(each.path))
    return Split(splits[0].config, splits[0].name, tuple(entries), splits[0].is_declared)


def _with_files(origin: Origin, by_name: dict[str, Split]) -> Origin:
    """What becomes of a split, under the names of its files."""
    return replace(origin, name=by_name[origin.name].shown)
