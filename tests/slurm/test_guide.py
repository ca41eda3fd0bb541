"""SLURM_GUIDE and the scripts in slurm/, as they stand, on a real cluster."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import MemoryLimit
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.results.checkpoints import Checkpoint
from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import MACHINE_METRICS
from vq_benchmark.studies.aggregate import finish_partial_rows
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.costs.memory_estimate import truth_within_memory
from vq_benchmark.studies.planning import plan_study
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.failures import ENDINGS
from vq_benchmark.studies.slurm.job_arrays import ArrayPart
from vq_benchmark.studies.slurm.jobs import Record
from vq_benchmark.studies.slurm.profiles import SHIPPED, read_profiles
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.status import study_status
from vq_benchmark.studies.slurm.submission import submit_study
from vq_benchmark.studies.stages import Task
from vq_benchmark.studies.study import Study
from vq_benchmark.studies.tasks import TaskContext, require_done

PROJECT = Path(__file__).parents[2]
GUIDE = (PROJECT / "docs" / "SLURM_GUIDE.md").read_text()
SCRIPTS = PROJECT / "slurm"
WAIT = 'while [ -n "$(squeue --noheader)" ]; do sleep 0.2; done'


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
        (row.method, str(row.config)): {
            name: value for name, value in row.metrics.items() if not any(part in name for part in MACHINE_METRICS)
        }
        for row in rows
    }


def test_the_commands_run_as_written(login_node):
    """Block by block, each when the jobs of the one before have ended.

    One of them cancels a study and resumes it at once, while its tasks are still writing their checkpoints.
    """
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
    typed(["vq-benchmark run --dataset sample --method rabitq --bits 2 --threads 1 --db-path undivided.db"], 300)
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
    for sentence in ("SIGUSR1 stopped exact neighbours", f"{job} is requeued.", "resuming from checkpoint"):
        assert sentence in log
    assert f"{cancelled} was cancelled" in Path(f"vq-truth-{cancelled}.log").read_text()
    assert not Path("other/truth.npz").exists()
    typed(
        ["vq-benchmark precompute-gt --dataset base.npy --queries-path queries.npy --k 10 --output-path truth.npz"],
        60,
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


def test_profiles_are_as_the_guide_has_them(tmp_path):
    options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in SHIPPED["ice"].items())
    assert options in GUIDE
    (example,) = re.findall(r"slurm.yaml`:\n\n```yaml\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "slurm.yaml").write_text(example)
    profiles = read_profiles(tmp_path / "slurm.yaml")
    assert (profiles["ice"].mem_per_cpu, profiles["ice"].cpus_per_task) == ("4G", 4)
    assert profiles["timing"].setup == ("module load anaconda3",)


LONG_ENOUGH = 15
"""Characters of a message that is not found in others by chance."""
DOCUMENTED = [
    re.sub(r"\\?…", ".*", re.escape(message))
    for section in [GUIDE[GUIDE.index("## When something goes wrong") :]]
    for line in re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    for message in re.findall(r"`([^`]+)`", line)
    if len(message) >= LONG_ENOUGH
]


def is_documented(said: object) -> bool:
    text = " ".join(str(said).split())
    return any(re.search(pattern, text) for pattern in DOCUMENTED)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        action()
    return str(caught.value)


def test_messages_of_the_cluster_are_as_the_guide_has_them(login_node, tmp_path, monkeypatch):
    def refused(*options: str) -> str:
        return login_node.run("sbatch", *options, SCRIPTS / "merge.sbatch", check=False)

    assert is_documented(refused("--partition=nowhere"))
    assert is_documented(refused("--mem-per-cpu=900G"))
    assert is_documented(refused("--constraint=nothing"))
    failing = login_node.run("sbatch", "--parsable", "--wrap=false").strip()
    for reason, option in {
        "DependencyNeverSatisfied": f"--dependency=afterok:{failing}",
        "PartitionTimeLimit": "--time=7-0",
    }.items():
        job = login_node.run("sbatch", "--parsable", option, "--wrap=true").strip()
        question = ("squeue", "--noheader", "--jobs", job, "--format", "%r")
        wait_for(lambda: login_node.run(*question).strip() == reason)  # noqa: B023 - it is called here and now
        assert is_documented(reason)
        login_node.run("scancel", job)
    monkeypatch.chdir("vq-benchmark")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    job = login_node.run("sbatch", "--parsable", SCRIPTS / "merge.sbatch").strip()
    login_node.wait_until_empty()
    assert is_documented(Path(f"vq-merge-{job}.log").read_text())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert is_documented(refusal(scheduler.require_slurm))


def test_without_accounting_sacct_says_what_the_guide_says(plain_cluster):
    said = plain_cluster.run("sacct", check=False).strip()
    assert said.splitlines()[0] in GUIDE


def test_messages_of_studies_are_as_the_guide_has_them(login_node, tmp_path, monkeypatch):
    study = Study.parse({"dataset": "sample", "dataset_limit": 500, "methods": ["sq"], "bits": [4], "chunks": 2})
    options = study.options(Machine(tmp_path / "cache", tmp_path / "codebooks"))
    dataset = study.load()
    manifest = plan_study(study, tmp_path / "study", dataset, options)
    other = study.model_copy(update={"chunks": 3})
    assert is_documented(refusal(lambda: plan_study(other, manifest.folder, dataset, options)))
    assert is_documented(refusal(lambda: require_done(manifest, Task("fit", 0))))
    tight = replace(options, machine=replace(options.machine, memory=MemoryLimit(1, "--memory-limit")))
    assert is_documented(refusal(lambda: truth_within_memory(dataset, tight, 0, dataset.n)))
    record = Record(JobSpec.parse({})).with_job(999_999, "truth", ArrayPart(0, "0-1", 2))
    record.save(manifest.folder)
    assert is_documented(refusal(lambda: submit_study(manifest, record)))
    reasons = {each.task: each.reason for each in study_status(manifest).problems}
    assert is_documented(reasons[Task("truth", 0)])
    assert is_documented(f"{ENDINGS['OUT_OF_MEMORY'].reason}. What to do: {ENDINGS['OUT_OF_MEMORY'].remedy}.")
    assert is_documented(ENDINGS["TIMEOUT"].reason)
    monkeypatch.setattr("getpass.getuser", lambda: "somebody")
    assert is_documented(refusal(lambda: plan_study(study, manifest.folder, dataset, options)))
    changed = TaskContext(replace(manifest, fingerprint="another"), options.machine, SilentReporter())
    assert is_documented(refusal(lambda: changed.dataset))


def test_messages_of_checkpoints_and_disks_are_as_the_guide_has_them(tmp_path, small_disk):
    checkpoint = Checkpoint(tmp_path / "x.npz", {"dataset_fingerprint": "new"})
    Checkpoint(checkpoint.path, {"dataset_fingerprint": "old"}).write(b"", 4096)
    assert is_documented(refusal(lambda: checkpoint.read(SilentReporter())))
    small_disk.fill()
    assert is_documented(refusal(lambda: Checkpoint(small_disk.path / "x.npz", {}).write(bytes(10_000), 0)))


def test_messages_of_incomplete_sets_are_as_the_guide_has_them(make_study, tmp_path):
    def incomplete(name: str, rows: list) -> list[str]:
        database = Database(tmp_path / name)
        database.put_all(rows)
        return finish_partial_rows(database).incomplete

    study = make_study("sq")
    assert is_documented(*incomplete("missing.db", study.parts[:2]))
    assert is_documented(*incomplete("twice.db", [*study.parts, *make_study("sq", chunks=2).parts]))
    odd = replace(study.parts[0], environment=study.parts[0].environment | {"model_hash": "another"})
    assert is_documented(*incomplete("models.db", [odd, *study.parts[1:]]))
