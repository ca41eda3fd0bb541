"""Studies that are cut into tasks: the numbers of the undivided run, whatever the order, chunks and workers."""

import itertools
import json
import random
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from vq_benchmark.datasets.checks.unusable_rows import probe_rows
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.quantizers.registry import registered
from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.local.pool import run_study
from vq_benchmark.studies.local.study import run_divided
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.planning import chunk_spans, plan_study
from vq_benchmark.studies.stages import STAGES, Task
from vq_benchmark.studies.study import Study
from vq_benchmark.studies.tasks import TaskContext, TaskFailed, run_task

N, D = 9_000, 16
SILENT = SilentReporter()


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "a; b's"
    folder.mkdir()
    rng = np.random.default_rng(2)
    for name, rows in (("base", N), ("queries", 30)):
        np.save(folder / f"{name}.npy", rng.standard_normal((rows, D)).astype(np.float32))
    return folder


@pytest.fixture
def options(tmp_path: Path) -> Machine:
    return Machine(cache_dir=tmp_path / "cache", codebooks_dir=tmp_path / "codebooks", threads=2)


def study_of(vectors: Path, **changes: object) -> Study:
    values = {
        "dataset": str(vectors), "methods": ["pq", "sq", "none"], "bits": 4, "k": 10, "max_candidates": 20,
        "train_size": 1000, "num_pairs": 300, "chunks": 3,
    }  # fmt: skip
    return Study.parse(values | changes)


def qualities(database: Database) -> dict[str, dict]:
    return {run.run_id: quality(run.metrics) for run in database.runs("status = 'done'")}


def undivided(study: Study, options: Machine, path: Path) -> dict[str, dict]:
    dataset = study.load()
    whole = study.options(options)
    run_cells(dataset, whole, study.cells(dataset, whole)[0], Database(path), "x", SILENT)
    return qualities(Database(path))


def planned(study: Study, options: Machine, folder: Path) -> Manifest:
    return plan_study(study, folder, study.load(), study.options(options))


@pytest.mark.parametrize(("chunks", "workers"), [(1, 2), (3, 2), (7, 1)])
def test_chunks_and_workers_change_no_number(vectors, options, tmp_path, chunks, workers):
    study = study_of(vectors, chunks=chunks)
    dataset, whole = study.load(), study.options(options)
    cells, _ = study.cells(dataset, whole)
    database = Database(tmp_path / "results.db")
    outcome = run_divided(study, dataset, whole, cells, database, SILENT, workers=workers)
    assert outcome.problems == []
    other = replace(options, codebooks_dir=tmp_path / "other")
    assert qualities(database) == undivided(study, other, tmp_path / "whole.db")
    assert len(outcome.runs) == 3
    assert not (tmp_path / "studies").exists()
    again = run_divided(study, dataset, whole, cells, database, SILENT, workers=workers)
    assert again.skipped == 3


def test_tasks_may_run_in_any_order_that_keeps_the_stages(vectors, options, tmp_path):
    study = study_of(vectors, methods=["sq"])
    manifest = planned(study, options, tmp_path / "study")
    order = random.Random(5)
    context = TaskContext(manifest, options, SILENT)
    for stage in STAGES:
        tasks = manifest.tasks(stage)
        order.shuffle(tasks)
        for task in tasks:
            assert manifest.outcome(task) == "missing"
            run_task(context, task)
            assert manifest.outcome(task) == "done"
    assert qualities(Database(manifest.results_path)) == undivided(study, options, tmp_path / "whole.db")


def test_a_task_that_comes_too_early_says_what_comes_first(vectors, options, tmp_path):
    manifest = planned(study_of(vectors), options, tmp_path / "study")
    context = TaskContext(manifest, options, SILENT)
    with pytest.raises(TaskFailed, match=r"fit pq .* must run first: task 0 of stage fit is not done"):
        run_task(context, Task("evaluate", 0))
    with pytest.raises(TaskFailed, match="rows 0 to 3,000 must run first"):
        run_task(context, Task("reduce", 0))
    assert manifest.outcome(Task("reduce", 0)) == "failed"


def test_a_method_that_fails_becomes_a_row_and_does_not_stop_the_others(vectors, options, tmp_path, monkeypatch):
    def fit(*_, **__):
        raise RuntimeError("no luck")

    manifest = planned(study_of(vectors), options, tmp_path / "study")
    with monkeypatch.context() as patched:
        patched.setattr(registered()["sq"], "fit", fit)
        failures = run_study(manifest, options, SILENT)
    assert failures[0] == "fit sq bits=4, seed 0 failed: RuntimeError: no luck"
    assert manifest.failure(Task("fit", 1)) == "RuntimeError: no luck"
    rows = {run.method: run for run in Database(manifest.results_path).runs("status != 'partial'")}
    assert {method: run.status for method, run in rows.items()} == {"pq": "done", "sq": "failed", "none": "done"}
    assert rows["sq"].error == "RuntimeError: no luck"
    assert run_study(manifest, options, SILENT) == []
    assert manifest.outcome(Task("merge", 0)) == "done"
    assert not (manifest.folder / "failures").exists()


def test_a_worker_that_is_killed_is_replaced_and_its_task_has_failed(vectors, options, tmp_path):
    manifest = planned(study_of(vectors), options, tmp_path / "study")

    def kill_one() -> None:
        while not (
            children := [child for child in psutil.Process().children() if "spawn_main" in str(child.cmdline())]
        ):
            time.sleep(0.01)
        children[0].kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    failures = run_study(manifest, options, SILENT, workers=2)
    killer.join()
    assert "(SIGKILL); it was probably killed for running out of memory." in failures[0]
    assert run_study(manifest, options, SILENT) == []
    assert qualities(Database(manifest.results_path)) == undivided(study_of(vectors), options, tmp_path / "whole.db")


def test_a_merge_says_what_is_missing_and_finishes_later(vectors, options, tmp_path):
    study = study_of(vectors, methods=["sq", "none"])
    manifest = planned(study, options, tmp_path / "study")
    context = TaskContext(manifest, options, SILENT)
    for task in itertools.chain(*map(manifest.tasks, STAGES[:3])):
        run_task(context, task)
    left_out = Task("evaluate", 1)
    for task in manifest.tasks("evaluate"):
        if task != left_out:
            run_task(context, task)
    with pytest.raises(TaskFailed, match=r"sq .*rows 3,000 to 6,000: task evaluate 1 is not done"):
        run_task(context, Task("merge", 0))
    assert len(qualities(Database(manifest.results_path))) == 1
    assert manifest.outcome(Task("merge", 0)) == "failed"
    run_task(context, left_out)
    run_task(context, Task("merge", 0))
    assert manifest.outcome(Task("merge", 0)) == "done"
    assert manifest.failure(Task("merge", 0)) is None
    assert qualities(Database(manifest.results_path)) == undivided(study, options, tmp_path / "whole.db")


def test_a_forced_study_replaces_the_rows_that_there_were(vectors, options, tmp_path):
    study = study_of(vectors, methods=["sq"])
    dataset, whole = study.load(), study.options(options)
    cells, _ = study.cells(dataset, whole)
    database = Database(tmp_path / "results.db")
    (first,) = run_divided(study, dataset, whole, cells, database, SILENT).runs
    (second,) = run_divided(study, dataset, whole, cells, database, SILENT, force=True).runs
    assert (second.run_id, quality(second.metrics)) == (first.run_id, quality(first.metrics))
    assert second.sweep_id != first.sweep_id


@pytest.mark.parametrize("stage", ["truth", "reduce", "evaluate"])
def test_a_damaged_result_is_set_aside_and_made_again(vectors, options, tmp_path, stage):
    study = study_of(vectors, methods=["sq"])
    manifest = planned(study, options, tmp_path / "study")
    context = TaskContext(manifest, options, SILENT)
    done_before = STAGES[: STAGES.index(stage) + 1]
    for task in itertools.chain(*map(manifest.tasks, done_before)):
        run_task(context, task)
    damaged = manifest.result_path(Task(stage, 0))
    damaged.write_bytes(damaged.read_bytes()[:1000])
    failures = run_study(manifest, options, SILENT)
    assert f"It was renamed to '{damaged.name}.corrupt'" in "\n".join(failures)
    assert run_study(manifest, options, SILENT) == []
    assert qualities(Database(manifest.results_path)) == undivided(study, options, tmp_path / "whole.db")


def test_changed_vectors_are_refused(vectors, options, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in vectors.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    manifest = planned(study_of(copy), options, tmp_path / "study")
    np.save(copy / "base.npy", np.zeros((N, D), dtype=np.float32))
    with pytest.raises(TaskFailed, match="have changed since the study in"):
        run_task(TaskContext(manifest, options, SILENT), Task("fit", 0))


def test_tasks_set_aside_what_is_of_vectors_that_changed(vectors, options, tmp_path):
    """As an array does it, whose tasks know nothing of each other; a few calls of `resume` end it."""
    copy = Path(shutil.copytree(vectors, tmp_path / "copy"))
    study = study_of(copy, methods=["sq", "none"])
    manifest = planned(study, options, tmp_path / "study")
    in_order = [task for stage in STAGES for task in manifest.tasks(stage)]
    context = TaskContext(manifest, options, SILENT)
    for task in in_order[:-3]:  # all but an evaluation of `none`, and the merge
        run_task(context, task)
    base = np.load(copy / "base.npy")
    unseen = np.setdiff1d(np.arange(N), probe_rows(N))
    base[unseen] *= 2
    np.save(copy / "base.npy", base)
    failures = []
    for _ in range(4):
        context = TaskContext(manifest, options, SILENT)
        for task in in_order:
            try:
                run_task(context, task)
            except TaskFailed as error:
                failures.append(str(error))
    assert "whole.npz' belongs to vectors that have changed since; renamed" in failures[0], failures
    assert manifest.unfinished("merge") == [], "\n".join(failures)
    assert qualities(Database(manifest.results_path)) == undivided(study, options, tmp_path / "whole.db")


def test_rows_are_merged_though_the_vectors_are_gone(vectors, options, tmp_path):
    copy = Path(shutil.copytree(vectors, tmp_path / "copy"))
    manifest = planned(study_of(copy, methods=["sq"]), options, tmp_path / "study")
    in_order = [task for stage in STAGES for task in manifest.tasks(stage)]
    for task in in_order[:-1]:
        run_task(TaskContext(manifest, options, SILENT), task)
    shutil.rmtree(copy)
    run_task(TaskContext(manifest, options, SILENT), in_order[-1])
    assert manifest.unfinished("merge") == []


def test_a_folder_holds_one_study_of_one_user(vectors, options, tmp_path):
    folder = tmp_path / "study"
    manifest = planned(study_of(vectors), options, folder)
    assert planned(study_of(vectors), options, folder) == Manifest.load(folder) == manifest
    with pytest.raises(InputError, match="holds a different study"):
        planned(study_of(vectors, chunks=2), options, folder)
    content = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(content | {"owner": "burdell"}))
    with pytest.raises(InputError, match="a study of user burdell"):
        planned(study_of(vectors), options, folder)
    (folder / "manifest.json").write_text(json.dumps(content | {"package_version": "9.9.9"}))
    with pytest.raises(InputError, match=r"vq-benchmark 9\.9"):
        Manifest.load(folder)
    for damage in ({"chunks": [1]}, {"study": 5}, {"configurations": [{"method": "pq"}]}, {"n_chunks": 1}):
        (folder / "manifest.json").write_text(json.dumps(content | damage))
        with pytest.raises(InputError, match="not a readable manifest"):
            Manifest.load(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="not a readable manifest"):
        Manifest.load(folder)


def test_impossible_tasks_and_plans_are_refused(vectors, options, tmp_path):
    manifest = planned(study_of(vectors), options, tmp_path / "study")
    for stage, index, sentence in (
        ("fit", 3, "its tasks are 0 to 2"),
        ("fit", -1, "no task -1"),
        ("train", 0, "the stages are"),
    ):
        with pytest.raises(InputError, match=sentence):
            manifest.task(stage, index)
    for changes, sentence in (
        ({"chunks": N + 1}, "between 1 and the number of base vectors, 9000"),
        ({"with_qps": True}, "needs --chunks 1"),
    ):
        with pytest.raises(InputError, match=sentence):
            planned(study_of(vectors, **changes), options, tmp_path / "other")
    with pytest.raises(InputError, match="--workers is 3"):
        run_study(manifest, options, SILENT, workers=3)


@settings(max_examples=50)
@given(n=st.integers(1, 100_000), chunks=st.integers(1, 100))
def test_chunks_are_a_partition_of_about_equal_parts(n, chunks):
    if chunks > n:
        with pytest.raises(InputError):
            chunk_spans(n, chunks)
        return
    spans = chunk_spans(n, chunks)
    assert len(spans) == chunks
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert (spans[0][0], spans[-1][1]) == (0, n)
    sizes = [stop - start for start, stop in spans]
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 2 * TILE_ROWS


def test_a_damaged_end_product_is_made_anew(vectors, options, tmp_path):
    manifest = planned(study_of(vectors, methods=["sq"]), options, tmp_path / "study")
    assert run_study(manifest, options, SILENT) == []
    before = qualities(Database(manifest.results_path))
    manifest.results_path.write_bytes(b"no database" * 100)
    assert run_study(manifest, options, SILENT) == []
    assert qualities(Database(manifest.results_path)) == before
    assert manifest.results_path.with_name("results.db.corrupt").exists()


def test_two_processes_do_not_run_one_folder(vectors, options, tmp_path):
    study = study_of(vectors, methods=["sq"])
    dataset, whole = study.load(), study.options(options)
    folder, database = tmp_path / "study", Database(tmp_path / "results.db")
    planned(study, options, folder)
    cells = study.cells(dataset, whole)[0]
    with (
        FileLock(folder / ".lock", is_singleton=False),
        pytest.raises(InputError, match="another process is running the study"),
    ):
        run_divided(study, dataset, whole, cells, database, SILENT, folder=folder)
    assert run_divided(study, dataset, whole, cells, database, SILENT, folder=folder).problems == []
