"""Real clusters for the tests of this folder: `cluster` with accounting, memory limits and preemption where the
machine can, `plain_cluster` without accounting and with arrays of at most four tasks."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SMALL_ARRAYS = 4


def _load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"tests_slurm_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


clusters = _load("cluster")


def _require_slurm() -> None:
    reason = clusters.why_not()
    if reason is not None and os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; with CI=true this is a failure.", pytrace=False)
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def full_cluster() -> Iterator[Any]:
    _require_slurm()
    with clusters.running_cluster(accounting=True, cgroups=True, max_array_size=1001) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def small_cluster() -> Iterator[Any]:
    _require_slurm()
    with clusters.running_cluster(accounting=False, cgroups=False, max_array_size=SMALL_ARRAYS) as cluster:
        yield cluster


def _entered(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_"))]:
        monkeypatch.delenv(name)
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    return cluster


@pytest.fixture
def cluster(full_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The full cluster, which SLURM's commands speak to while the test lasts."""
    return _entered(full_cluster, monkeypatch)


@pytest.fixture
def plain_cluster(small_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The small cluster, which SLURM's commands speak to while the test lasts."""
    return _entered(small_cluster, monkeypatch)
