"""How many threads: who decides, and who is told."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from vq_benchmark.errors import InputError
from vq_benchmark.machine.threads import allowed_threads, let_threads_sleep, one_blas_thread

MakeSystem = Callable[..., Path]


PROCESSORS = len(os.sched_getaffinity(0))


def test_the_option_comes_before_slurm_before_the_processors() -> None:
    assert allowed_threads(1, {"SLURM_CPUS_PER_TASK": "3"}) == 1
    assert allowed_threads(environment={"SLURM_CPUS_PER_TASK": "3", "SLURM_CPUS_ON_NODE": "1"}) == 3
    assert allowed_threads(environment={"SLURM_CPUS_ON_NODE": "1"}) == 1


@pytest.mark.parametrize("useless", ["", "0", "two", "-4"])
def test_what_is_no_number_of_threads_is_passed_over(make_system: MakeSystem, useless: str) -> None:
    environment = {"SLURM_CPUS_PER_TASK": useless, "SLURM_CPUS_ON_NODE": useless}
    assert allowed_threads(environment=environment, root=make_system("0::/", {})) == PROCESSORS


@pytest.mark.parametrize("requested", [0, -1, 10**6])
def test_what_the_machine_does_not_have_is_refused(requested: int) -> None:
    with pytest.raises(
        InputError, match=f"--threads is {requested}; it must be from 1 to {os.cpu_count()}, the number of CPUs"
    ):
        allowed_threads(requested)


@pytest.mark.parametrize(
    ("quota", "expected"), [(-1, PROCESSORS), (100_000, 1), (50_000, 1), (10**9, PROCESSORS), (199_999, 1)]
)
def test_the_quota_of_a_group_of_version_1(make_system: MakeSystem, quota: int, expected: int) -> None:
    cpu = "sys/fs/cgroup/cpu,cpuacct"
    files = {
        f"{cpu}/job/cpu.cfs_quota_us": f"{quota}\n",
        f"{cpu}/job/cpu.cfs_period_us": "100000\n",
        f"{cpu}/job/task/cpu.cfs_quota_us": "-1\n",
        f"{cpu}/job/task/cpu.cfs_period_us": "100000\n",
    }
    assert allowed_threads(environment={}, root=make_system("1:cpu,cpuacct:/job/task", files)) == expected


@pytest.mark.parametrize(("stated", "expected"), [("max 100000", PROCESSORS), ("100000 100000", 1)])
def test_the_quota_of_a_group_of_version_2(make_system: MakeSystem, stated: str, expected: int) -> None:
    root = make_system("0::/job", {"sys/fs/cgroup/job/cpu.max": f"{stated}\n"}, version=2)
    assert allowed_threads(environment={}, root=root) == expected


SCRIPT = """
import json, sys
from vq_benchmark.machine.threads import use_threads
if sys.argv[1] == "before":
    use_threads(1)
import faiss, numba, numpy
from threadpoolctl import threadpool_info
if sys.argv[1] == "after":
    use_threads(1)
pools = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
print(json.dumps([numba.get_num_threads(), faiss.omp_get_max_threads(), sorted(pools)]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_library_is_told_whether_loaded_or_not(when: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, when], capture_output=True, text=True, check=True, env=environment
    )
    assert json.loads(result.stdout) == [1, 1, [1]]


BEFORE_LOADING = """
import json, os, sys
import vq_benchmark.machine.threads as threads
loaded = [name for name in ("numpy", "numba", "faiss") if name in sys.modules]
import vq_benchmark.cli.run
from threadpoolctl import threadpool_info
pools = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
print(json.dumps([loaded, sorted(pools)]))
"""


def test_the_program_sets_threads_before_the_libraries_load() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    result = subprocess.run(
        [sys.executable, "-c", BEFORE_LOADING],
        capture_output=True, text=True, check=True, env=environment | {"SLURM_CPUS_PER_TASK": "1"},
    )  # fmt: skip
    assert json.loads(result.stdout) == [[], [1]]


def test_waiting_threads_sleep_unless_the_user_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT", raising=False)
    let_threads_sleep()
    assert (os.environ["OMP_WAIT_POLICY"], os.environ["OPENBLAS_THREAD_TIMEOUT"]) == ("active", "4")


def test_products_stay_on_one_thread_where_the_code_has_its_own() -> None:
    def counts() -> list[int]:
        pools = threadpool_info()
        return [each["num_threads"] for each in pools if each["user_api"] == "blas" and "numpy" in each["filepath"]]

    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2, user_api="blas"):
        before = counts()
        assert set(before) == {2}
        with one_blas_thread():
            assert set(counts()) == {1}
        assert counts() == before
