"""A directory as a data set: which of its files are the base, queries, training vectors, neighbours and judgements.

base.npy  train.parquet  sift_base.fvecs    the vectors; `part_names` has all names
base/*.parquet, data/train-*.parquet        or the vectors in many files, whose names differ in a number
queries.npy  test.parquet  learn.npy        vectors of the same dimension
neighbors.ivecs  groundtruth.ibin           for each query, row numbers of the base
qrels.tsv                                   judgements of the queries
title_queries.npy  title_qrels.tsv          judged queries of their own, under any name
dataset.json                                {"metric": "cosine"}
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.own_rows import IDS, QRELS, QUERY_IDS
from vq_benchmark.datasets.parts.origins import Candidate, Origin, assigned, listed, shown
from vq_benchmark.datasets.parts.part_names import Fit, Naming, naming, words_of
from vq_benchmark.datasets.parts.parts import PartFiles
from vq_benchmark.datasets.parts.saved_dataset import NOT_LISTED, is_saved, require_all_rows, selection, unlisted
from vq_benchmark.datasets.parts.shards import in_order
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading

DESCRIPTION = "dataset.json"
EXPORTS = "data"
"""The folder in which Hugging Face exports shards, named after splits."""
DOCUMENTS = (".md", ".rst", ".json", ".yaml", ".yml", ".cff")
"""Files about the data; they are no part of it."""
NO_VECTORS = "files of this kind hold no vectors that can be read"


@dataclass(frozen=True)
class _Family:
    """Files that are one part: one file, or several whose names differ only in numbers, in order."""

    paths: tuple[Path, ...]
    naming: Naming

    @property
    def is_not(self) -> str:
        """Why they cannot be training vectors, without which a data set is measured as well; empty if they can."""
        return selection(self.paths[0].parent) if self.naming.part == "learn" else ""


def files_of_directory(directory: Path, base: tuple[Path, ...] = ()) -> PartFiles:
    """The files of the data set in a directory; `base` are those of the base if the user has said which.

    Raises:
        InputError: there is no base, or it could be one of several.
    """
    files = _files(directory, base)
    if not files.base:
        known = ", ".join(opening.formats())
        raise InputError(
            f"{str(directory)!r} holds no base.* file and no other file of base vectors; the formats are {known}. "
            "See the names of parts in DATASETS.md, or give --base-path."
        )
    return files


def files_beside_base(directory: Path) -> PartFiles:
    """All parts in a directory except the base, which the caller has.

    Raises:
        InputError: the directory cannot be read.
    """
    return _files(directory, (directory,))


def require_one_part(pattern: str, paths: Sequence[Path]) -> None:
    """Raises InputError if the files of a pattern are named after different parts, or after two bases."""
    named: dict[tuple[object, ...], str] = {}
    for path in paths:
        found = naming(path.stem)
        if found.reason or (found.part is not None and found.fit <= Fit.DECORATED):
            named.setdefault((found.part, tuple(words_of(path.stem))), path.name)
    if len(named) > 1:
        raise InputError(
            f"{pattern!r} matches files of different parts, {listed(named.values())}, which are not one base; "
            "narrow the pattern, or give the folder."
        )


def _files(directory: Path, base: tuple[Path, ...]) -> PartFiles:
    there = _paths(directory)
    judgements = _judgements(directory, there)
    no_rows = unlisted(there)
    apart = {*base, *judgements.queries, *no_rows}
    vectors = [path for path in there if opening.extension_of(path) in opening.formats() and path not in apart]
    families = _families(directory, vectors)
    candidates = [Candidate(name, family.naming, family.is_not) for name, family in families.items()]
    made = assigned(repr(str(directory)), candidates, base=shown(base, directory) if base else None)
    found = {part: families[name].paths for part, name in made.names.items() if name in families}
    for folder in {path.parent for path in (*found.get("base", ()), *found.get("queries", ()))}:
        require_all_rows(folder)
    judgements = judgements.of(found.get("queries", ()))
    others = set(there).difference(vectors, no_rows, base, judgements.queries, judgements.files)
    description = directory / DESCRIPTION
    return PartFiles(
        base=base or found.get("base", ()),
        queries=found.get("queries", ()),
        learn=found.get("learn", ()),
        neighbors=found.get("neighbors", ()),
        qrels=judgements.qrels if judgements.queries else None,
        judged_queries=judgements.queries,
        description=description if description.is_file() else None,
        origins=(
            *made.origins,
            *(Origin(shown([path], directory), None, NOT_LISTED) for path in no_rows),
            *judgements.origins(),
            *_others(directory, others),
            *_folders(directory),
        ),
        undecided=made.undecided,
    )


def _paths(directory: Path) -> list[Path]:
    """The files of a directory and of its folders that are named after parts; hidden ones are left out."""
    with reading(directory):
        entries = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
        return [
            path
            for entry in entries
            for path in (sorted(entry.iterdir()) if entry.is_dir() and _is_read(entry) else [entry])
            if path.is_file() and not path.name.startswith(".")
        ]


def _is_read(folder: Path) -> bool:
    found = naming(folder.name)
    return folder.name == EXPORTS or found.part is not None or bool(found.reason) or is_saved(folder)


def _families(directory: Path, paths: Sequence[Path]) -> dict[str, _Family]:
    """The families of some files, by the name that messages show."""
    grouped: dict[tuple[object, ...], list[Path]] = {}
    namings: dict[tuple[object, ...], Naming] = {}
    for path in paths:
        folder = path.parent.name if path.parent != directory else EXPORTS
        own, of_folder = naming(path.stem), naming(folder) if folder != EXPORTS else Naming(None)
        speaks = folder == EXPORTS or own.reason or (own.part is not None and own.fit <= Fit.DECORATED)
        words = tuple(words_of(path.stem)) if speaks else None
        key = (path.parent, words, path.suffix.lower())
        grouped.setdefault(key, []).append(path)
        namings[key] = own if speaks else of_folder
    ordered = {key: tuple(in_order(family)) for key, family in grouped.items()}
    return {shown(family, directory): _Family(family, namings[key]) for key, family in ordered.items()}


@dataclass(frozen=True)
class _Judgements:
    """The files of judgements in a directory, the one that is used first, and the queries that it judges."""

    files: tuple[Path, ...]
    queries: tuple[Path, ...]

    @property
    def qrels(self) -> Path | None:
        return self.files[0] if self.files else None

    def of(self, queries: tuple[Path, ...]) -> Self:
        """With the queries of the data set, where they are those that are judged."""
        judged = queries if self.qrels is not None and self.qrels.name == QRELS else self.queries
        return replace(self, queries=judged)

    def origins(self) -> Iterator[Origin]:
        for number, path in enumerate(self.files):
            prefix = path.name.removesuffix(QRELS)
            if number:
                yield Origin(path.name, None, "only one set of judgements can be used")
            elif self.queries:
                yield Origin(path.name, "judgements")
            else:
                yield Origin(path.name, None, f"there is no {prefix}queries.* file with the vectors that it judges")
        if self.queries and self.qrels is not None and self.qrels.name != QRELS:
            yield Origin(self.queries[0].name, "judged queries")


def _judgements(directory: Path, there: Sequence[Path]) -> _Judgements:
    files = [path for path in there if path.name == QRELS or path.name.endswith(f"_{QRELS}")]
    files = [path for path in files if path.parent == directory]
    files.sort(key=lambda path: path.name != QRELS)
    stem = files[0].name.removesuffix(QRELS) + "queries" if files else None
    queries = [path for path in there if path.stem == stem and opening.extension_of(path) in opening.formats()]
    if len(queries) > 1 and stem != "queries":
        names = listed(path.name for path in queries)
        raise InputError(f"{str(directory)!r} holds {names}; only one of them can be what {files[0].name} judges.")
    return _Judgements(tuple(files), tuple(queries) if stem != "queries" else ())


def _others(directory: Path, paths: Iterable[Path]) -> Iterator[Origin]:
    """What becomes of files that are neither vectors nor judgements."""
    for path in sorted(paths):
        describes = is_description(path)
        reason = "" if describes else NO_VECTORS
        yield Origin(shown([path], directory), "description" if describes else None, reason)


def is_description(path: Path) -> bool:
    """Whether a file is about the data, and no part of it."""
    return path.suffix.lower() in DOCUMENTS or _holds_identifiers(path) or path.stem.isupper()


def _holds_identifiers(path: Path) -> bool:
    return path.name in (IDS, QUERY_IDS) or path.name.endswith(f"_{QUERY_IDS}")


def _folders(directory: Path) -> Iterator[Origin]:
    """The folders of a directory that hold files of vectors, but are not named after a part."""
    with reading(directory):
        for entry in sorted(path for path in directory.iterdir() if path.is_dir() and not path.name.startswith(".")):
            if not _is_read(entry) and any(
                opening.extension_of(path) in opening.formats() for path in entry.iterdir()
            ):
                yield Origin(f"{entry.name}/", None, "a folder is read if its name is data or that of a part")
