"""The rehearsal of a study: it measures the study's own tasks, and leaves nothing behind."""

import tempfile
from dataclasses import replace

import numpy as np
import pytest

from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.results.database import Database
from vq_benchmark.studies.cell_run import CPU_SECONDS
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.costs import calibration
from vq_benchmark.studies.costs.calibration import Line, calibrated
from vq_benchmark.studies.costs.cost_estimate import study_cost
from vq_benchmark.studies.costs.earlier_costs import earlier_costs
from vq_benchmark.studies.costs.memory_estimate import BASELINE_BYTES
from vq_benchmark.studies.costs.stage_memory import stage_memory
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.planning import draft_manifest
from vq_benchmark.studies.stages import STAGES
from vq_benchmark.studies.study import Study


@pytest.fixture
def planned(tmp_path):
    """Two configurations on three chunks of 2,000 rows."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "base.npy", rng.standard_normal((6000, 8)).astype(np.float32))
    study = Study.parse(
        {
            "dataset": str(tmp_path / "base.npy"), "num_queries": 20, "methods": ["sq", "none"], "bits": 8, "k": 5,
            "max_candidates": 10, "train_size": 3000, "num_pairs": 50, "chunks": 3,
        }
    )  # fmt: skip
    options = study.options(Machine(cache_dir=tmp_path / "cache", codebooks_dir=tmp_path / "codebooks"))
    dataset = study.load()
    return draft_manifest(study, tmp_path / "study", dataset, options), dataset, options


def test_a_line_separates_what_each_row_costs():
    line = Line.through((500, 2.0), (4500, 10.0))
    assert (line.constant, line.per_row) == (1.0, 0.002)
    assert line.at(100_000) == 201
    assert Line.through((500, 2.0), (4500, 1.0)).at(10**6) == 2.0  # noise never makes it fall
    assert Line.through((500, 0.1), (4500, 9.0)).constant == 0


def test_every_stage_is_measured_and_nothing_is_left(planned, tmp_path, monkeypatch):
    manifest, dataset, _ = planned
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    found = calibrated(manifest, dataset, 60)
    assert found.evaluate.keys() == {each.run_id for each in manifest.configurations}
    assert found.fit.keys() == {each.model_id for each in manifest.models}
    assert found.bytes_of.keys() == set(STAGES)
    assert all(line.at(2000) > 0 for line in [found.truth, *found.evaluate.values()])
    assert not manifest.folder.exists()
    assert list((tmp_path / "temporary").iterdir()) == []
    cost = study_cost(manifest, found)
    assert {stage: each.tasks for stage, each in cost.stages.items()} == {
        "truth": 3, "reduce": 1, "fit": 2, "evaluate": 6, "merge": 1,
    }  # fmt: skip
    assert cost.cpu_seconds > 6 * cost.stages["evaluate"].cpu_seconds > 0
    assert cost.bytes > 6 * found.bytes_of["evaluate"]
    whole = "times are from a calibration on this machine (2 of 2 configurations, up to 4,096 rows)."
    assert cost.source == whole


def test_engines_that_share_a_method_have_times_of_their_own(planned):
    manifest, dataset, options = planned
    study = manifest.study.model_copy(update={"methods": {}, "engines": ["usearch:b1", "pgvector:bit"]})
    shared = draft_manifest(study, manifest.folder, dataset, options)
    first, second = shared.configurations
    assert (first.method, first.config, first.seed) == (second.method, second.config, second.seed)
    assert calibrated(shared, dataset, 60).evaluate.keys() == {first.run_id, second.run_id}


def test_what_there_was_no_time_for_is_taken_to_cost_as_much_as_the_rest(planned):
    manifest, dataset, _ = planned
    found = calibrated(manifest, dataset, 1e-9)
    assert len(found.evaluate) == 1
    cost = study_cost(manifest, found)
    assert "(1 of 2 configurations, up to 4,096 rows); the other configurations" in cost.source
    (line,) = found.evaluate.values()
    assert cost.stages["evaluate"].cpu_seconds == pytest.approx(line.at(2000), rel=0.01)
    unknown = study_cost(manifest, None)
    assert (unknown.cpu_seconds, unknown.files, unknown.source) == (None, 13, "no times were estimated.")


def test_earlier_rows_count_more_than_a_calibration(planned, tmp_path):
    manifest, dataset, options = planned
    database = Database(tmp_path / "earlier.db")
    run_cells(dataset, options, [manifest.configurations[0].cell((0, dataset.n))], database, "x", SilentReporter())
    other = replace(dataset, name="another")
    assert earlier_costs(manifest, other, [database.path]) == {}
    found = earlier_costs(manifest, dataset, [tmp_path / "none.db", database.path])
    assert list(found) == [manifest.configurations[0].run_id]
    cost = study_cost(manifest, None, found)
    (run,) = database.runs()
    assert cost.stages["evaluate"].cpu_seconds == pytest.approx(2000 * run.environment[CPU_SECONDS], rel=0.01)
    assert cost.stages["fit"].cpu_seconds is None
    assert cost.source.startswith("times are from earlier rows (1 of 2 configurations); the other")


def test_a_study_whose_tasks_fail_has_no_times(planned, monkeypatch):
    def fail(context, task):
        raise calibration.TaskFailed("no")

    monkeypatch.setattr(calibration, "run_task", fail)
    assert calibrated(*planned[:2], 60) is None


def test_memory_of_the_stages(planned):
    found = stage_memory(*planned, dict.fromkeys(STAGES, 1))
    assert list(found) == list(STAGES)
    assert all(BASELINE_BYTES < memory.least <= memory.usual < 2 * BASELINE_BYTES for memory in found.values())
    assert found["fit"].what.startswith(("sq", "none"))
