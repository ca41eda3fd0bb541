"""The machine and the software that produced a number."""

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from vq_benchmark.machine.git_commit import checked_out_commit

PACKAGE_ROOT = Path(__file__).parents[1]
LIBRARIES = ("numpy", "numba", "faiss-cpu", "rabitqlib", "scann")


def release() -> str:
    """The release that results and by-products belong to: major and minor version of the package, such as "0.1"."""
    return version("vq-benchmark").rsplit(".", 1)[0]


def version_mismatch(found: object, ours: int) -> str:
    """The reason why format version `ours` cannot read a file of version `found`, and which release can."""
    newer = isinstance(found, int) and found > ours
    remedy = "a newer release wrote it: upgrade vq-benchmark" if newer else "use the release that wrote it"
    return f"its format version is {found}, and vq-benchmark {release()} reads version {ours}; {remedy}"


def environment(threads: int) -> dict[str, Any]:
    """Package version and commit, host, CPU, memory, threads, BLAS kernels, SLURM ids, library versions; JSON."""
    from vq_benchmark.machine.blas_kernels import blas_kernels  # what only starts and ends needs none of it

    return {
        "package_version": version("vq-benchmark"),
        "git_commit": checked_out_commit(PACKAGE_ROOT.parents[1]),
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "host": platform.node(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "threads": threads,
        "blas": blas_kernels(),
        "memory_bytes": psutil.virtual_memory().total,
        "slurm": {name: value for name, value in sorted(os.environ.items()) if _is_slurm_id(name)},
    }


def _is_slurm_id(name: str) -> bool:
    return name in {"SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_CLUSTER_NAME"}


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


@cache
def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
