"""Real engines to compare with: packages that `make test ENGINES=1` installs."""

import os
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from types import ModuleType

import numpy as np
import pytest

ROWS, QUERIES = 3000, 50


@pytest.fixture(scope="session")
def engine() -> Callable[[str], ModuleType]:
    """Import the package of an engine, or skip the test; VQ_ENGINES=1 demands it."""

    def imported(name: str) -> ModuleType:
        if os.environ.get("VQ_ENGINES") == "1":
            return import_module(name)
        return pytest.importorskip(name, reason=f"{name} is not installed; make test ENGINES=1 does that")

    return imported


@pytest.fixture(scope="session")
def sample() -> tuple[np.ndarray, np.ndarray]:
    """3,000 unit vectors of the packaged sample, and 50 queries."""
    found = []
    for name, count in (("base.npy", ROWS), ("queries.npy", QUERIES)):
        with (files("vq_benchmark.datasets") / "sample_data" / name).open("rb") as file:
            rows = np.load(file)[:count].astype(np.float32)
        found.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return found[0], found[1]
