"""CPU seconds until the program has done nothing: python benchmarks/startup.py

User and system time of whole processes, the least of several; beside them a process that imports the libraries alone.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = [sys.executable, "-P", "-m", "vq_benchmark"]
FLOOR = [sys.executable, "-c", "import numpy, numba, faiss"]
DATA = ["--dataset", "sample", "--dataset-limit", "600", "--num-queries", "10"]
PLAN = [*DATA, "--method", "sq", "--bits", "8", "--train-size", "200"]
COMPLETION = {
    "_VQ_BENCHMARK_COMPLETE": "complete_bash",
    "COMP_WORDS": "vq-benchmark sweep --max",
    "COMP_CWORD": "2",
}


def cpu_seconds(command: list[str], repeats: int, **environment: str) -> float:
    """The least user and system time of a command."""
    found = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=os.environ | environment, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def done_task(folder: Path) -> list[str]:
    """The command of a task that is done, in a new study."""
    subprocess.run([*PROGRAM, "study", "plan", *PLAN, "--study-dir", str(folder)], capture_output=True, check=True)
    assert json.loads((folder / "manifest.json").read_text())["chunks"]
    (folder / "results").mkdir(exist_ok=True)
    (folder / "results" / "evaluate-00000.db").touch()
    return [*PROGRAM, "study", "task", "--threads=1", str(folder), "evaluate", "0"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        commands: dict[str, tuple[list[str], dict[str, str]]] = {
            "floor: import numpy, numba, faiss": (FLOOR, {}),
            "--help": ([*PROGRAM, "--help"], {}),
            "completion of an option": (PROGRAM, COMPLETION),
            "a task that is done": (done_task(Path(folder, "study")), {}),
            "methods": ([*PROGRAM, "methods"], {}),
            "a whole sweep of 600 rows": (
                [*PROGRAM, "sweep", *PLAN, "--threads", "1", "--force", "--db-path", f"{folder}/a.db"],
                {},
            ),
        }
        floor = 0.0
        for name, (command, environment) in commands.items():
            seconds = cpu_seconds(command, repeats, **environment)
            floor = floor or seconds
            print(f"{name}: {seconds:.2f} s, {seconds / floor:.2f} of the floor")


if __name__ == "__main__":
    main()
