"""One base in many files of any format: which files of a folder or of a pattern, in order, and as one source."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from vq_benchmark.datasets.formats import opening
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.joined import JoinedSource
from vq_benchmark.datasets.sources.vector_source import VectorSource
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.locations import input_path

PLACES = ("base/*", "data/train-*", "train-*", "*")
"""Where the shards of a base may be in a folder, in order of preference."""
OTHER_PARTS = ("queries", "learn", "neighbors")
PATTERN = re.compile(r"[*?\[]")
NUMBERED = re.compile(r"(.*?[^\W\d]{2}[^\d]*)\d")
"""A name that begins with a word and goes on with a number: the words tell series of files apart."""
MAX_NAMES = 10


def base_shards(directory: Path) -> list[Path]:
    """The files of a folder that are its base, in order; empty if there are none.

    Raises:
        InputError: they are of several formats, or of several series such as img_emb_*.npy and text_emb_*.npy.
    """
    for place in PLACES:
        with reading(directory):
            found = [path for path in directory.glob(place) if _may_be_base(path)]
        if found:
            _require_one_series(directory, found)
            return in_order(found)
    return []


def shards_of_pattern(pattern: str) -> list[Path]:
    """The files of a known format that match a pattern with *, ? or [, in order; empty if it is not a pattern."""
    if not PATTERN.search(pattern):
        return []
    path = input_path(pattern)
    fixed = next(parent for parent in path.parents if not PATTERN.search(str(parent)))
    with reading(fixed, ValueError, NotImplementedError):
        found = list(fixed.glob(str(path.relative_to(fixed))))
    return in_order(path for path in found if path.suffix.lower() in opening.formats())


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Sorted by name, with numbers in names by their value: 2.npy comes before 10.npy."""
    return sorted(paths, key=lambda path: (natural_key(str(path)), path))


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """A sort key for names in which numbers count by their value."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]


def open_base(paths: Sequence[Path], column: str | None, cache: Path | None) -> RawDataset:
    """What one file holds, or the vectors of several files, one after another.

    Args:
        column: the column, member or data set that holds the vectors, or None.
        cache: the folder for what some formats keep, such as the index of the rows of parquet files.

    Raises:
        InputError: a file is missing or cannot be read, or the files do not belong together.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"there is no file {str(path)!r}.")
    formats = {opening.format_of(path) for path in paths}
    join = formats.pop().open_many if len(formats) == 1 else None
    if join is not None:
        return RawDataset(join(paths, column, cache))
    if len(paths) == 1:
        return opening.open_dataset(paths[0], column=column)
    return RawDataset(_joined(paths, column), notes=_unused_parts(paths[0], column))


def _joined(paths: Sequence[Path], column: str | None) -> JoinedSource:
    sources = [opening.open_vectors(path, column=column) for path in paths]
    filled = [(path, source) for path, source in zip(paths, sources, strict=True) if source.n]
    if filled:
        _require_one_dimension(filled)
    return JoinedSource(sources)


def _require_one_dimension(shards: Sequence[tuple[Path, VectorSource]]) -> None:
    """Raises InputError that names the files whose dimension is not that of the first."""
    first, d = shards[0][0], shards[0][1].d
    others = [f"{path.name} has {source.d}" for path, source in shards if source.d != d]
    if others:
        more = f" and {len(others) - MAX_NAMES} more" if len(others) > MAX_NAMES else ""
        raise InputError(
            f"the files of one base must have the same dimension: {str(first)!r} has {d}, but "
            f"{', '.join(others[:MAX_NAMES])}{more}; give a pattern or a list that leaves the others out."
        )


def _unused_parts(path: Path, column: str | None) -> tuple[str, ...]:
    """A remark on what the first of several files holds besides vectors; its other parts are not joined."""
    stored = opening.open_dataset(path, column=column)
    parts = {"queries": stored.queries, "learn vectors": stored.learn, "neighbours": stored.neighbors}
    found = [what for what, part in parts.items() if part is not None]
    return (f"only the vectors of the files are used, not their {' and '.join(found)}.",) if found else ()


def _may_be_base(path: Path) -> bool:
    known = path.suffix.lower() in opening.formats() and path.is_file()
    return known and not path.stem.endswith(OTHER_PARTS) and not path.name.startswith(".")


def _require_one_series(directory: Path, paths: Sequence[Path]) -> None:
    words = [NUMBERED.match(path.name) for path in paths]
    series = {f"{found[1]}*{path.suffix}" if found else path.name for found, path in zip(words, paths, strict=True)}
    formats = {path.suffix.lower() for path in paths}
    if len(formats) > 1 or (len(series) > 1 and all(words)):
        shown = sorted(series)
        raise InputError(
            f"{str(directory)!r} holds {', '.join(shown[:MAX_NAMES])}; only one series of files can be the base: "
            f"name it with a pattern, such as --dataset '{directory / shown[0]}'."
        )
