"""What a name stands for: an entry of the catalog, a repository on Hugging Face, or files on disk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vq_benchmark.datasets.catalog import CATALOG, CatalogEntry, unknown_dataset
from vq_benchmark.datasets.formats.opening import extension_of, format_of, formats
from vq_benchmark.datasets.hosted.hf_uri import PREFIX as HUB_PREFIX
from vq_benchmark.datasets.hosted.hf_uri import open_hub_name
from vq_benchmark.datasets.load_options import LoadOptions
from vq_benchmark.datasets.parts.directory import files_beside_base, files_of_directory, require_one_part
from vq_benchmark.datasets.parts.origins import decided
from vq_benchmark.datasets.parts.part_names import OPTIONS, Part
from vq_benchmark.datasets.parts.parts import PartFiles, open_parts
from vq_benchmark.datasets.parts.shards import open_files, shards_of_pattern
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.locations import input_path


@dataclass(frozen=True)
class Resolved:
    """A data set that was found, but not opened yet."""

    name: str
    """As results call it."""
    open: Callable[[LoadOptions], RawDataset]
    any_size: bool = False
    """Whether the number of rows and the dimension may be chosen."""
    is_on_disk: bool = False
    """Whether it is a path, whose base the user may say."""


def resolve(name_or_path: str | Path | Sequence[str | Path]) -> Resolved:
    """The data set that a name, a path, a pattern of files or a list of them stands for.

    Raises:
        InputError: there is no such data set; the sentence names similar ones.
    """
    if not isinstance(name_or_path, str | Path):
        paths = _listed(name_or_path)
        return _on_disk(paths[0].parent.resolve().name, paths)
    text = str(name_or_path)
    name, _, revision = text.partition("@")
    entry = CATALOG.get(text) or CATALOG.get(name)
    if entry is not None:
        return Resolved(entry.name, partial(_open_entry, entry, revision or None), entry.any_size)
    if text.startswith(HUB_PREFIX):
        return Resolved(text, partial(open_hub_name, text))
    path = input_path(name_or_path)
    with reading(path):  # a name may be too long even to be looked for
        is_directory, exists = path.is_dir(), path.exists()
    if is_directory:
        return Resolved(path.resolve().name, partial(_open_directory, path), is_on_disk=True)
    return _on_disk(path.name, (path,) if exists else _missing(path))


def files_at(given: str | Path, part: Part, option: str | None = None) -> tuple[Path, ...]:
    """The files that an option names for a part: one, those of a pattern, or those of that part in a folder.

    The option is that of the part, unless it is given.

    Raises:
        InputError: there are none.
    """
    path = input_path(given)
    with reading(path):
        is_directory, exists = path.is_dir(), path.exists()
    if is_directory:
        found: tuple[Path, ...] = () if part == "base" else getattr(files_beside_base(path), part)
        return found or files_of_directory(path).base
    shards = () if exists else tuple(shards_of_pattern(str(path)))
    if not exists and not shards:
        raise InputError(f"there is no file {str(path)!r}, which {option or OPTIONS[part]} names.")
    return shards or (path,)


def _on_disk(name: str, paths: tuple[Path, ...]) -> Resolved:
    return Resolved(name, partial(_open_file, paths), is_on_disk=True)


def _open_file(paths: tuple[Path, ...], options: LoadOptions) -> RawDataset:
    stored = open_parts(PartFiles(paths), column=options.column, cache=options.cache)
    if options.base_path is None:
        return stored
    files = files_at(options.base_path, "base")
    base = open_files(files, options.column, options.cache).base
    origins = decided(stored.origins, "base", [path.name for path in files])
    return replace(stored, base=base, origins=origins)


def _open_directory(path: Path, options: LoadOptions) -> RawDataset:
    base = () if options.base_path is None else files_at(options.base_path, "base")
    return open_parts(files_of_directory(path, base), column=options.column, cache=options.cache)


def _listed(given: Sequence[str | Path]) -> tuple[Path, ...]:
    """The files of a list, in its order."""
    paths = tuple(input_path(path) for path in given)
    if not paths:
        raise InputError("the list of files is empty; give at least one file.")
    for path in paths:
        format_of(path)
    return paths


def _missing(path: Path) -> tuple[Path, ...]:
    """The files of a path that does not exist: those that match it as a pattern, or the one that is missing."""
    shards = shards_of_pattern(str(path))
    require_one_part(str(path), shards)
    if not shards and extension_of(path) not in formats():
        raise unknown_dataset(str(path))
    return tuple(shards) or (path,)


def _open_entry(entry: CatalogEntry, revision: str | None, options: LoadOptions) -> RawDataset:
    if revision is not None and not entry.downloads:
        raise InputError(f"{entry.name!r} has only one version, so @{revision} does not apply.")
    if options.column is not None and not entry.downloads:
        raise InputError(f"{entry.name!r} has no columns, so --vector-column {options.column} does not apply.")
    stored = entry.open(replace(options, revision=revision))
    notes = stored.notes
    if Path(entry.name).exists():
        notes = (*notes, f"{entry.name} is the data set of that name; write ./{entry.name} for the file or folder.")
    return replace(stored, distance=stored.distance or entry.distance, notes=notes)
