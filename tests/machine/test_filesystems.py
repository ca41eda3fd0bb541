"""Which file system a folder is on, from a table of mounts."""

from pathlib import Path

import pytest

from vq_benchmark.machine.filesystems import filesystem_of, is_shared

TABLE = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/nvme0 /home/a\\040b xfs rw 0 0
tmpfs /tmp tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/var/x", "ext4"), ("/home/u/study", "nfs4"), ("/home/a b/c", "xfs"), ("/homer", "ext4"), ("/tmp", "tmpfs")],
)
def test_the_longest_mount_above_a_folder_counts(tmp_path, folder, kind):
    mounts = tmp_path / "mounts"
    mounts.write_text(TABLE)
    assert filesystem_of(Path(folder), mounts) == kind


def test_without_a_table_nothing_is_known(tmp_path):
    assert filesystem_of(Path("/tmp"), tmp_path / "none") is None
    (tmp_path / "empty").write_text("")
    assert filesystem_of(Path("/tmp"), tmp_path / "empty") is None


def test_shared_file_systems():
    assert all(map(is_shared, ("nfs", "nfs4", "lustre", "fuse.glusterfs", "beegfs", "cifs")))
    assert not any(map(is_shared, ("ext4", "xfs", "tmpfs", "overlay", "fuse.fuse-overlayfs")))
