"""What the program loads, and how it ends. Modules are counted, not seconds, which depend on the machine."""

import json
import os
import subprocess
import sys

import pytest

from vq_benchmark.cli.command_table import FILE
from vq_benchmark.cli.one_process import require_one_process
from vq_benchmark.cli.renew_command_table import renewed
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation import metric_set
from vq_benchmark.machine.provenance import release
from vq_benchmark.studies.result_files import is_surely_done

LIBRARIES = {
    "numpy", "numba", "faiss", "pyarrow", "matplotlib", "scipy", "h5py", "sqlite3", "psutil", "torch",
}  # fmt: skip
OURS = {
    f"vq_benchmark.{name}" for name in ("datasets", "quantizers", "results", "reports", "studies.plan", "cli.sweep")
}


@pytest.fixture
def study(tmp_path):
    """The folder of a study, as far as a done task is concerned."""
    manifest = {"package_version": f"{release()}.0", "metric_set": metric_set.VERSION, "chunks": [[0, 5], [5, 9]]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for name in ("truth/5-9.npz", "truth/whole.npz", "results/evaluate-00007.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def loaded(*words: str, **environment: str) -> set[str]:
    """The modules that the program has loaded when it ends, with exit code 0."""
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\0', *sys.modules))\n"
        f"sys.argv = ['vq-benchmark', *{words!r}]\n"
        "from vq_benchmark.__main__ import main\nmain()"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.rpartition("\0")[2].split())


def test_help_completion_and_done_tasks_load_no_library(study):
    asked = {
        "_VQ_BENCHMARK_COMPLETE": "complete_bash",
        "COMP_WORDS": "vq-benchmark slurm submit --m",
        "COMP_CWORD": "3",
    }
    for found in (
        loaded("--help"),
        loaded(**asked),
        loaded("slurm", "task", "--threads=1", str(study), "evaluate", "7"),
    ):
        assert "typer" in found  # so that the list is one of modules
        assert (LIBRARIES | OURS) & found == set()
        assert len(found) < 600  # typer with pydantic and rich


def test_ground_truths_load_no_faiss():
    code = "import sys\nfrom vq_benchmark.evaluation.evaluate import GroundTruths\nprint('faiss' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_the_table_of_commands_is_that_of_the_commands():
    assert FILE.read_text() == renewed(), "renew it: python -m vq_benchmark.cli.renew_command_table"


def test_which_tasks_are_done_without_looking_further(study):
    done = [("truth", 1), ("reduce", 0), ("evaluate", 7)]
    asked = [*done, ("truth", 0), ("truth", -1), ("truth", 2), ("reduce", 1), ("evaluate", 8), ("merge", 0), ("x", 0)]
    assert [each for each in asked if is_surely_done(study, *each)] == done
    manifest = json.loads((study / "manifest.json").read_text())
    for other in (manifest | {"metric_set": 0}, manifest | {"package_version": "9.9.0"}, [], 3):
        (study / "manifest.json").write_text(json.dumps(other))
        assert not is_surely_done(study, "evaluate", 7)


def test_one_of_several_processes_of_a_step_is_refused():
    step = {"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}
    with pytest.raises(InputError, match="srun started this command 2 times, and this is process 2"):
        require_one_process(["sweep", "x.npy"], step)
    require_one_process(["slurm", "task", "DIR", "fit", "1"], step)
    for alone in ({}, step | {"SLURM_PROCID": "0"}, step | {"SLURM_NTASKS": "1"}, {"SLURM_NTASKS": "2"}):
        require_one_process(["sweep", "x.npy"], alone)


@pytest.mark.parametrize(("code", "output", "expected"), [(0, "ok", 0), (1, "ok", 1), (0, "/dev/full", 2)])
def test_the_end_runs_handlers_waits_for_threads_and_flushes(tmp_path, code, output, expected):
    script = (
        "import atexit, tempfile, threading, time, sys\n"
        "from vq_benchmark.machine.ending import end\n"
        "folder = tempfile.TemporaryDirectory(dir=sys.argv[1])\n"
        "atexit.register(print, 'handler')\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('thread'))).start()\n"
        f"print('printed')\nend({code})"
    )
    out = tmp_path / output
    with out.open("w") as stdout:
        buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        command = [sys.executable, "-c", script, str(tmp_path)]
        ran = subprocess.run(command, env=buffered, stdout=stdout, stderr=subprocess.PIPE)
    assert ran.returncode == expected, ran.stderr
    if expected != 2:
        assert out.read_text().split() == ["printed", "thread", "handler"]
        assert [path.name for path in tmp_path.iterdir()] == [output]  # no temporary folder is left
    else:
        assert ran.stderr == b"vq-benchmark: system error: [Errno 28] No space left on device.\n"
