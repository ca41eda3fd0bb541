"""Real clusters for the tests of this folder: `cluster` with accounting, memory limits and preemption where the
machine can, `plain_cluster` without accounting and with arrays of at most four tasks."""

import importlib.util
import io
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vq_benchmark.cli.main import main

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


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def program() -> Callable[..., Ran]:
    """Run vq-benchmark in this process: arguments in, exit code and both outputs out."""

    def run(*arguments: object) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr("sys.argv", ["vq-benchmark", *map(str, arguments)])
            patch.setenv("COLUMNS", "160")
            try:
                main()
            except SystemExit as stopped:
                code = int(stopped.code or 0)
        return Ran(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that other users may look into, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="vq it's; $HOME ") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def _saved(folder: Path, n: int, d: int, queries: int) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(4)
    for name, rows in (("base", n), ("queries", queries)):
        np.save(folder / f"{name}.npy", rng.standard_normal((rows, d)).astype(np.float32))
    return folder


@pytest.fixture(scope="session")
def vectors(folder: Path) -> Path:
    """A data set of eight tiles."""
    return _saved(folder / "vectors", 8 * 4096, 16, 30)


@pytest.fixture(scope="session")
def many_tiles(folder: Path) -> Path:
    """A data set of forty tiles, so that a task can be stopped at forty places."""
    return _saved(folder / "many tiles", 40 * 4096, 4, 5)


@pytest.fixture(scope="session")
def slow_encoding(folder: Path) -> Callable[[float], str]:
    """A setup line for jobs after which `none` takes so many seconds to encode a tile, asleep."""
    place = folder / "slow"
    place.mkdir()
    (place / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "if 'vq_benchmark' in sys.orig_argv:\n"
        "    from vq_benchmark.quantizers.methods.none import Uncompressed\n"
        "    encode = Uncompressed.encode\n"
        "    def slowly(self, vectors):\n"
        "        print('encodes', file=sys.stderr, flush=True)\n"
        "        time.sleep(float(os.environ['SECONDS_PER_TILE']) * len(vectors) / 4096)\n"
        "        return encode(self, vectors)\n"
        "    Uncompressed.encode = slowly\n"
    )
    path = shlex.quote(str(place))
    return lambda seconds: f"export SECONDS_PER_TILE={seconds} PYTHONPATH={path}:$PYTHONPATH"
