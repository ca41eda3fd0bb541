"""Whole studies on a real cluster: the numbers of a local run, whatever fails, stops or is killed on the way."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from slurm_studies import (
    do_here,
    local_qualities,
    log_of,
    planned,
    planned_in,
    qualities,
    states,
    study_of,
    submit,
    wait_for,
)

import vq_benchmark
from vq_benchmark.errors import InputError
from vq_benchmark.results.database import Database
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm.jobs import load_record, script_path
from vq_benchmark.studies.slurm.resume import resume_study
from vq_benchmark.studies.slurm.status import study_status
from vq_benchmark.studies.stages import Task


@pytest.fixture(scope="session")
def limited(small_cluster, folder, many_tiles, slow_encoding):
    """A study with a task of 100 s and jobs of one minute, begun before everything else that takes time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", small_cluster.environment["SLURM_CONF"])
        patch.setenv("PYTHONPATH", small_cluster.environment["PYTHONPATH"])
        manifest = planned(folder, study_of(many_tiles, skip_ground_truth=True))
        do_here(manifest, "fit")
        submit(manifest, "--batch-size=4096", time="1", signal_lead=50, setup=[slow_encoding(2.5)])
    return manifest


@pytest.fixture(scope="session")
def whole(limited, full_cluster, folder, vectors, program):
    """A study of 8 chunks × 3 methods, submitted from the command line and done."""
    directory = folder / "whole"
    config = folder / "study.yaml"
    study = study_of(vectors, methods=["pq", "sq", "none"])
    config.write_text(json.dumps(study.model_dump(mode="json", exclude_defaults=True)))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in full_cluster.environment.items():
            patch.setenv(name, value)
        command = (
            "slurm",
            "submit",
            config,
            "--study-dir",
            directory,
            "--chunks",
            8,
            "--mem-per-cpu",
            "600M",
            "--tasks-per-job",
            1,
        )
        dry, trial = program(*command, "--dry-run"), program(*command, "--test-only")
        untouched = not directory.exists() and full_cluster.queue() == []
        submitted = program(*command)
        again = program(*command)
        watched = program("slurm", "status", directory, "--json")
        full_cluster.wait_until_empty(280)
    return {
        "manifest": Manifest.load(directory), "dry": dry, "trial": trial, "untouched": untouched,
        "submitted": submitted, "again": again, "watched": watched,
    }  # fmt: skip


def test_a_study_on_slurm_gives_the_numbers_of_the_local_run(cluster, whole, program, tmp_path):
    manifest = whole["manifest"]
    assert whole["submitted"].code == 0, whole["submitted"].err
    assert states(manifest) == {
        "truth": {"done": 8}, "reduce": {"done": 1}, "fit": {"done": 3}, "evaluate": {"done": 24},
        "merge": {"done": 1},
    }  # fmt: skip
    expected = local_qualities(tmp_path, manifest.study.model_copy(update={"chunks": 1}))
    assert len(expected) == 3
    assert qualities(Database(manifest.folder / "results.db")) == expected
    status = program("slurm", "status", manifest.folder)
    assert status.code == 0
    assert f"next: vq-benchmark plot --db-path {shlex.quote(str(manifest.results_path))}" in status.out
    resumed = program("slurm", "resume", manifest.folder)
    assert (resumed.code, resumed.out) == (0, "nothing to submit: all tasks are complete.\n")


def test_status_tells_how_far_it_is(whole):
    assert whole["watched"].code == 0, whole["watched"].out
    found = json.loads(whole["watched"].out)
    assert {stage: counts["tasks"] for stage, counts in found["stages"].items()} == {
        "truth": 8, "reduce": 1, "fit": 3, "evaluate": 24, "merge": 1,
    }  # fmt: skip
    assert found["stages"]["evaluate"]["pending"] == 24
    assert found["problems"] == []
    assert found["next"] == f"vq-benchmark slurm status {shlex.quote(str(whole['manifest'].folder))}"


def test_a_dry_run_prints_what_would_be_done_and_does_nothing(whole):
    assert whole["untouched"]
    assert whole["dry"].code == 0, whole["dry"].err
    assert whole["dry"].out.count("#!/bin/bash") == 5
    commands = [line for line in whole["dry"].out.splitlines() if "=$(sbatch " in line]
    record = 'count=0; sbatch() { printf \'%s\\n\' "$*" >&2; echo $(( $(wc -c <<< "$*") )); }\n' + "\n".join(commands)
    calls = subprocess.run(["bash", "-eu", "-c", record], capture_output=True, text=True, check=True).stderr
    lengths = [len(line) + 1 for line in calls.splitlines()]
    waits = [
        next((word for word in line.split() if word.startswith("--dependency")), None) for line in calls.splitlines()
    ]
    assert waits == [
        None,
        f"--dependency=afterany:{lengths[0]}",
        None,
        f"--dependency=afterany:{lengths[1]},afterany:{lengths[2]}",
        f"--dependency=afterany:{lengths[3]}",
    ]


def test_a_trial_asks_slurm(whole):
    assert whole["trial"].code == 0, whole["trial"].err
    assert whole["trial"].out.count("to start at") == 5


def test_a_second_submission_points_to_resume(whole):
    assert whole["again"].code == 2
    assert "was already submitted" in whole["again"].err
    assert "slurm resume" in whole["again"].err


def test_a_script_may_be_handed_in_by_hand(cluster, whole):
    """With --array=1,3 SLURM_ARRAY_TASK_COUNT is 2; the numbers of the tasks are 1 and 3."""
    manifest = whole["manifest"]
    paths = [manifest.result_path(Task("evaluate", index)) for index in (1, 3)]
    before = [[(run.run_id, run.chunk_start) for run in Database(path).runs()] for path in paths]
    for path in paths:
        path.unlink()
    cluster.run("sbatch", "--array=1,3", "--dependency=singleton", script_path(manifest, "evaluate"))
    assert sum(count for count in states(manifest)["evaluate"].values()) == 24
    assert states(manifest)["evaluate"]["done"] == 22
    assert "lost" not in states(manifest)["evaluate"]
    assert resume_study(manifest, {}).jobs == []
    cluster.wait_until_empty()
    assert [[(run.run_id, run.chunk_start) for run in Database(path).runs()] for path in paths] == before


def test_a_task_that_fails_is_resumed_alone(cluster, whole, program):
    manifest = whole["manifest"]
    expected = qualities(Database(manifest.results_path))
    manifest.result_path(Task("evaluate", 13)).unlink()
    manifest.results_path.unlink()
    with damaged_row(manifest, chunk=13 % 8):
        jobs = resume_study(manifest, {}).jobs
        assert [(job.stage, job.array) for job in jobs] == [("evaluate", "13"), ("merge", "0")]
        cluster.wait_until_empty()
    status = program("slurm", "status", manifest.folder, "--json")
    assert status.code == 1
    (failed, merge) = json.loads(status.out)["problems"]
    assert (failed["stage"], failed["index"], failed["state"]) == ("evaluate", 13, "failed")
    assert "too large for float32" in failed["reason"]
    assert "too large for float32" in Path(failed["log"]).read_text()
    assert merge["stage"] == "merge"
    shown = program("slurm", "status", manifest.folder)
    assert f"next: vq-benchmark slurm resume {shlex.quote(str(manifest.folder))}" in shown.out
    jobs = resume_study(manifest, {}).jobs
    assert [(job.stage, job.array) for job in jobs] == [("evaluate", "13"), ("merge", "0")]
    cluster.wait_until_empty()
    assert qualities(Database(manifest.results_path)) == expected


TOO_LARGE = 1e30
"""Refuses a measurement; a row of NaN would be left out."""


@contextmanager
def damaged_row(manifest: Manifest, chunk: int) -> Iterator[None]:
    """The vectors with too large a row in the chunk, which fingerprint and check at loading do not look at."""
    base = np.load(Path(manifest.study.dataset) / "base.npy", mmap_mode="r+")
    row = next(row for row in range(*manifest.chunks[chunk]) if is_unsampled(manifest, base, row))
    kept = base[row].copy()
    base[row] = TOO_LARGE
    base.flush()
    try:
        yield
    finally:
        base[row] = kept
        base.flush()


def is_unsampled(manifest: Manifest, base: np.ndarray, row: int) -> bool:
    kept = base[row].copy()
    base[row] = TOO_LARGE
    try:
        return manifest.study.load().fingerprint == manifest.fingerprint
    except InputError:
        return False
    finally:
        base[row] = kept


def test_preemption_and_scancel_in_the_middle(cluster, folder, many_tiles, slow_encoding, tmp_path, program):
    study = study_of(many_tiles, skip_ground_truth=True)
    manifest = planned(folder, study)
    do_here(manifest, "fit")
    submit(manifest, "--batch-size=4096", setup=[slow_encoding(0.3)])
    task = Task("evaluate", 0)

    wait_for(lambda: "encodes" in log_of(manifest, "evaluate"))
    nodes = [line.split() for line in cluster.run("squeue", "-h", "-t", "R", "-o", "%j %N").splitlines()]
    node = next(node for name, node in nodes if name.startswith("vq-evaluate"))
    cluster.run(
        "sbatch", "--partition=high", "--exclusive", "-w", node, "--time=1", "--wrap=sleep 3", "-o", "/dev/null"
    )
    wait_for(lambda: "is requeued" in log_of(manifest, "evaluate"))
    assert "SIGUSR1" in log_of(manifest, "evaluate")
    wait_for(lambda: "resuming from checkpoint" in log_of(manifest, "evaluate"))
    assert program("slurm", "cancel", manifest.folder).out == "2 tasks cancelled.\n"
    cluster.wait_until_empty()
    time.sleep(8)  # a requeued task would be back by now
    assert cluster.queue() == []
    assert "was cancelled" in log_of(manifest, "evaluate")
    assert manifest.outcome(task) == "missing"
    if cluster.accounting:
        wait_for(lambda: [each.reason for each in study_status(manifest).problems] == ["cancelled"] * 2)
    assert [job.stage for job in resume_study(manifest, {}).jobs] == ["evaluate", "merge"]
    cluster.wait_until_empty()
    assert log_of(manifest, "evaluate").count("resuming from checkpoint") == 2
    assert qualities(Database(manifest.results_path)) == local_qualities(tmp_path, study)


def test_want_of_memory_is_repaired_by_more(cluster, folder, vectors, program):
    manifest = planned(folder, study_of(vectors, methods=["sq"], skip_ground_truth=True))
    submit(manifest, mem="30M")
    cluster.wait_until_empty()
    ended = "failed" if cluster.accounting else "lost"
    if cluster.accounting:  # its rows are late
        wait_for(lambda: all("lost" not in counts for counts in states(manifest).values()))
    assert states(manifest) == {"fit": {ended: 1}, "evaluate": {ended: 1}, "merge": {ended: 1}}
    status = program("slurm", "status", manifest.folder)
    assert status.code == 1
    if cluster.accounting and cluster.cgroups:
        assert status.out.count("out of memory") == 3
    assert program("slurm", "resume", manifest.folder, "--mem-per-cpu", "600M").code == 0
    assert "#SBATCH --mem-per-cpu=600M" in script_path(manifest, "fit").read_text()
    assert "#SBATCH --mem=" not in script_path(manifest, "fit").read_text()
    cluster.wait_until_empty()
    assert program("slurm", "status", manifest.folder).code == 0


def test_lost_tasks_small_arrays_and_refused_scripts(plain_cluster, limited, folder, vectors, program, tmp_path):
    """On a cluster without accounting whose arrays hold four tasks."""
    study = study_of(vectors, methods=["sq", "none"], chunks=3, skip_ground_truth=True)
    manifest = planned(folder, study)
    ready = manifest.folder / "ready"
    submit(manifest, setup=[f"[ -e {shlex.quote(str(ready))} ] || kill -9 $$"])
    lines = script_path(manifest, "evaluate").read_text().splitlines()
    assert "#SBATCH --array=0-3" in lines
    further = next(line for line in lines if "the others" in line)
    assert further.endswith(f" {shlex.quote(str(script_path(manifest, 'evaluate')))} 4")
    evaluate = [job for job in load_record(manifest.folder).jobs if job.stage == "evaluate"]
    assert [(job.offset, job.array) for job in evaluate] == [(0, "0-3"), (4, "0-1")]
    wait_for(lambda: not any("vq-" in line and manifest.sweep_id in line for line in plain_cluster.queue()))
    assert states(manifest) == {"fit": {"lost": 2}, "evaluate": {"lost": 6}, "merge": {"lost": 1}}
    lost = program("slurm", "status", manifest.folder)
    assert lost.code == 1
    assert lost.out.count("it is not in the queue and left no result") == 3  # one line for each stage
    ready.touch()
    script = script_path(manifest, "evaluate")
    sound = script.read_text()
    script.write_text(sound.replace("#SBATCH --requeue", "#SBATCH --requeue\n#SBATCH --partition=nowhere"))
    refused = program("slurm", "resume", manifest.folder)
    assert refused.code == 2
    assert "1 of 4 arrays were submitted" in refused.err
    script.write_text(sound)
    resumed = resume_study(manifest, {})
    assert [(job.stage, job.offset, job.array) for job in resumed.jobs] == [
        ("evaluate", 0, "0-3"), ("evaluate", 4, "0-1"), ("merge", 0, "0"),
    ]  # fmt: skip
    assert resumed.still_queued == 2
    wait_for(lambda: states(manifest)["merge"] == {"done": 1}, 120)
    assert qualities(Database(manifest.results_path)) == local_qualities(
        tmp_path, study.model_copy(update={"chunks": 1})
    )


def test_two_users_in_one_folder_are_refused(cluster, folder, vectors):
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (folder / "caches").mkdir()
    (folder / "caches").chmod(0o777)
    mine = planned_in(shared / "study", study_of(vectors, methods=["sq"], skip_ground_truth=True))
    assert mine.owner == "root"
    command = [
        # The capability lets them read the interpreter, wherever it is.
        "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
        "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
        sys.executable, "-m", "vq_benchmark", "slurm", "submit", "--dataset", vectors, "--method", "sq",
        "--bits", "4", "--train-size", "1000", "--skip-ground-truth", "--study-dir", shared / "study",
    ]  # fmt: skip
    places = {"NUMBA_CACHE_DIR": str(folder / "caches"), "HOME": str(folder / "caches"), "LOGNAME": "nobody"}
    ran = subprocess.run(command, env=cluster.environment | places, capture_output=True, text=True, check=False)
    assert ran.returncode == 2, ran.stderr
    assert "holds a study of user root" in ran.stderr
    assert cluster.queue() == []


def test_two_hundred_tasks_write_their_databases_and_merge(cluster, folder, vectors, tmp_path):
    """Rows are measured here and written there: each task of the array writes the database of one chunk."""
    study = study_of(vectors, dataset_limit=2000, chunks=200, skip_ground_truth=True)
    manifest = planned(folder, study)
    do_here(manifest, "fit")
    do_here(manifest, "evaluate")
    measured = tmp_path / "measured"
    (manifest.folder / "results").rename(measured)
    writer = tmp_path / "writer.py"
    writer.write_text(
        "import sys, types\n"
        "from pathlib import Path\n"
        "package = types.ModuleType('vq_benchmark')\n"
        f"package.__path__ = [{str(Path(vq_benchmark.__file__).parent)!r}]\n"
        "sys.modules['vq_benchmark'] = package  # all of it takes a second to load\n"
        "from vq_benchmark.results.database import Database, write_database\n"
        "measured, results = map(Path, sys.argv[1:3])\n"
        "name = f'evaluate-{int(sys.argv[3]):05d}.db'\n"
        "write_database(results / name, list(Database(measured / name).runs()))\n"
    )
    script = tmp_path / "write.sbatch"
    results = manifest.folder / "results"
    program = shlex.join([sys.executable, str(writer), str(measured), str(results)])
    script.write_text(f"#!/bin/bash\n#SBATCH --mem=50M --output=/dev/null\nexec {program} $SLURM_ARRAY_TASK_ID\n")
    cluster.run("sbatch", "--array=0-199", script)
    cluster.wait_until_empty()
    assert not manifest.unfinished("evaluate")
    do_here(manifest, "merge")
    assert qualities(Database(manifest.results_path)) == local_qualities(
        tmp_path, study.model_copy(update={"chunks": 1})
    )


def test_a_time_limit_is_survived(plain_cluster, limited, tmp_path):
    wait_for(lambda: states(limited)["merge"] == {"done": 1}, 300)
    log = log_of(limited, "evaluate")
    assert "is requeued" in log
    assert "resuming from checkpoint" in log
    assert qualities(Database(limited.results_path)) == local_qualities(tmp_path, limited.study)
