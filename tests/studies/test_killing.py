"""A sweep that is killed at random moments, again and again, ends with the numbers of an undisturbed one."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality

ROUNDS = int(os.environ.get("VQ_KILL_ROUNDS", "1"))
"""How many times more often everything is killed and stopped; `make fuzz` raises it."""
ROWS = 20_000
RESUMED = "resuming from checkpoint"
SWEEP = (
    "sweep", "--dataset", "vectors", "--method", "pq,sq,rabitq,none", "--bits", "4",
    "--k", "10", "--train-size", "1000", "--num-pairs", "500",
    "--threads", "1", "--batch-size", "4096", "--checkpoint-every", "1",
    "--codebooks-dir", "codebooks", "--cache-dir", "cache", "--checkpoint-dir", "kept", "--db-path", "results.db",
)  # fmt: skip
CHUNKS = ("--chunks", "3", "--study-dir", "study")
WORKERS = ("--chunks", "2", "--study-dir", "study", "--threads", "2", "--workers", "2")

LAUNCHER = """
import json, os, signal, sys, time
from vq_benchmark.cli.main import main
from vq_benchmark.quantizers.registry import registered

registered()  # imports all methods, so that a fork has nothing left to import; no thread runs yet
for line in sys.stdin:
    order = json.loads(line)
    began = time.monotonic()
    child = os.fork()
    if not child:
        os.chdir(order["folder"])
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)  # until the program has handlers of its own
        sys.argv = ["vq-benchmark", *order["arguments"]]
        code = 99
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    if order["signal"]:
        time.sleep(order["after"])
        os.kill(child, order["signal"])
    _, status = os.waitpid(child, 0)
    print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - began]), flush=True)
"""


class Launcher:
    """A process that has everything imported and forks one that runs the program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(
        self, folder: Path, arguments: tuple[str, ...] = SWEEP, number: int = 0, after: float = 0
    ) -> tuple[int, float]:
        """The exit code, negative if the signal `number` ended the process, and the seconds it took."""
        order = {"folder": str(folder), "arguments": arguments, "signal": number, "after": after}
        print(json.dumps(order), file=self.process.stdin, flush=True)
        code, seconds = json.loads(self.process.stdout.readline())
        return code, seconds


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    environment = os.environ | {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Launcher(process)
        process.stdin.close()


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "vectors"
    folder.mkdir()
    rng = np.random.default_rng(2)
    for name, rows in (("base", ROWS), ("queries", 20)):
        np.save(folder / f"{name}.npy", rng.standard_normal((rows, 16)).astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def new_folder(vectors: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """An empty folder to run in, with the data in sight."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("study")
        (folder / "vectors").symlink_to(vectors)
        return folder

    return make


def results(folder: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """All finished rows; none may have failed, and rows of chunks must have been spent."""
    runs = list(Database(folder / "results.db").runs())
    assert [run for run in runs if run.status == "failed" or run.accumulators] == [], (folder / "log").read_text()
    finished = [run for run in runs if run.status == "done"]
    return sorted((run.method, json.dumps(run.config), quality(run.metrics)) for run in finished)


@pytest.fixture(scope="module")
def calm(launcher: Launcher, new_folder: Callable[[], Path]) -> tuple[list[Any], float]:
    """The rows of an undisturbed sweep, and the seconds that it takes."""
    launcher.run(new_folder())  # compiles
    folder = new_folder()
    code, seconds = launcher.run(folder)
    assert code == 0, (folder / "log").read_text()
    assert len(results(folder)) == 4
    return results(folder), seconds


def interrupted(
    launcher: Launcher, folder: Path, more: tuple[str, ...], interruptions: list[tuple[int, float]]
) -> list[int]:
    """The exit codes of a sweep that is started again until it is done, with signals as long as there are any."""
    codes = []
    while not codes or codes[-1]:
        number, after = interruptions.pop() if interruptions else (0, 0.0)
        codes.append(launcher.run(folder, (*SWEEP, *more), number, after)[0])
        assert codes[-1] in (0, -signal.SIGKILL, 128 + number), (folder / "log").read_text()
    return codes[:-1]


def check_finished(folder: Path, calm: list[Any]) -> None:
    assert results(folder) == calm
    assert [path for path in folder.rglob("*") if path.parent.name in ("kept", "checkpoints")] == []


@pytest.mark.parametrize(("more", "kills"), [((), 12), (CHUNKS, 8), (WORKERS, 2)])
def test_killed_at_any_moment(more, kills, launcher, new_folder, calm) -> None:
    moments = random.Random(4)
    duration = calm[1] if not more else launcher.run(new_folder(), (*SWEEP, *more))[1]

    def kill() -> tuple[int, float]:
        return signal.SIGKILL, moments.uniform(0, 0.7 * duration)

    left, spare = [kill() for _ in range(kills * ROUNDS)], 50
    log = ""
    while left or (spare and more != WORKERS and RESUMED not in log):  # how often a kill meets a pass is chance
        if not left:
            left, spare = [kill()], spare - 1
        folder = new_folder()
        interrupted(launcher, folder, more, left)
        check_finished(folder, calm[0])
        log += (folder / "log").read_text()
    assert more == WORKERS or RESUMED in log


def test_stopped_at_any_moment(launcher, new_folder, calm) -> None:
    moments = random.Random(5)
    numbers = [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT]
    left = [(moments.choice(numbers), moments.uniform(0, 0.7 * calm[1])) for _ in range(6 * ROUNDS)]
    log = ""
    while left:
        folder = new_folder()
        codes = interrupted(launcher, folder, (), left)
        check_finished(folder, calm[0])
        assert (folder / "log").read_text().count("rerun the same command to resume.") == len(codes)
        log += (folder / "log").read_text()
    assert RESUMED in log


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGUSR1, 138), (signal.SIGTERM, 143)])
def test_the_exit_code_and_the_line_of_a_stop(number, expected, launcher, new_folder, calm) -> None:
    for share in (0.5, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2):  # a busy machine may put a moment before or after the work
        folder = new_folder()
        code, _ = launcher.run(folder, number=number, after=share * calm[1])
        if code:
            break
    assert code == expected
    log = (folder / "log").read_text()
    assert log.count(f"{number.name}: stopping after the current step") == 1
    last = log.splitlines()[-1]
    assert re.fullmatch(rf"vq-benchmark: {number.name} stopped .+; rerun the same command to resume\.", last)


def test_precomputed_ground_truth_is_killed_and_stopped(launcher, new_folder) -> None:
    moments = random.Random(6)
    command = (
        "precompute-gt", "--dataset", "vectors", "--k", "10", "--threads", "1", "--batch-size", "4096",
        "--checkpoint-every", "1", "--checkpoint-dir", "kept", "--output-path", "truth.npz",
    )  # fmt: skip
    calm = new_folder()
    code, seconds = launcher.run(calm, command)
    assert code == 0, (calm / "log").read_text()
    folder = new_folder()
    for number in [signal.SIGKILL, signal.SIGTERM] * 3 * ROUNDS:
        code, _ = launcher.run(folder, command, number, moments.uniform(0, seconds))
        assert code in (0, -number, 128 + number), (folder / "log").read_text()
        (folder / "truth.npz").unlink(missing_ok=True)
    assert launcher.run(folder, command)[0] == 0
    with np.load(calm / "truth.npz") as expected, np.load(folder / "truth.npz") as found:
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name])
    assert list((folder / "kept").iterdir()) == []


@pytest.mark.parametrize(
    ("divided", "kills"),
    [(("--chunks", "3", "--study-dir", "parts"), 6), (("--chunks", "3", "--workers", "2", "--threads", "2"), 3)],
    ids=["in one process", "in two workers"],
)
def test_a_divided_study_is_killed_and_stopped(divided, kills, launcher, new_folder, calm) -> None:
    moments = random.Random(7)
    command = (*SWEEP, *divided)
    undisturbed = new_folder()
    code, seconds = launcher.run(undisturbed, command)
    assert code == 0, (undisturbed / "log").read_text()
    assert results(undisturbed) == calm[0]
    folder, ended = new_folder(), 0
    for number in [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL] * (kills * ROUNDS // 3):
        code, _ = launcher.run(folder, command, number, moments.uniform(0, 0.8 * seconds))
        assert code in (0, -number, 128 + number), (folder / "log").read_text()
        ended += code != 0
    assert ended
    assert launcher.run(folder, command)[0] == 0, (folder / "log").read_text()
    assert results(folder) == calm[0]
