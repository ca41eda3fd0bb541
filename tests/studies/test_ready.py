"""Which tasks can run, with the files of a study made by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vq_benchmark.studies.blocked import files_status_with_causes
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.planning import plan_study
from vq_benchmark.studies.ready import ready_tasks
from vq_benchmark.studies.stages import NEEDS, STAGES, Task, waves
from vq_benchmark.studies.study import Study


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Two chunks, two configurations: truth 2, reduce 1, fit 2, evaluate 4, merge 1."""
    rng = np.random.default_rng(0)
    for name, rows in (("base", 300), ("queries", 5)):
        np.save(tmp_path / f"{name}.npy", rng.standard_normal((rows, 8)).astype(np.float32))
    values = {"dataset": str(tmp_path), "methods": ["sq", "none"], "bits": 8, "k": 5, "chunks": 2}
    study = Study.parse(values)
    options = study.options(Machine(cache_dir=tmp_path / "cache", codebooks_dir=tmp_path / "codebooks"))
    return plan_study(study, tmp_path / "study", study.load(), options)


@pytest.fixture
def do(manifest: Manifest) -> Callable[..., None]:
    def do(stage: str, *indices: int, failing: bool = False) -> None:
        for index in indices:
            task = Task(stage, index)
            path = manifest.failure_path(task) if failing else manifest.result_path(task)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"error": "no luck"}))

    return do


def ready(manifest: Manifest) -> list[str]:
    return [f"{task.stage} {task.index}" for task in ready_tasks(manifest)]


def test_every_stage_comes_after_what_it_needs():
    assert set(NEEDS) == set(STAGES)
    assert waves() == [["truth", "fit"], ["reduce"], ["evaluate"], ["merge"]]
    for stage, needed in NEEDS.items():
        assert all(STAGES.index(each) < STAGES.index(stage) for each in needed)


def test_tasks_become_ready_as_their_needs_are_done(manifest, do):
    assert ready(manifest) == ["truth 0", "truth 1", "fit 0", "fit 1"]
    do("truth", 0)
    assert ready(manifest) == ["truth 1", "fit 0", "fit 1"]
    do("truth", 1)
    do("fit", 1)
    assert ready(manifest) == ["reduce 0", "fit 0"]
    do("reduce", 0)
    assert ready(manifest) == ["fit 0", "evaluate 2", "evaluate 3"]  # only those of the model that is there
    do("fit", 0)
    do("evaluate", 0, 1, 2)
    assert ready(manifest) == ["evaluate 3"]
    do("evaluate", 3)
    assert ready(manifest) == ["merge 0"]


def test_what_failed_can_run_again_and_does_not_hold_up_the_merge(manifest, do):
    do("truth", 0, 1)
    do("reduce", 0)
    do("fit", 0)
    do("fit", 1, failing=True)
    do("evaluate", 0)
    do("evaluate", 1, failing=True)
    assert ready(manifest) == ["fit 1", "evaluate 1", "merge 0"]


def test_a_merge_comes_at_last_even_if_all_depended_on_what_failed(manifest, do):
    do("truth", 0, failing=True)
    assert "merge 0" not in ready(manifest)  # the other truth may yet be tried
    do("truth", 1)
    assert ready(manifest) == ["truth 0", "fit 0", "fit 1", "merge 0"]


def reasons(manifest: Manifest) -> dict[str, str]:
    found = files_status_with_causes(manifest)
    return {f"{each.task.stage} {each.task.index}": each.reason for each in found.tasks if each.state == "blocked"}


def test_tasks_that_cannot_start_say_which_one_failed_and_why(manifest, do):
    do("truth", 0)
    assert reasons(manifest) == {}
    do("truth", 1, failing=True)
    manifest.failure_path(Task("truth", 1)).write_text(json.dumps({"error": "MemoryError: no room"}))
    why = "not started: truth 1 ran out of memory"
    assert reasons(manifest) == {"reduce 0": why} | {f"evaluate {index}": why for index in range(4)}
    do("truth", 1)
    do("reduce", 0)
    do("fit", 0)
    do("fit", 1, failing=True)
    why = "not started: fit 1 failed: no luck"
    assert reasons(manifest) == {"evaluate 2": why, "evaluate 3": why}
    counts = files_status_with_causes(manifest).counts("evaluate")
    assert counts == {"done": 0, "failed": 0, "blocked": 2, "missing": 2}
