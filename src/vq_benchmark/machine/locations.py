"""File locations: paths that contain environment variables, and the cache folder."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from vq_benchmark.errors import InputError

SLURM_PATTERNS = {
    "%j": "SLURM_JOB_ID",
    "%A": "SLURM_ARRAY_JOB_ID",
    "%a": "SLURM_ARRAY_TASK_ID",
    "%N": "SLURMD_NODENAME",
    "%x": "SLURM_JOB_NAME",
}
"""Patterns in sbatch's file names, and the variables with the same values."""


def is_below(name: str) -> bool:
    """Whether an untrusted name, joined to a folder, is certain to give a path below that folder."""
    parts = name.split("/")
    return name.isprintable() and "\\" not in name and not {"", ".", ".."}.intersection(parts)


def file_in(folder: Path, name: str) -> Path:
    """The path of that name directly in a folder.

    Raises:
        InputError: the name, which is untrusted, would lead out of the folder.
    """
    if "/" in name or not is_below(name):
        raise InputError(f"{name!r} is not a valid file name in {str(folder)!r}.")
    return folder / name


def cache_dir(option: str | None, environment: Mapping[str, str] = os.environ) -> Path:
    """`--cache-dir`, else $VQ_CACHE_DIR, else $TMPDIR inside a SLURM job, else the user's cache folder."""
    chosen = option or environment.get("VQ_CACHE_DIR")
    if chosen:
        return expanded(chosen, environment)
    if "SLURM_JOB_ID" in environment and environment.get("TMPDIR"):
        return Path(environment["TMPDIR"]) / "vq-benchmark"
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vq-benchmark"


def input_path(path: str | Path) -> Path:
    """The path of an input, with a leading `~` or `~user` expanded if that home folder is known.

    Raises:
        InputError: it contains a character that is not allowed in a path.
    """
    if "\0" in str(path):
        raise InputError(f"{str(path)!r} contains a character that is not allowed in a path.")
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser takes ./~name for ~name, and may raise


def study_folder(path: str) -> Path:
    """The folder of a study exactly as given: every task gets the same name, so it must not depend on the task.

    Raises:
        InputError: the path is empty, or contains a character that is not allowed in a path.
    """
    _require_some(path)
    return input_path(path)


def expanded(path: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The path with `~`, `$NAME`, `${NAME}` and SLURM's %j, %A, %a, %N, %x replaced.

    Raises:
        InputError: a variable is not set (tasks would share one file), `~` names an unknown user, or the path is
            empty.
    """
    _require_some(path)

    def value_of(match: re.Match[str]) -> str:
        name = SLURM_PATTERNS.get(match[0]) or match[1] or match[2]
        if not environment.get(name):
            raise InputError(f"{path!r} contains {match[0]!r}, but {name} is not set.")
        return environment[name]

    replaced = Path(re.sub(r"%[jAaNx]|\$(\w+)|\$\{(\w+)\}", value_of, path))
    try:
        return replaced.expanduser()
    except RuntimeError as error:
        raise InputError(f"{path!r} starts with the home folder of an unknown user.") from error


def _require_some(path: str) -> None:
    if not path:
        raise InputError("a path is empty; give the name of a file or folder, such as . for the current folder.")
