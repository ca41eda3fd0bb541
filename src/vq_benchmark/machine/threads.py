"""How many threads this process may use, given to every library that starts its own."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from threadpoolctl import threadpool_limits

from vq_benchmark.errors import InputError
from vq_benchmark.machine.cgroups import group_folders

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def allowed_threads(
    requested: int | None = None, environment: Mapping[str, str] = os.environ, root: Path = Path("/")
) -> int:
    """`--threads`, else SLURM_CPUS_PER_TASK, else the least of SLURM_CPUS_ON_NODE, the processors that this process
    may run on, and the quotas of its control groups.

    Args:
        requested: of --threads.
        environment: the variables of the process.
        root: where /proc and the control groups are looked for.

    Raises:
        InputError: fewer than one thread was asked for, or more than the machine has processors.
    """
    if requested is not None:
        processors = os.cpu_count() or 1
        if not 1 <= requested <= processors:
            raise InputError(f"--threads is {requested}, it must be from 1 to the {processors} processors there are.")
        return requested
    per_task = _count(environment, "SLURM_CPUS_PER_TASK")
    if per_task:
        return per_task
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    on_node = _count(environment, "SLURM_CPUS_ON_NODE") or affinity
    return max(int(min(on_node, affinity, *_quotas(root))), 1)


def set_thread_variables(count: int) -> None:
    """Let BLAS and OpenMP start with `count` threads when they are loaded; `use_threads` can change it later."""
    for variable in VARIABLES:
        os.environ[variable] = str(count)


def use_threads(count: int) -> None:
    """Give `count` threads to BLAS, OpenMP, faiss and numba, whether they are loaded already or not."""
    set_thread_variables(count)
    threadpool_limits(limits=count)
    if "faiss" in sys.modules:
        sys.modules["faiss"].omp_set_num_threads(count)
    # Numba refuses a change of its variable once it is loaded; before, the variable is all there is.
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    else:
        os.environ["NUMBA_NUM_THREADS"] = str(count)


def _count(environment: Mapping[str, str], variable: str) -> int:
    text = environment.get(variable, "")
    return int(text) if text.isdecimal() else 0


def _quotas(root: Path) -> Iterator[float]:
    """Processors' worth of time that each control group grants: its quota over its period, both in microseconds."""
    for folder in group_folders("cpu", root):
        for names in (("cpu.cfs_quota_us", "cpu.cfs_period_us"), ("cpu.max",)):
            files = [folder / name for name in names]
            if all(file.exists() for file in files):
                quota, period = " ".join(file.read_text() for file in files).split()
                if quota not in {"max", "-1"}:
                    yield int(quota) / int(period)
