"""Small studies for tests on a real cluster: to plan them, to submit them, and to see what became of them."""

import itertools
import time
from pathlib import Path

from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.planning import plan_study
from vq_benchmark.studies.slurm.jobs import Record
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.status import study_status
from vq_benchmark.studies.slurm.submission import submit_study
from vq_benchmark.studies.stages import STAGES
from vq_benchmark.studies.study import Study
from vq_benchmark.studies.tasks import TaskContext, run_task

SILENT = SilentReporter()
NAMES = itertools.count()


def study_of(vectors: Path, **changes: object) -> Study:
    values = {
        "dataset": str(vectors), "methods": ["none"], "bits": 4, "k": 10, "max_candidates": 20,
        "train_size": 1000, "num_pairs": 300,
    }  # fmt: skip
    return Study.parse(values | changes)


def machine(folder: Path) -> Machine:
    return Machine(cache_dir=folder / "cache", codebooks_dir=folder / "codebooks")


def planned(folder: Path, study: Study) -> Manifest:
    path = folder / f"study {next(NAMES)}"
    options = study.options(machine(path))
    return plan_study(study, path, study.load(), options)


def local_qualities(folder: Path, study: Study) -> dict[str, dict]:
    """The quality metrics of the undivided run of the study in this process, by run id."""
    dataset = study.load()
    options = study.options(machine(folder))
    database = Database(folder / "local.db")
    run_cells(dataset, options, study.cells(dataset, options)[0], database, "local", SILENT)
    return qualities(database)


def qualities(database: Database) -> dict[str, dict]:
    return {run.run_id: quality(run.metrics) for run in database.runs("status = 'done'")}


def submit(manifest: Manifest, *program_options: str, **spec: object) -> None:
    submit_study(manifest, Record(JobSpec.parse({"mem": "600M"} | spec), program_options))


def do_here(manifest: Manifest, stage: str) -> None:
    for task in manifest.tasks(stage):
        run_task(TaskContext(manifest, machine(manifest.folder), SILENT), task)


def states(manifest: Manifest) -> dict[str, dict[str, int]]:
    found = study_status(manifest)
    return {
        stage: {state: count for state, count in found.counts(stage).items() if count}
        for stage in STAGES
        if manifest.count(stage)
    }


def wait_for(happened, seconds=90.0):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.2)


def log_of(manifest: Manifest, stage: str) -> str:
    return "".join(path.read_text() for path in sorted((manifest.folder / "logs").glob(f"{stage}-*.log")))


def planned_in(path: Path, study: Study) -> Manifest:
    return plan_study(study, path, study.load(), study.options(machine(path)))
