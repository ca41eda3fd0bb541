"""A signal ends every command with one sentence, the exit code of the signal, and nothing half-written."""

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import vq_benchmark

ENTRIES = {
    "script": ["-c", "from vq_benchmark.__main__ import main; main()"],
    "module": ["-m", "vq_benchmark"],
}
SIGNALS = (signal.SIGINT, signal.SIGTERM)
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the program in an empty folder, with signals as a terminal hands them down."""
    processes: list[subprocess.Popen[str]] = []

    def start(
        *arguments: object, entry: str = "module", flags: tuple[str, ...] = (), group: bool = False
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *flags, *ENTRIES[entry], *map(str, arguments)],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=group,
            preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in SIGNALS],
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_the_script_of_the_package_is_the_one_that_is_tested() -> None:
    project = tomllib.loads(Path(vq_benchmark.__file__).parents[2].joinpath("pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"vq-benchmark": "vq_benchmark.__main__:main"}


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("while_importing", ["numpy", "numba", "faiss"])
def test_while_libraries_load(entry: str, number: signal.Signals, while_importing: str, start: Start) -> None:
    process = start("methods", entry=entry, flags=("-X", "importtime"))
    while while_importing not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 128 + number
    assert out == ""
    assert "Traceback" not in err
    assert err.endswith(f"vq-benchmark: stopped by {number.name}.\n")


COMMANDS = {
    "generate-data": ("generate-data", "--num-vectors", 10**8, "--dim", 64, "--output", "made/x.npy"),
    "export": (
        "export", "--dataset", "synthetic", "--dim", 16, "--num-samples", 10**8, "--num-queries", 10,
        "--method", "sq", "--bits", 8, "--train-size", 16, "--output", "made/x",
    ),
    "index": (
        "export", "--dataset", "synthetic", "--dim", 16, "--num-samples", 10**6, "--num-queries", 10,
        "--method", "pq", "--param", "m=4", "--train-size", 1000, "--output", "made/x.faiss",
    ),
    "inspect": ("inspect", "--dataset", "synthetic", "--num-samples", 10**8),
}  # fmt: skip
REACHED = {"index": "fitting to"}


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("command", COMMANDS)
def test_in_the_middle_of_work(command: str, number: signal.Signals, start: Start, tmp_path: Path) -> None:
    writes = command in ("generate-data", "export")
    # What nobody reads must fit into a pipe, so imports are listed only where they are waited for.
    process = start("--debug", *COMMANDS[command], flags=() if writes else ("-X", "importtime"))
    line = ""
    while not writes and (REACHED.get(command) or "vq_benchmark.cli.main") not in line:
        line = process.stderr.readline()
        assert process.poll() is None
    while writes and not _is_writing(tmp_path / "made"):
        assert process.poll() is None
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 128 + number
    said = [line for line in err.splitlines() if not line.startswith(("import time:", "20"))]
    assert said == [f"vq-benchmark: stopped by {number.name}."]
    assert list(tmp_path.glob("made/*")) == []


def _is_writing(folder: Path) -> bool:
    with suppress(OSError):  # a temporary was there just now
        return any(path.stat().st_size > 10**5 for path in folder.rglob("*") if path.is_file())
    return False


def test_the_next_start_removes_what_a_killed_one_left(start: Start, tmp_path: Path) -> None:
    killed = start(*COMMANDS["generate-data"])
    while not _is_writing(tmp_path / "made"):
        assert killed.poll() is None
    killed.kill()
    killed.communicate()
    (left,) = tmp_path.glob("made/.*")
    other = start("generate-data", "--num-vectors", 10, "--dim", 4, "--output", "made/y.npy")
    assert other.wait() == 0
    assert list(tmp_path.glob("made/*")) + list(tmp_path.glob("made/.*")) == [tmp_path / "made" / "y.npy"]
    assert not left.exists()


def test_workers_are_stopped_by_their_parent_alone(start: Start) -> None:
    sweep = start(
        "sweep", "--dataset", "synthetic", "--dim", 16, "--num-samples", 40_000, "--num-queries", 10,
        "--method", "sq", "--bits", "4,8", "--chunks", 4,
        "--workers", 2, "--threads", 2, "--db-path", "x.db", group=True,
    )  # fmt: skip
    while len(psutil.Process(sweep.pid).children()) < 2:
        assert sweep.poll() is None
    os.killpg(sweep.pid, signal.SIGINT)  # as a terminal does; the workers still load their libraries
    _, err = sweep.communicate()
    assert sweep.returncode == 130
    assert "Traceback" not in err
    assert "failed" not in err
    assert err.count("stopping after the current step") == 1
    assert "of 16 tasks done; rerun the same command to resume." in err
