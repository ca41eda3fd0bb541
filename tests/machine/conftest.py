"""A made-up /proc and tree of control groups."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

MOUNTINFO = """\
20 1 8:1 / / rw - ext4 /dev/sda1 rw
31 20 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
{mounts}
"""
VERSION_1 = """\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 {group} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd"""
VERSION_2 = "30 20 0:27 {group} /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw"

MakeSystem = Callable[..., Path]


@pytest.fixture
def make_system(tmp_path: Path) -> MakeSystem:
    """A function that makes a root with /proc files and the given other files, and returns it."""

    def make(
        membership: str,
        files: Mapping[str, object],
        *,
        version: int = 1,
        group: str = "/",
        available: int = 1 << 40,
        resident: int = 0,
    ) -> Path:
        mounts = {1: VERSION_1, 2: VERSION_2}[version].format(group=group)
        proc = {
            "proc/self/cgroup": membership + "\n",
            "proc/self/mountinfo": MOUNTINFO.format(mounts=mounts),
            "proc/meminfo": f"MemTotal:       99999999 kB\nMemAvailable:   {available // 1024} kB\n",
            "proc/self/status": f"Name:\tpython\nVmRSS:\t  {resident // 1024} kB\n",
        }
        for name, content in (proc | dict(files)).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(content))
        return tmp_path

    return make
