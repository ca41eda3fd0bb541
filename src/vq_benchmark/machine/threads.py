"""The number of threads this process may use, applied to every library that starts its own."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vq_benchmark.errors import InputError
from vq_benchmark.machine.cgroups import group_folders

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SLEEP = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"}
"""Threads that wait for work sleep. By default they spin (OpenBLAS for 2^26 cycles), on the processors of others."""


def allowed_threads(
    requested: int | None = None, environment: Mapping[str, str] = os.environ, root: Path = Path("/")
) -> int:
    """`--threads`, else SLURM_CPUS_PER_TASK, else the smallest of SLURM_CPUS_ON_NODE, the number of processors that
    this process may run on, and the quotas of its control groups.

    Args:
        requested: value of --threads.
        environment: the environment variables.
        root: where to look for /proc and the control groups.

    Raises:
        InputError: `requested` is below 1, or above the number of processors of the machine.
    """
    if requested is not None:
        processors = os.cpu_count() or 1
        if not 1 <= requested <= processors:
            raise InputError(f"--threads is {requested}; it must be from 1 to {processors}, the number of CPUs.")
        return requested
    per_task = _count(environment, "SLURM_CPUS_PER_TASK")
    if per_task:
        return per_task
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    on_node = _count(environment, "SLURM_CPUS_ON_NODE") or affinity
    return max(int(min(on_node, affinity, *_quotas(root))), 1)


def set_thread_variables(count: int) -> None:
    """Make BLAS and OpenMP start with `count` threads when they are loaded; `use_threads` can change this later."""
    for variable in VARIABLES:
        os.environ[variable] = str(count)
    let_threads_sleep()


def let_threads_sleep() -> None:
    """Make threads that wait for work sleep, in libraries that are loaded after this, unless the user chose."""
    for variable, value in SLEEP.items():
        os.environ.setdefault(variable, value)


def one_blas_thread() -> AbstractContextManager[object]:
    """While this is entered, each product of numpy stays on its thread, for code that has threads of its own.

    This also keeps the threads of a BLAS from spinning that was loaded before `let_threads_sleep`.
    """
    limit: AbstractContextManager[object] = _blas().limit(limits=1)
    return limit


@cache
def _blas() -> "ThreadpoolController":
    """The BLAS libraries that are loaded, numpy's among them. To find them takes a millisecond."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def use_threads(count: int) -> None:
    """Give `count` threads to BLAS, OpenMP, faiss and numba, whether or not they are already loaded."""
    from threadpoolctl import threadpool_limits  # what only starts and ends needs none of it

    set_thread_variables(count)
    threadpool_limits(limits=count)
    if "faiss" in sys.modules:
        sys.modules["faiss"].omp_set_num_threads(count)
    # Numba refuses changes to its variable once it is loaded; before that, only the variable exists.
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    else:
        os.environ["NUMBA_NUM_THREADS"] = str(count)


def _count(environment: Mapping[str, str], variable: str) -> int:
    text = environment.get(variable, "")
    return int(text) if text.isdecimal() else 0


def _quotas(root: Path) -> Iterator[float]:
    """The CPU quota of each control group in processors: its quota over its period, both in microseconds."""
    for folder in group_folders("cpu", root):
        for names in (("cpu.cfs_quota_us", "cpu.cfs_period_us"), ("cpu.max",)):
            files = [folder / name for name in names]
            if all(file.exists() for file in files):
                quota, period = " ".join(file.read_text() for file in files).split()
                if quota not in {"max", "-1"}:
                    yield int(quota) / int(period)
