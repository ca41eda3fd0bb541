"""Where things are kept: who decides, and names that array tasks do not share."""

from pathlib import Path

import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.machine.locations import cache_dir, expanded
from vq_benchmark.results.default_paths import checkpoint_dir, codebooks_dir, database_path

JOB = {
    "SLURM_JOB_ID": "100",
    "SLURM_ARRAY_JOB_ID": "90",
    "SLURM_ARRAY_TASK_ID": "7",
    "SLURMD_NODENAME": "node3",
    "SLURM_JOB_NAME": "sweep",
    "HOME": "/home/me",
}


def test_the_option_comes_before_the_variable_before_the_default() -> None:
    assert database_path("a.db", {"DB_PATH": "b.db"}) == Path("a.db")
    assert database_path(None, {"DB_PATH": "b.db"}) == Path("b.db")
    assert database_path("", {"DB_PATH": ""}) == Path("logs/benchmark_runs.db")
    assert codebooks_dir("a", {"CODEBOOKS_DIR": "b"}) == Path("a")
    assert codebooks_dir(None, {"CODEBOOKS_DIR": "b"}) == Path("b")
    assert codebooks_dir(None, {}) == Path("codebooks")
    assert checkpoint_dir("a", {"CHECKPOINT_DIR": "b"}) == Path("a")
    assert checkpoint_dir(None, {"CHECKPOINT_DIR": "b/%j", "SLURM_JOB_ID": "100"}) == Path("b/100")
    assert checkpoint_dir(None, {"CHECKPOINT_DIR": ""}) == Path("checkpoints")


def test_the_cache() -> None:
    everything = {**JOB, "VQ_CACHE_DIR": "b", "TMPDIR": "/scratch", "XDG_CACHE_HOME": "/xdg"}
    assert cache_dir("a", everything) == Path("a")
    assert cache_dir(None, everything) == Path("b")
    assert cache_dir(None, {**everything, "VQ_CACHE_DIR": ""}) == Path("/scratch/vq-benchmark")
    assert cache_dir(None, {"TMPDIR": "/scratch", "XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/vq-benchmark")
    assert cache_dir(None, {}) == Path.home() / ".cache" / "vq-benchmark"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("runs-%j.db", "runs-100.db"),
        ("%A_%a.db", "90_7.db"),
        ("%x/%N.db", "sweep/node3.db"),
        ("$SLURM_JOB_ID.db", "100.db"),
        ("${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID/x", "90_7/x"),
        ("plain.db", "plain.db"),
        ("50%.db", "50%.db"),
        ("cost$", "cost$"),
        ("%J-%z", "%J-%z"),
    ],
)
def test_names_are_replaced(path: str, expected: str) -> None:
    assert expanded(path, JOB) == Path(expected)
    assert database_path(path, JOB) == database_path(None, {**JOB, "DB_PATH": path}) == Path(expected)
    assert codebooks_dir(path, JOB) == cache_dir(path, JOB) == Path(expected)


def test_a_value_is_not_replaced_again() -> None:
    assert expanded("$A", {"A": "%j$B", "B": "x", "SLURM_JOB_ID": "1"}) == Path("%j$B")


def test_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expanded("~/runs.db", {}) == Path("/home/me/runs.db")
    assert expanded("a~b", {}) == Path("a~b")
    with pytest.raises(InputError, match="home folder of an unknown user"):
        expanded("~nobody-of-this-name/x.db", {})


@pytest.mark.parametrize("path", ["%j.db", "%A", "x_%a.db", "$SLURM_JOB_ID.db", "${NOT_SET}/x", "$NOT_SET"])
def test_names_that_stand_for_nothing_are_refused(path: str) -> None:
    for environment in ({}, dict.fromkeys([*JOB, "NOT_SET"], "")):
        with pytest.raises(InputError, match="not set"):
            database_path(path, environment)
