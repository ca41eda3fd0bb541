"""The control groups of this process, whose folders hold its limits.

Linux has two versions of control groups, which may be mounted side by side. The limit of a group also applies to the
groups below it. A SLURM task is in a group of its own without a limit, so every group from the leaf to the root
counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class _Mount:
    group: PurePosixPath
    """The group visible at `point`; in a container it need not be the root group."""
    point: PurePosixPath
    controllers: frozenset[str]
    """Controllers of version 1; version 2 has all in one tree, under the name ""."""


def group_folders(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's groups of a version 1 controller, such as `memory`, and of version 2, from the
    leaf to the root. They are below `root`, which is "/" except in tests."""
    try:
        memberships = (root / "proc/self/cgroup").read_text().splitlines()
        mounts = list(_mounts((root / "proc/self/mountinfo").read_text()))
    except OSError:
        return
    for membership in memberships:
        _, names, group = membership.split(":", 2)
        found = next((mount for mount in mounts if _is_of(mount, names, controller)), None)
        if found is not None:
            yield from _from_leaf_to_root(found, PurePosixPath(group), root)


def _is_of(mount: _Mount, names: str, controller: str) -> bool:
    controllers = frozenset(names.split(","))
    return controllers <= mount.controllers and (controller in controllers or not names)


def _from_leaf_to_root(mount: _Mount, group: PurePosixPath, root: Path) -> Iterator[Path]:
    # A group outside the mount belongs to a container that does not see its own name: it is at the top.
    below = group.relative_to(mount.group) if group.is_relative_to(mount.group) else PurePosixPath()
    leaf = mount.point / below
    for folder in (leaf, *leaf.parents):
        if folder.is_relative_to(mount.point):
            yield root / folder.relative_to("/")


def _mounts(mountinfo: str) -> Iterator[_Mount]:
    """The mounts of control groups in /proc/self/mountinfo (proc(5))."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        group, point = before.split(" ")[3:5]
        if kind in {"cgroup", "cgroup2"}:
            controllers = frozenset(options.split(",")) if kind == "cgroup" else frozenset([""])
            yield _Mount(PurePosixPath(group), PurePosixPath(point), controllers)
