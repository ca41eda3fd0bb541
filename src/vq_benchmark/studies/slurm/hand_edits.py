"""Scripts that people may edit: a checksum in the script itself tells whether anyone did."""

import hashlib
import re
from pathlib import Path

from vq_benchmark.machine.atomic_files import atomic_write

MARK = re.compile(r"^# Checksum of the text below: (\w{16})$\n?", re.MULTILINE)
EDITED = ".edited"


def signed(text: str) -> str:
    """A script with its checksum in the second line."""
    first, _, rest = text.partition("\n")
    return f"{first}\n# Checksum of the text below: {_checksum(text)}\n{rest}"


def is_edited(text: str) -> bool:
    """Whether a script differs from what was signed."""
    mark = MARK.search(text)
    return mark is None or mark[1] != _checksum(MARK.sub("", text, count=1))


def replace_script(path: Path, text: str) -> str:
    """Write a script; returns a sentence if that sets edits by hand aside, which are kept beside it."""
    new = signed(text)
    before = path.read_text(errors="surrogateescape") if path.exists() else None
    if before == new:
        return ""
    edited = before is not None and is_edited(before)
    if edited:
        path.replace(path.with_name(path.name + EDITED))
    with atomic_write(path) as file:
        file.write(new.encode())
    if not edited:
        return ""
    return (
        f"{str(path)!r} was written again, so that your edits in it no longer apply; they are kept in "
        f"{path.name + EDITED!r}."
    )


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]
