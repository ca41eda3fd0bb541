"""The cost of dividing a study: two workers against one, and chunks on SLURM against the undivided local run.

    python benchmarks/divided_study.py [--rows 1000000] [--dim 384] [--chunks 8] [--folder DIR]
    python benchmarks/divided_study.py --slurm [--test-cluster] [--data FOLDER] [--threads 2]
    python benchmarks/divided_study.py --slurm --test-cluster --rows 10000000 --dim 768 --dtype float16 \
        --methods sq --bits 8

Without --slurm: wall time of `sweep --chunks 8 --workers 2` over that of `--workers 1`, with one thread per worker.
With --slurm, which needs a cluster with accounting: CPU time of all jobs, with one thread each, over that of the
undivided `sweep`; --test-cluster starts the cluster of the tests, two nodes on this machine. Tasks share jobs as they
do by default. Data is generated and kept in the folder, unless --data names some; then --rows is the number of rows
to use.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

PROGRAM = [sys.executable, "-m", "vq_benchmark"]


def vectors(folder: Path, rows: int, dim: int, dtype: str) -> Path:
    """A folder data set, generated if it is missing."""
    data = folder / f"{rows}x{dim}"
    data.mkdir(parents=True, exist_ok=True)
    for name, count, seed in (("base", rows, "0"), ("queries", 200, "1")):
        if not (data / f"{name}.npy").exists():
            subprocess.run(
                [*PROGRAM, "generate-data", "--num-vectors", str(count), "--dim", str(dim), "--dtype", dtype,
                 "--seed", seed, "--output", str(data / f"{name}.npy")],
                check=True,
            )  # fmt: skip
    return data


def timed(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, float]:
    """Wall and CPU seconds of a command and its children."""
    before, began = os.times(), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - began, cpu


def places(folder: Path) -> list[str]:
    return [
        "--db-path", str(folder / "results.db"), "--codebooks-dir", str(folder / "codebooks"),
        "--cache-dir", str(folder / "cache"), "--checkpoint-dir", str(folder / "checkpoints"),
    ]  # fmt: skip


def workers(study: list[str], chunks: int, folder: Path) -> None:
    seconds = {}
    for count in (1, 2):
        with tempfile.TemporaryDirectory(dir=folder) as name:
            sweep = [*PROGRAM, "sweep", *study, "--chunks", str(chunks), "--workers", str(count)]
            seconds[count], _ = timed([*sweep, "--threads", str(count), *places(Path(name))])
        print(f"{chunks} chunks, {count} worker{'s' if count > 1 else ''} of one thread: {seconds[count]:.1f} s wall")
    print(json.dumps({"wall time of 2 workers over 1": round(seconds[2] / seconds[1], 3)}))


def slurm(study: list[str], chunks: int, folder: Path, threads: int) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        _, local = timed([*PROGRAM, "sweep", *study, "--threads", str(threads), *places(Path(name))])
    print(f"undivided, {threads} threads: {local:.1f} s of CPU", flush=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        directory = Path(name) / "study"
        submit = [*PROGRAM, "slurm", "submit", *study, "--chunks", str(chunks), "--study-dir", str(directory)]
        submit += ["--cpus-per-task", "1", "--mem-per-cpu", "1500M", "--time", "60"]
        _, submitting = timed([*submit, "--cache-dir", str(folder / "cache")])
        while not done(directory):
            time.sleep(5)
        jobs = [str(job["id"]) for job in json.loads((directory / "slurm" / "jobs.json").read_text())["jobs"]]
        divided = accounted(jobs)
    print(
        f"{chunks} chunks on SLURM: {divided:.1f} s of CPU in {len(jobs)} arrays, {submitting:.1f} s to submit them"
    )
    print(json.dumps({"CPU time on SLURM over undivided": round(divided / local, 3)}))


def done(directory: Path) -> bool:
    status = subprocess.run(
        [*PROGRAM, "slurm", "status", str(directory), "--json"], check=True, capture_output=True, text=True
    )  # exit code 1, which ends this script, if a task has failed
    return all(stage["done"] == stage["tasks"] for stage in json.loads(status.stdout)["stages"].values())


def accounted(jobs: list[str]) -> float:
    """CPU seconds of the jobs from accounting, which lags: it is queried until it gives the same answer twice."""
    before = -1.0
    while True:
        listed = subprocess.run(
            ["sacct", "-n", "-P", "-o", "JobID,TotalCPU", "-j", ",".join(jobs)],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        rows = (line.split("|") for line in listed.splitlines())
        total = sum(seconds_of(text) for step, text in rows if step.endswith(".batch"))
        if total == before > 0:
            return total
        before = total
        time.sleep(10)


def seconds_of(text: str) -> float:
    """Seconds of D-HH:MM:SS, HH:MM:SS or MM:SS.fff."""
    days, _, clock = text.rpartition("-")
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return total + 86_400 * int(days or 0)


@contextmanager
def test_cluster() -> Iterator[None]:
    """The cluster of the tests, set in the environment of this process."""
    path = Path(__file__).parents[1] / "tests" / "slurm" / "cluster.py"
    spec = importlib.util.spec_from_file_location("cluster", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["cluster"] = module
    spec.loader.exec_module(module)
    with module.running_cluster(accounting=True, cgroups=False, max_array_size=1001) as cluster:
        os.environ.update(cluster.environment)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--methods", default="sq,rabitq")
    parser.add_argument("--bits", default="4")
    parser.add_argument("--slurm", action="store_true")
    parser.add_argument("--test-cluster", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--threads", type=int, default=1, help="threads of the undivided sweep, compared with SLURM")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "vq-divided-study")
    arguments = parser.parse_args()
    data = arguments.data or vectors(arguments.folder, arguments.rows, arguments.dim, arguments.dtype)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    study = ["--dataset", str(data), "--metric", "l2", "--method", arguments.methods, "--bits", arguments.bits]
    study += ["--dataset-limit", str(arguments.rows)]
    if not arguments.slurm:
        workers(study, arguments.chunks, arguments.folder)
        return
    with test_cluster() if arguments.test_cluster else nullcontext():
        slurm(study, arguments.chunks, arguments.folder, arguments.threads)


if __name__ == "__main__":
    main()
