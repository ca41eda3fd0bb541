"""Which folders hold the limits of this process, in made-up trees of both versions."""

import pytest

from vq_benchmark.machine.cgroups import group_folders


def folders(root, controller):
    return [str(folder.relative_to(root)) for folder in group_folders(controller, root)]


def test_version_1_from_the_leaf_to_the_root(make_system):
    root = make_system("9:name=systemd:/x\n4:memory:/slurm/job_7/task_0\n1:cpu,cpuacct:/other\n0::/y", {})
    top = "sys/fs/cgroup/memory"
    assert folders(root, "memory") == [f"{top}/slurm/job_7/task_0", f"{top}/slurm/job_7", f"{top}/slurm", top]
    assert folders(root, "cpu") == ["sys/fs/cgroup/cpu,cpuacct/other", "sys/fs/cgroup/cpu,cpuacct"]


def test_version_2_has_one_tree_for_all(make_system):
    root = make_system("0::/system.slice/job_7", {}, version=2)
    top = "sys/fs/cgroup"
    for controller in ("memory", "cpu"):
        assert folders(root, controller) == [f"{top}/system.slice/job_7", f"{top}/system.slice", top]


@pytest.mark.parametrize(
    ("membership", "below"),
    [("4:memory:/docker/abc/inner", ["inner", ""]), ("4:memory:/elsewhere", [""]), ("4:memory:/docker/abc", [""])],
)
def test_in_a_container_only_what_is_mounted_is_seen(make_system, membership, below):
    root = make_system(membership, {}, group="/docker/abc")
    assert folders(root, "memory") == [f"sys/fs/cgroup/memory/{name}".rstrip("/") for name in below]


def test_a_system_without_control_groups_has_none(tmp_path):
    assert folders(tmp_path, "memory") == []
