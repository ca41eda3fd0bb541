"""The program as a person runs it, in this process: arguments in, exit code and both outputs out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.cli.main import main


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Ran]:
    """Run vq-benchmark in an empty folder with caches of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VQ_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "160")
    for variable in ("DB_PATH", "CODEBOOKS_DIR", "CHECKPOINT_DIR", "SLURM_JOB_ID", "SLURM_CPUS_PER_TASK"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["vq-benchmark", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """A folder data set: 5,000 base vectors of dimension 16, 40 queries."""
    folder = tmp_path / "my vectors"
    folder.mkdir()
    rng = np.random.default_rng(1)
    spread = 1 / np.sqrt(np.arange(1, 17))
    for name, rows in (("base", 5000), ("queries", 40)):
        np.save(folder / f"{name}.npy", (rng.standard_normal((rows, 16)) * spread).astype(np.float32))
    return folder
