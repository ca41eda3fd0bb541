"""The commit of a checkout, read from its files: starting git would double the memory of a job for a moment."""

import re
from pathlib import Path

SHOWN_DIGITS = 12


def checked_out_commit(checkout: Path) -> str | None:
    """The first 12 hex digits of the commit that is checked out in a folder; None if it is no checkout of git.

    It does not tell whether files differ from that commit.
    """
    try:
        folder = _git_folder(checkout)
        head = (folder / "HEAD").read_text().strip()
        commit = _resolved(folder, head.removeprefix("ref: ")) if head.startswith("ref: ") else head
    except (OSError, UnicodeDecodeError):
        return None
    return commit[:SHOWN_DIGITS] if commit and re.fullmatch(r"[0-9a-f]{40,64}", commit) else None


def _git_folder(checkout: Path) -> Path:
    """The folder of git; in a worktree and in a submodule, `.git` is a file that names it."""
    found = checkout / ".git"
    if found.is_dir():
        return found
    return checkout / found.read_text().strip().removeprefix("gitdir: ")


def _resolved(folder: Path, name: str) -> str | None:
    """The commit that a reference such as refs/heads/main names. Worktrees share those of the main checkout."""
    shared = folder / "commondir"
    common = folder / shared.read_text().strip() if shared.exists() else folder
    for place in (folder, common):
        if (place / name).is_file():
            return (place / name).read_text().strip()
    packed = common / "packed-refs"
    lines = packed.read_text().splitlines() if packed.exists() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), None)
