"""A control row that is impossible becomes a failed row, for whole runs and for studies in chunks alike."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.evaluation.evaluate import GroundTruths
from vq_benchmark.evaluation.ground_truths.ground_truth_files import load_truths, save_truths
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.results.database import Database
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.ground_truths import belonging_of
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.planning import plan_study
from vq_benchmark.studies.study import Study
from vq_benchmark.studies.tasks import TaskContext, TaskFailed, run_task

N, K, SILENT = 900, 10, SilentReporter()
ERROR = "of the uncompressed vectors is 0.000, but it must be 1: for 20 of 20 queries"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    rng = np.random.default_rng(2)
    (tmp_path / "data").mkdir()
    for name, rows in (("base", N), ("queries", 20)):
        np.save(tmp_path / "data" / f"{name}.npy", rng.standard_normal((rows, 8)).astype(np.float32))
    values = {"dataset": str(tmp_path / "data"), "methods": ["sq", "none"], "bits": 4, "k": K, "max_candidates": 20}
    return Study.parse(values | {"train_size": 500, "num_pairs": 50, "chunks": 2})


@pytest.fixture
def options(tmp_path: Path) -> Machine:
    return Machine(cache_dir=tmp_path / "cache", codebooks_dir=tmp_path / "codebooks")


def make_nearer(path: Path, study: Study) -> None:
    """Change a file of ground truth into one that nearer vectors have."""
    dataset = study.load()
    truth = load_truths(path, belonging_of(dataset), K, (0, N)).queries
    nearer = replace(truth, top=replace(truth.top, scores=truth.top.scores + 50))
    save_truths(path, GroundTruths(nearer), belonging_of(dataset), np.zeros(20))


def test_of_a_whole_run(study, options, tmp_path) -> None:
    dataset, options = study.load(), study.options(options)
    cells, _ = study.cells(dataset, options)
    database = Database(tmp_path / "x.db")
    assert run_cells(dataset, options, cells, database, "x", SILENT).failed == []
    (path,) = (tmp_path / "cache" / "ground-truth").rglob("*.npz")
    make_nearer(path, study)
    outcome = run_cells(dataset, options, cells, Database(tmp_path / "y.db"), "y", SILENT)
    (failed,) = outcome.failed
    assert failed.method == "none"
    assert ERROR in failed.error
    path.unlink()
    assert run_cells(dataset, options, cells, Database(tmp_path / "y.db"), "y", SILENT).failed == []


def test_of_a_study_in_chunks(study, options, tmp_path) -> None:
    folder = tmp_path / "study"
    manifest = plan_study(study, folder, study.load(), study.options(options))
    for stage in ("truth", "reduce"):
        for task in manifest.tasks(stage):
            run_task(TaskContext(manifest, options, SILENT), task)
    make_nearer(manifest.result_path(manifest.task("reduce", 0)), study)
    for stage in ("fit", "evaluate"):
        for task in manifest.tasks(stage):
            run_task(TaskContext(manifest, options, SILENT), task)
    for _ in range(2):  # the second time, the chunks have been used up
        with pytest.raises(TaskFailed, match="but it must be 1"):
            run_task(TaskContext(manifest, options, SILENT), manifest.task("merge", 0))
        statuses = {run.method: run.status for run in Database(manifest.results_path).runs("status != 'partial'")}
        assert statuses == {"sq": "done", "none": "failed"}
    (failed,) = Database(manifest.results_path).runs("status = 'failed'")
    assert ERROR in failed.error
