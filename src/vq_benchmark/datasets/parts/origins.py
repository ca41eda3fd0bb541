"""Where each part of a data set comes from: every file of a folder and every array of a container is used or not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from vq_benchmark.datasets.parts.part_names import OPTIONS, PARTS, Naming, Part
from vq_benchmark.errors import InputError

MOST_NAMES = 10
"""The most names that a sentence lists."""
NO_PART = "its name stands for no part"
PLURAL = {"base": "base vectors", "queries": "queries", "learn": "training vectors", "neighbors": "neighbours"}
"""How sentences call each part."""

Use = Literal["base", "queries", "learn", "neighbors", "judgements", "judged queries", "description"]


@dataclass(frozen=True)
class Origin:
    """A file of a folder, several files that are one part, or an array of a container."""

    name: str
    use: Use | None
    """What it is used as; None if it is not used."""
    reason: str = ""
    """Why it is not used, as the end of a sentence."""
    noted: bool = False
    """Whether a note says so already."""
    could_be: Part | None = None
    """The part that its name stands for."""


@dataclass(frozen=True)
class Candidate:
    """Something that could be a part, as its name says."""

    name: str
    naming: Naming
    is_not: str = ""
    """Why it cannot be that part, whatever its name says; empty if it can."""


@dataclass
class Assignment:
    """Which candidate is which part."""

    names: dict[Part, str] = field(default_factory=dict)
    origins: list[Origin] = field(default_factory=list)
    undecided: dict[Part, str] = field(default_factory=dict)
    """For each part that could be one of several candidates, the sentence that refuses the data set."""


def listed(names: Iterable[str]) -> str:
    """The names, at most ten of them."""
    given = list(names)
    more = len(given) - MOST_NAMES
    return ", ".join(given[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def shown(paths: Sequence[Path], directory: Path | None = None) -> str:
    """The name of one file, or of the first and the last of several; those in the directory from there."""
    names = [_from(directory, path) for path in (paths[0], paths[-1])]
    return names[0] if len(paths) == 1 else f"{names[0]} to {Path(names[1]).name} ({len(paths)} files)"


def _from(directory: Path | None, path: Path) -> str:
    inside = directory is not None and path.is_relative_to(directory)
    return path.relative_to(directory).as_posix() if inside and directory is not None else str(path)


def assigned(
    where: str, candidates: Sequence[Candidate], *, base: str | None = None, option: str = OPTIONS["base"]
) -> Assignment:
    """The best candidate of each part, and what becomes of the others.

    Args:
        where: what holds the candidates, for messages.
        base: the base if the user has said which, so that no other is looked for.
        option: how the user says which candidate is the base.

    Raises:
        InputError: several candidates could be the base.
    """
    made = Assignment()
    others = [each for each in candidates if each.name != base]
    usable = [each for each in others if not each.naming.reason and not each.is_not]
    unnamed = [each for each in usable if each.naming.part is None]
    for part in PARTS:
        named = [each for each in usable if each.naming.part == part]
        choice = option if part == "base" else OPTIONS[part]
        if part != "base":
            _choose(made, where, part, named, choice)
        elif base is not None:
            made.names["base"] = base
            made.origins.append(Origin(base, "base"))
            made.origins += [Origin(each.name, None, f"{option} says which is the base") for each in named]
        else:
            _choose(made, where, part, named or unnamed, choice)
    if base is not None or any(each.naming.part == "base" for each in usable):
        reason = NO_PART if base is None else f"{option} says which is the base"
        made.origins += [Origin(each.name, None, reason) for each in unnamed]
    made.origins += [
        Origin(each.name, None, each.naming.reason or each.is_not) for each in others if each not in usable
    ]
    if "base" in made.undecided:
        raise InputError(made.undecided["base"])
    return made


def _choose(made: Assignment, where: str, part: Part, named: Sequence[Candidate], option: str) -> None:
    if not named:
        return
    fit = min(each.naming.fit for each in named)
    best = [each for each in named if each.naming.fit == fit]
    rest = [each for each in named if each.naming.fit != fit]
    if len(best) == 1:
        made.names[part] = best[0].name
        made.origins.append(Origin(best[0].name, part, could_be=part))
        reason = f"{best[0].name} holds the {PLURAL[part]}"
        made.origins += [Origin(each.name, None, reason, could_be=part) for each in rest]
        return
    reason = f"only one of them can be the {PLURAL[part]}; choose it with {option}"
    made.undecided[part] = f"{where} holds {listed(each.name for each in best)}; {reason}."
    made.origins += [Origin(each.name, None, reason, could_be=part) for each in (*best, *rest)]


def is_unnamed(candidate: Candidate) -> bool:
    """Whether something could be the base if nothing is named so."""
    return candidate.naming.part is None and not candidate.naming.reason and not candidate.is_not


def sole_vectors(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates, where queries or training vectors count as unnamed if nothing else could be the base."""
    if any(not each.is_not and (each.naming.part == "base" or is_unnamed(each)) for each in candidates):
        return list(candidates)
    alone = ("queries", "learn")
    return [replace(each, naming=Naming(None)) if each.naming.part in alone else each for each in candidates]


def notes_of(origins: Iterable[Origin]) -> tuple[str, ...]:
    """A sentence for each reason why something is not used."""
    by_reason: dict[str, list[str]] = {}
    for origin in origins:
        if origin.use is None and not origin.noted:
            by_reason.setdefault(origin.reason, []).append(origin.name)
    return tuple(
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} not used: {reason}."
        for reason, names in by_reason.items()
    )


def decided(origins: Sequence[Origin], part: Part, names: Sequence[str]) -> tuple[Origin, ...]:
    """The origins after an option said what a part is: files of those names."""
    reason = f"{OPTIONS[part]} says which {PLURAL[part]} are used"
    others = [each for each in origins if each.could_be != part or Path(each.name).name not in names]
    return (
        *(replace(each, use=None, reason=reason) if each.could_be == part else each for each in others),
        Origin(listed(names), part, could_be=part),
    )


def without(origins: Sequence[Origin], use: Use, reason: str) -> tuple[Origin, ...]:
    """The origins after a part was dropped for a reason, which a note gives."""
    return tuple(replace(each, use=None, reason=reason, noted=True) if each.use == use else each for each in origins)
