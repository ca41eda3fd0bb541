"""Studies on a real cluster that limits submitted jobs, with several tasks to a job and resources for each stage."""

from pathlib import Path
from typing import Any

import pytest
from slurm_studies import local_qualities, qualities

from vq_benchmark.results.database import Database
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm.limits import cluster_limits
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.status import study_status
from vq_benchmark.studies.stages import STAGES
from vq_benchmark.studies.study import Study

MOST_JOBS = 6


def written(folder: Path, vectors: Path, **values: Any) -> Path:
    """A study file with few rows of the vectors."""
    lines = {"dataset": vectors, "k": 10, "max_candidates": 20, "train_size": 500, "num_pairs": 300} | values
    path = folder / "study.yaml"
    path.write_text("\n".join(f"{name}: {value}" for name, value in lines.items()))
    return path


def whole(manifest: Manifest) -> Study:
    return manifest.study.model_copy(update={"chunks": 1})


def test_a_limit_on_submitted_jobs_makes_waves(cluster, folder, vectors, program, tmp_path):
    """Twelve jobs where six may be in the queue: each wave ends with a job that submits the next on its node."""
    limit = ("--qos", "small") if cluster.accounting else ("--max-jobs", MOST_JOBS)
    study = written(
        tmp_path, vectors, dataset_limit=2000, methods="[sq]", bits="[4]", chunks=10, skip_ground_truth="true"
    )
    directory = folder / "waves"
    options = ("--mem-per-cpu", "600M", "--tasks-per-job", 1, *limit)
    command = ("slurm", "submit", study, "--study-dir", directory, *options)
    dry = program(*command, "--dry-run")
    assert dry.code == 0, dry.err
    assert f"The queue takes {MOST_JOBS} jobs (" in dry.out
    assert "submitted in 3 waves." in dry.out
    said = program(*command)
    assert said.code == 0, said.err
    origin = "MaxSubmitJobsPerUser of QOS small" if cluster.accounting else "--max-jobs"
    assert f"5 of 12 jobs fit into the queue ({origin} is 6)" in said.out
    assert len(cluster.queue()) == MOST_JOBS
    manifest = Manifest.load(directory)
    found = study_status(manifest)
    assert found.problems == []
    assert found.counts("merge")["pending"] == 1
    cluster.wait_until_empty(200)
    assert study_status(manifest).counts("merge")["done"] == 1
    assert len(list((directory / "logs").glob("wave-*.log"))) == 2
    assert qualities(Database(manifest.results_path)) == local_qualities(tmp_path, whole(manifest))


def test_four_hundred_tasks_are_a_few_jobs(cluster, folder, vectors, program, tmp_path):
    """The fit requests more memory than the others, in the study file; all is done in five jobs."""
    study = written(
        tmp_path, vectors, dataset_limit=4000, methods="[sq, none]", bits="[4]", chunks=200, skip_ground_truth="true",
        resources="{fit: {mem: 1100M}, evaluate: {tasks_per_job: 150, time: 0:30:00}}",
    )  # fmt: skip
    directory = folder / "bundles"
    said = program("slurm", "submit", study, "--study-dir", directory, "--fit-cpus-per-task", 2, "--time", 20)
    assert said.code == 0, said.err
    manifest = Manifest.load(directory)
    assert manifest.count("evaluate") == 400
    asked = {
        line.split()[0].split("-")[1]: line.split()[1:]
        for line in cluster.run("squeue", "-h", "-o", "%j %m %C %l").splitlines()
    }
    assert asked["fit"] == ["1100M", "2", "20:00"]
    assert asked["evaluate"][1:] == ["1", "30:00"]
    assert int(asked["evaluate"][0].removesuffix("M")) < 1100
    assert len(cluster.queue()) == 5
    cluster.wait_until_empty(200)
    counts = {stage: study_status(manifest).counts(stage)["done"] for stage in STAGES if manifest.count(stage)}
    assert counts == {"fit": 2, "evaluate": 400, "merge": 1}
    assert len(list((directory / "logs").glob("*.log"))) == 5
    assert qualities(Database(manifest.results_path)) == local_qualities(tmp_path, whole(manifest))


def test_limits_are_those_that_accounting_shows(cluster):
    if not cluster.accounting:
        pytest.skip("accounting cannot be started here")
    assert cluster_limits(JobSpec.parse({"qos": "small"})).jobs.jobs == MOST_JOBS
    assert cluster_limits(JobSpec.parse({})).jobs.origin == "MaxJobCount"
