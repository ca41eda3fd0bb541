"""Several tasks in one process: each succeeds, fails and stops for itself."""

import os
import signal
from dataclasses import replace

import faiss
import numpy as np
import pytest

from vq_benchmark.errors import Stopped
from vq_benchmark.evaluation.evaluate import exact_truths
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.machine.signals import stopping
from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality
from vq_benchmark.studies import bundles
from vq_benchmark.studies.bundles import ATTEMPTS, run_bundle
from vq_benchmark.studies.cells import Machine
from vq_benchmark.studies.planning import plan_study
from vq_benchmark.studies.stages import STAGES, Task
from vq_benchmark.studies.study import Study
from vq_benchmark.studies.tasks import TaskContext, run_task


@pytest.fixture
def context(tmp_path):
    """Truth 3, fit 2, evaluate 6."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "base.npy", rng.standard_normal((300, 8)).astype(np.float32))
    study = Study.parse(
        {
            "dataset": str(tmp_path / "base.npy"), "num_queries": 5, "methods": ["sq", "none"], "bits": 8, "k": 5,
            "max_candidates": 10, "train_size": 100, "num_pairs": 50, "chunks": 3,
        }
    )  # fmt: skip
    machine = Machine(cache_dir=tmp_path / "cache", codebooks_dir=tmp_path / "codebooks")
    manifest = plan_study(study, tmp_path / "study", study.load(), study.options(machine))
    return TaskContext(manifest, machine, SilentReporter())


def test_a_bundle_gives_the_numbers_of_its_tasks_alone(context, tmp_path):
    manifest = context.manifest
    for stage in STAGES:
        assert run_bundle(context, manifest.tasks(stage)) == []
    alone = replace(manifest, folder=tmp_path / "alone")
    for stage in STAGES:
        for task in manifest.tasks(stage):
            run_task(TaskContext(alone, context.machine, SilentReporter()), task)
    ours, theirs = (
        {run.run_id: quality(run.metrics) for run in Database(each.results_path).runs("status = 'done'")}
        for each in (manifest, alone)
    )
    assert len(ours) == 2
    assert ours == theirs
    assert not (manifest.folder / ATTEMPTS).exists()


def test_a_task_that_fails_does_not_stop_the_others(context):
    manifest = context.manifest
    manifest.whole_truth_path.parent.mkdir()
    for task in manifest.tasks("truth"):
        run_task(context, task)
    run_bundle(context, [Task("reduce", 0), Task("fit", 1)])
    failures = run_bundle(context, manifest.tasks("evaluate"))
    assert len(failures) == 3
    assert all("fit sq" in sentence and "must run first" in sentence for sentence in failures)
    assert [manifest.outcome(task) for task in manifest.tasks("evaluate")] == ["failed"] * 3 + ["done"] * 3
    run_bundle(context, [Task("fit", 0)])
    assert run_bundle(context, manifest.tasks("evaluate")) == []


def test_exact_neighbours_can_be_proposed_by_a_gpu(context, tmp_path, monkeypatch):
    """Stands in for the GPU: faiss on the processor, which proposes in the same way."""
    asked = []

    def search(queries, vectors, k, distance):
        asked.append(len(vectors))
        return faiss.knn(queries, vectors, k, metric=distance)

    truth = context.manifest.tasks("truth")
    monkeypatch.setattr("vq_benchmark.studies.tasks.gpu_search", lambda: search)
    assert run_bundle(replace(context, machine=replace(context.machine, use_gpu=True)), truth) == []
    assert len(asked) == 3  # each chunk asks for its tile
    run_bundle(context, [Task("reduce", 0)])
    assert np.array_equal(context.whole_truth.queries.ids, exact_truths(context.dataset, 5).queries.ids)


def test_a_stop_ends_the_bundle_and_the_rest_is_left(context, monkeypatch):
    def run_and_signal(context, task):
        run_task(context, task)
        os.kill(os.getpid(), signal.SIGUSR1)

    monkeypatch.setattr(bundles, "run_task", run_and_signal)
    with stopping(aloud=False), pytest.raises(Stopped, match="SIGUSR1 stopped exact neighbours among rows"):
        run_bundle(context, context.manifest.tasks("truth"))
    outcomes = [context.manifest.outcome(task) for task in context.manifest.tasks("truth")]
    assert outcomes == ["done", "missing", "missing"]


def test_a_task_that_kills_the_process_comes_last_next_time(context, monkeypatch):
    """So a task that always runs out of memory keeps no other from being done."""
    manifest = context.manifest

    def killed(context, task):
        os._exit(9)

    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(bundles, "run_task", killed)
            run_bundle(context, manifest.tasks("truth"))
        finally:
            os._exit(1)  # not killed: else this process would run the rest of the tests, too
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    order = []
    monkeypatch.setattr(bundles, "run_task", lambda context, task: order.append(task.index))
    run_bundle(context, manifest.tasks("truth"))
    assert order == [1, 2, 0]
