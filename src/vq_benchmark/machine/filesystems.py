"""Whether a folder is on a disk of this machine or shared by several."""

import re
from pathlib import Path

SHARED = (
    "nfs",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "cifs",
    "smb",
    "panfs",
    "weka",
    "afs",
    "glusterfs",
    "orangefs",
    "9p",
)
"""What the names of file systems that several machines share begin with; with FUSE, after `fuse.`."""
MOUNTS = Path("/proc/self/mounts")


def filesystem_of(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the file system that a folder is on, such as "ext4"; None if this machine does not tell."""
    if not mounts.exists():
        return None
    path, found = folder.resolve(), (-1, "")
    for line in mounts.read_text(errors="surrogateescape").splitlines():
        _, place, kind = line.split()[:3]
        place = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), place)
        if path.is_relative_to(place):
            found = max(found, (len(place), kind))
    return found[1] or None


def is_shared(kind: str) -> bool:
    """Whether a file system of this type is shared by several machines."""
    return kind.removeprefix("fuse.").startswith(SHARED)
