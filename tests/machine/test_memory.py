"""What a process may use, in made-up systems and in a real control group; and its peak, on a real allocation."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import MemoryLimit, allowed_memory, parsed_bytes, readable_bytes

MIB, GIB = 1 << 20, 1 << 30
UNLIMITED = 9223372036854771712
MEMBERSHIP = "4:memory:/slurm/job_7/step_batch/task_0"
MEMORY = "sys/fs/cgroup/memory"


def of_groups(**limits):
    """The limit files of groups of version 1; those that are not named have no limit."""
    groups = {"task": "/slurm/job_7/step_batch/task_0", "step": "/slurm/job_7/step_batch", "job": "/slurm/job_7"}
    return {
        f"{MEMORY}{folder}/memory.limit_in_bytes": f"{limits.get(name, UNLIMITED)}\n"
        for name, folder in (groups | {"top": ""}).items()
    }


@pytest.mark.parametrize("level", ["task", "step", "job", "top"])
def test_the_least_limit_of_version_1_at_any_level(make_system, level):
    root = make_system(MEMBERSHIP, of_groups(**{level: 3 * GIB}))
    found = allowed_memory(environment={}, root=root)
    assert found.bytes == 3 * GIB
    assert "control group" in found.origin


def test_the_least_limit_of_version_2(make_system):
    top = "sys/fs/cgroup"
    files = {f"{top}/a/b/memory.max": "max\n", f"{top}/a/memory.max": f"{5 * GIB}\n", f"{top}/x/memory.max": "1\n"}
    root = make_system("0::/a/b", files, version=2)
    assert allowed_memory(environment={}, root=root).bytes == 5 * GIB


def test_without_a_limit_it_is_what_is_available_and_what_the_process_holds(make_system):
    root = make_system(MEMBERSHIP, of_groups(), available=4 * GIB, resident=300 * MIB)
    assert allowed_memory(environment={}, root=root) == MemoryLimit(
        4 * GIB + 300 * MIB, "the memory available on this machine"
    )


@pytest.mark.parametrize(
    ("environment", "bytes_", "origin"),
    [
        ({"SLURM_MEM_PER_NODE": "2048"}, 2 * GIB, "SLURM_MEM_PER_NODE"),
        ({"SLURM_MEM_PER_CPU": "500", "SLURM_CPUS_ON_NODE": "4"}, 2000 * MIB, "SLURM_MEM_PER_CPU"),
        ({"SLURM_MEM_PER_CPU": "500"}, 500 * MIB, "SLURM_MEM_PER_CPU"),
        ({"SLURM_MEM_PER_GPU": "1000", "SLURM_GPUS_ON_NODE": "2"}, 2000 * MIB, "SLURM_MEM_PER_GPU"),
        ({"SLURM_MEM_PER_NODE": "0", "SLURM_MEM_PER_CPU": "two"}, 8 * GIB, "available"),
    ],
)
def test_what_slurm_grants(make_system, environment, bytes_, origin):
    root = make_system(MEMBERSHIP, of_groups(), available=8 * GIB)
    found = allowed_memory(environment=environment, root=root)
    assert found.bytes == bytes_
    assert origin in found.origin


@given(option=st.integers(1, 100), slurm=st.integers(1, 100), group=st.integers(1, 100), free=st.integers(1, 100))
def test_it_is_the_least_of_all(tmp_path_factory, option, slurm, group, free):
    root = tmp_path_factory.mktemp("system")
    files = {
        "proc/self/cgroup": "0::/job",
        "proc/self/mountinfo": "30 20 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
        "proc/meminfo": f"MemAvailable: {free * 1024} kB",
        "sys/fs/cgroup/job/memory.max": str(group * MIB),
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    found = allowed_memory(option * MIB, {"SLURM_MEM_PER_NODE": str(slurm)}, root)
    assert found.bytes == min(option, slurm, group, free) * MIB


@pytest.mark.parametrize("limit", [0, -5])
def test_a_limit_below_one_byte_is_refused(limit):
    with pytest.raises(InputError, match=f"--memory-limit is {limit}"):
        allowed_memory(limit)


REPORT = """
import sys
from pathlib import Path
Path(sys.argv[1]).write_text(str(__import__("os").getpid()))
from vq_benchmark.machine.memory import allowed_memory
print(allowed_memory(environment={}).bytes)
"""


def own_group() -> Path:
    """The memory group of version 1 that this process is in."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, group = line.split(":", 2)
        if names == "memory":
            return Path(f"/sys/fs/cgroup/memory{group}")
    pytest.skip("this system has no memory groups of version 1")


def test_a_real_group_limits_a_real_process():
    group = own_group() / f"vq-benchmark-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        leaf = group / "leaf"
        leaf.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(900 * MIB))
        command = [sys.executable, "-c", REPORT, str(leaf / "cgroup.procs")]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        assert int(result.stdout) == 900 * MIB
    finally:
        for folder in (group / "leaf", group):
            if folder.exists():
                folder.rmdir()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2G", 2 * GIB),
        ("512MiB", 512 * MIB),
        ("1500000000", 1_500_000_000),
        ("1.5g", 3 * GIB // 2),
        (" 3 T ", 3 << 40),
    ],
)
def test_sizes(text, size):
    assert parsed_bytes(text) == size


@pytest.mark.parametrize("text", ["", "G", "2GB", "-1G", "0", "0.1", "2 G G", "two", "1e9", "nan"])
def test_bad_sizes_are_refused_in_one_sentence(text):
    with pytest.raises(InputError, match="2G, 512MiB or a number of bytes"):
        parsed_bytes(text)


@given(st.integers(1, 1 << 60))
def test_readable_sizes_can_be_read_again(size):
    assert parsed_bytes(readable_bytes(size).replace(",", "").replace(" bytes", "")) == pytest.approx(size, rel=0.06)


SCRIPT = """
import json
import numpy as np
from vq_benchmark.machine.memory import peak_bytes, reset_peak
before = peak_bytes()
block = np.ones(120_000_000, dtype=np.uint8)
with_block = peak_bytes()
del block
kept = peak_bytes()
was_reset = reset_peak()
print(json.dumps([before, with_block, kept, was_reset, peak_bytes()]))
"""


def test_the_peak_grows_with_an_allocation_and_can_be_reset() -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, with_block, kept, was_reset, after = json.loads(result.stdout)
    assert 5_000_000 < before < 1_000_000_000
    assert 110_000_000 < with_block - before < 130_000_000
    assert kept >= with_block - 1_000_000  # the kernel counts in batches of pages
    if was_reset:
        assert after < with_block - 100_000_000
    else:
        assert after >= kept - 1_000_000
