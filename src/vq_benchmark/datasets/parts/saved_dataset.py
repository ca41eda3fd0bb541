"""Folders that `save_to_disk` of Hugging Face's datasets writes: state.json says which of their files hold the rows.

A data set is such a folder. A dictionary of splits is a folder of them, named after the splits.
"""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.machine.damage import reading
from vq_benchmark.machine.documents import parsed_json

STATE = "state.json"
DATA_FILES, SELECTIONS = "_data_files", ("_indices_files", "_indices_data_files")
NOT_LISTED = f"{STATE} beside it does not list it"


def is_saved(folder: Path) -> bool:
    """Whether a folder is a data set that was saved."""
    return (folder / STATE).is_file()


def unlisted(paths: Iterable[Path]) -> list[Path]:
    """The Arrow files in saved data sets that do not hold their rows, such as those of a cache."""
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        if path.suffix.lower() == ".arrow":
            by_folder.setdefault(path.parent, []).append(path)
    listed = {folder: set(_names(folder, DATA_FILES)) for folder in by_folder if is_saved(folder)}
    return [path for folder, names in listed.items() if names for path in by_folder[folder] if path.name not in names]


def selection(folder: Path) -> str:
    """Why the rows of a saved data set are not those in its files, and what to type; empty if they are."""
    if not is_saved(folder) or not any(_names(folder, key) for key in SELECTIONS):
        return ""
    code = (
        f"from datasets import load_from_disk as load; load({str(folder)!r}).flatten_indices().save_to_disk("
        f"{str(folder.with_name(f'{folder.name}-flat'))!r})"
    )
    way = f"write them out: python -c {shlex.quote(code)}"
    return f"the rows of {str(folder)!r} are a selection of those in its files; {way}"


def require_all_rows(folder: Path) -> None:
    """Raises InputError if the rows of a saved data set are a selection of those in its files."""
    reason = selection(folder)
    if reason:
        raise InputError(f"{reason}.")


def _names(folder: Path, key: str) -> list[str]:
    """The file names that the description of a saved data set has under a key."""
    path = folder / STATE
    with reading(path, ValueError, what="a JSON object"):
        content = parsed_json(path.read_bytes())
    entries: Any = content.get(key) if isinstance(content, dict) else None
    entries = entries if isinstance(entries, list) else []
    return [name for each in entries if isinstance(each, dict) and isinstance(name := each.get("filename"), str)]
