"""How many threads this process may use, given to every library that starts its own."""

import os
import sys

from threadpoolctl import threadpool_limits

from vq_benchmark.errors import InputError

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def allowed_threads(requested: int | None = None) -> int:
    """`--threads`, else SLURM_CPUS_PER_TASK, else the processors that this process may run on.

    Raises:
        InputError: fewer than one thread was asked for.
    """
    if requested is not None:
        if requested < 1:
            raise InputError(f"--threads is {requested}, it must be at least 1.")
        return requested
    per_task = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if per_task.isdigit() and int(per_task) > 0:
        return int(per_task)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(count: int) -> None:
    """Give `count` threads to BLAS, OpenMP, faiss and numba, whether they are loaded already or not."""
    for variable in VARIABLES:
        os.environ[variable] = str(count)
    threadpool_limits(limits=count)
    if "faiss" in sys.modules:
        sys.modules["faiss"].omp_set_num_threads(count)
    # Numba refuses a change of its variable once it is loaded; before, the variable is all there is.
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    else:
        os.environ["NUMBA_NUM_THREADS"] = str(count)
