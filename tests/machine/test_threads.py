"""How many threads: who decides, and who is told."""

import json
import os
import subprocess
import sys

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.machine.threads import allowed_threads


def test_the_option_comes_before_slurm_before_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert allowed_threads(5) == 5
    assert allowed_threads() == 3
    processors = len(os.sched_getaffinity(0))
    for useless in ("", "0", "two", "-4"):
        monkeypatch.setenv("SLURM_CPUS_PER_TASK", useless)
        assert allowed_threads() == processors
    monkeypatch.delenv("SLURM_CPUS_PER_TASK")
    assert allowed_threads() == processors


@pytest.mark.parametrize("requested", [0, -1])
def test_fewer_than_one_is_refused(requested: int) -> None:
    with pytest.raises(InputError, match=f"--threads is {requested}"):
        allowed_threads(requested)


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
