"""SLURM_GUIDE and the scripts in slurm/, as they stand, on a real cluster."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.cli.main import app
from vq_benchmark.results.database import Database

PROJECT = Path(__file__).parents[2]
GUIDE = (PROJECT / "docs" / "SLURM_GUIDE.md").read_text()
SCRIPTS = PROJECT / "slurm"
WAIT = 'while [ -n "$(squeue --noheader)" ]; do sleep 0.2; done'
OF_THE_MACHINE = {
    "fit_seconds", "encode_vectors_per_second", "decode_vectors_per_second", "peak_memory_bytes", "data_block_bytes",
}  # fmt: skip


def console_blocks() -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", GUIDE, re.DOTALL)
    return [re.findall(r"^\$ (.*)$", block, re.MULTILINE) for block in blocks]


def saved_study() -> str:
    (study,) = re.findall(r"as `study.yaml`:\n\n```yaml\n(.*?)```", GUIDE, re.DOTALL)
    return study


@pytest.fixture
def login_node(cluster, tmp_path, monkeypatch):
    """A home with scratch, the project and its environment, as the guide leaves them."""
    scratch = tmp_path / "scratch"
    shutil.copytree(SCRIPTS, scratch / "vq-benchmark" / "slurm")
    (scratch / "study.yaml").write_text(saved_study())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SBATCH_PARTITION", "large")  # what a cluster where none is to be named has as its default
    monkeypatch.chdir(scratch)
    return cluster


def typed(commands: list[str], seconds: float) -> str:
    """What a shell says that runs them one after another and stops at the first that fails."""
    done = subprocess.run(
        ["bash", "-c", "\n".join(["set -eu", *commands])],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def quality(path: Path) -> dict[tuple, dict]:
    rows = Database(path).runs("status = 'done'")
    return {
        (row.method, str(row.config)): {name: row.metrics[name] for name in row.metrics.keys() - OF_THE_MACHINE}
        for row in rows
    }


def test_the_commands_run_as_written(login_node):
    """Block by block, each when the jobs of the one before have ended."""
    commands = [
        command
        for block in console_blocks()
        for command in [*block, WAIT]
        if login_node.accounting or not command.startswith("sacct")
    ]
    said = typed(commands, 600)
    assert len(quality(Path("first-study/results.db"))) == 2, said
    assert len(quality(Path("second/results.db"))) == 1, said
    assert list(Path("figures").iterdir())
    app(
        "run --dataset sample --method rabitq --bits 2 --threads 1 --db-path undivided.db".split(),
        standalone_mode=False,
    )
    assert quality(Path("by-hand/all.db")) == quality(Path("undivided.db"))


def test_a_script_that_is_told_to_stop_queues_again_and_one_that_is_cancelled_does_not(login_node, monkeypatch):
    rng = np.random.default_rng(0)
    np.save("base.npy", rng.standard_normal((400_000, 32), dtype=np.float32))
    np.save("queries.npy", rng.standard_normal((2_000, 32), dtype=np.float32))
    for name, value in {"DATASET": "base.npy", "QUERIES": "queries.npy", "K": "10"}.items():
        monkeypatch.setenv(name, value)
    submit = "sbatch --parsable --cpus-per-task=1 vq-benchmark/slurm/precompute_gt.sbatch"
    job = started(submit)
    login_node.run("scancel", "--batch", "--signal=USR1", job)
    cancelled = started(submit.replace("sbatch", "OUT=other sbatch", 1))
    login_node.run("scancel", cancelled)
    login_node.wait_until_empty()
    log = Path(f"vq-truth-{job}.log").read_text()
    assert re.search(rf"SIGUSR1 stopped .*\n.*: {job} is queued again\.\n(.*\n)*.*goes on from its checkpoint", log), log
    assert f"{cancelled} is cancelled" in Path(f"vq-truth-{cancelled}.log").read_text()
    assert not Path("other/truth.npz").exists()
    app(
        [*"precompute-gt --dataset base.npy --queries-path queries.npy --k 10 --output-path truth.npz".split()],
        standalone_mode=False,
    )
    with np.load("study/truth.npz") as stopped, np.load("truth.npz") as undisturbed:
        assert all(np.array_equal(stopped[name], undisturbed[name]) for name in undisturbed.files)


def started(command: str) -> str:
    """The id of a job that has begun with its search."""
    job = typed([command], 60).strip()
    log = Path(f"vq-truth-{job}.log")
    wait_for(lambda: log.exists() and "vectors of dimension" in log.read_text())
    return job


def wait_for(happened: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.1)
