"""What goes wrong with studies on a real cluster, and what `slurm status` and `slurm resume` make of it."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from slurm_studies import do_here, local_qualities, log_of, planned, qualities, states, study_of, submit, wait_for

from vq_benchmark.results.database import Database
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm.jobs import load_record, script_path
from vq_benchmark.studies.slurm.resume import resume_study
from vq_benchmark.studies.slurm.status import study_status

EATER = f"{shlex.quote(sys.executable)} -c 'x = bytearray(b\"x\") * (600 << 20)'"
"""A setup line that takes 600 MiB of memory for a moment."""


def small(vectors: Path, **changes: object):
    return study_of(vectors, dataset_limit=1000, skip_ground_truth=True, **changes)


def test_a_study_moves_while_it_runs_and_its_copy_leaves_it_alone(
    cluster, folder, vectors, slow_encoding, tmp_path, program
):
    study = study_of(vectors, chunks=2, skip_ground_truth=True)
    manifest = planned(folder, study)
    do_here(manifest, "fit")
    submit(manifest, "--batch-size=4096", setup=[slow_encoding(0.7)])
    wait_for(lambda: "encodes" in log_of(manifest, "evaluate"))
    copy, moved = folder / "a copy", folder / "moved"
    shutil.copytree(manifest.folder, copy)
    assert program("slurm", "cancel", copy).out == "0 tasks cancelled.\n"
    manifest.folder.rename(moved)

    status = program("slurm", "status", moved)
    assert status.code == 1
    assert f"its job writes to {str(manifest.folder)!r}" in status.out
    assert f"the study was moved from {str(manifest.folder)!r}" in status.out
    resumed = program("slurm", "resume", moved)
    assert f"rewrote the scripts, which were for the folder {str(manifest.folder)!r}" in resumed.out
    assert program("slurm", "resume", moved).out.startswith("nothing to submit: 3 tasks")
    status = program("slurm", "status", copy)
    assert f"this is a copy of the study in {str(manifest.folder)!r}" in status.out
    assert resume_study(Manifest.load(copy), {}).still_queued == 0
    cluster.wait_until_empty()
    expected = local_qualities(tmp_path, study.model_copy(update={"chunks": 1}))
    for place in (moved, copy):
        assert qualities(Database(place / "results.db")) == expected
        assert program("slurm", "status", place).code == 0


def test_of_two_submissions_at_once_one_is_refused(cluster, folder, vectors):
    place = folder / "twice"
    command = [
        sys.executable, "-m", "vq_benchmark", "slurm", "submit", "--dataset", vectors, "--dataset-limit", "1000",
        "--method", "sq", "--bits", "4", "--train-size", "500", "--skip-ground-truth", "--study-dir", place,
        "--extra", "--begin=now+1hour",
    ]  # fmt: skip
    started = [
        subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=90)[1] for process in started]
    assert sorted(process.returncode for process in started) == [0, 2]
    assert any("was already submitted as jobs" in each for each in said)
    manifest = Manifest.load(place)
    assert len(cluster.queue()) == len(load_record(place).jobs) == 3
    assert all(manifest.sweep_id in line for line in cluster.queue())
    assert sorted(path.name for path in place.iterdir()) == ["logs", "manifest.json", "slurm"]
    cluster.run("scancel", *(str(job.id) for job in load_record(place).jobs))


def test_tasks_that_wait_for_ever_are_named_and_helped(cluster, folder, vectors, program):
    manifest = planned(folder, small(vectors))
    submit(manifest, time="120")  # an hour more than the partition allows
    wait_for(lambda: states(manifest)["fit"] == {"stuck": 1})
    status = program("slurm", "status", manifest.folder)
    assert status.code == 1
    assert "stuck: fit 0" in status.out
    assert "PartitionTimeLimit, its time limit is longer than" in status.out
    place = shlex.quote(str(manifest.folder))
    assert status.out.splitlines()[-1] == f"next: vq-benchmark slurm resume {place} --time 1:00:00"
    resumed = program("slurm", "resume", manifest.folder, "--time", "5", "--extra", "--hold")
    assert resumed.code == 0, resumed.err
    wait_for(lambda: states(manifest)["fit"] == {"stuck": 1})
    (fit, *_) = study_status(manifest).problems
    job = load_record(manifest.folder).jobs[-3].id
    assert (fit.reason, fit.remedy) == ("JobHeldUser, you held it", f"release it with `scontrol release {job}`")
    assert program("slurm", "cancel", manifest.folder).code == 0


def test_without_an_answer_from_slurm_the_files_tell(cluster, folder, vectors, program, tmp_path, monkeypatch):
    manifest = planned(folder, small(vectors))
    do_here(manifest, "fit")
    submit(manifest, extra=["--hold"])
    conf = Path(os.environ["SLURM_CONF"]).read_text()
    silent = tmp_path / "slurm.conf"
    lines = (line for line in conf.splitlines() if not line.startswith("SlurmctldPort"))
    silent.write_text("\n".join([*lines, "SlurmctldPort=1", "MessageTimeout=2", ""]))
    with monkeypatch.context() as patch:
        patch.setenv("SLURM_CONF", str(silent))
        status = program("slurm", "status", manifest.folder)
    assert status.code == 0, status.err
    assert "SLURM does not answer, so this is what the files say" in status.out
    assert "Unable to contact slurm controller" in status.out
    assert status.out.splitlines()[1].split() == ["fit", "1", "1"]
    assert status.out.splitlines()[2].split() == ["evaluate", "1", "1"]
    assert program("slurm", "cancel", manifest.folder).out == "2 tasks cancelled.\n"


def test_what_fails_alike_is_one_line_with_the_end_of_the_log(cluster, folder, vectors, program):
    manifest = planned(folder, small(vectors, chunks=3))
    do_here(manifest, "fit")
    submit(manifest, mem="50M", setup=["cd /nowhere/at/all"])
    cluster.wait_until_empty()
    if cluster.accounting:  # its rows are late
        wait_for(lambda: all("lost" not in counts for counts in states(manifest).values()))
    status = program("slurm", "status", manifest.folder)
    assert status.code == 1
    said = "vq-benchmark: the setup line failed with exit code 1: cd /nowhere/at/all"
    found = [line for line in status.out.splitlines() if line.startswith("failed: evaluate ")]
    assert len(found) == 1
    assert ": evaluate 0-2: " in found[0]
    assert f"{said}. What to do: correct the line" in found[0]
    script = script_path(manifest, "evaluate").read_text()
    assert "setup_ended $? 'cd /nowhere/at/all'" in script


def test_a_task_that_is_killed_after_its_file_was_written_stops_nothing(cluster, folder, vectors, tmp_path, program):
    if not (cluster.cgroups and cluster.accounting):
        pytest.skip("SLURM says OUT_OF_MEMORY only with cgroups, and tells it only with accounting")
    place = folder / "greedy"
    place.mkdir()
    (place / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'fit' in sys.orig_argv:\n"
        "    from vq_benchmark.studies.tasks import TaskContext\n"
        "    fit = TaskContext.run_fit\n"
        "    def greedily(self, task):\n"
        "        fit(self, task)\n"
        "        bytearray(b'x') * (2 << 30)\n"
        "    TaskContext.run_fit = greedily\n"
    )
    manifest = planned(folder, small(vectors))
    submit(manifest, setup=[f"export PYTHONPATH={shlex.quote(str(place))}:$PYTHONPATH"])
    fit = load_record(manifest.folder).jobs[0].id
    cluster.wait_until_empty()
    wait_for(lambda: "OUT_OF_MEMORY" in cluster.run("sacct", "-n", "-X", "-j", fit, "-o", "State%20"))
    assert {stage: set(counts) for stage, counts in states(manifest).items()} == {
        "fit": {"done"}, "evaluate": {"done"}, "merge": {"done"},
    }  # fmt: skip
    status = program("slurm", "status", manifest.folder)
    assert status.code == 0
    assert "evaluate used " in status.out
    found = json.loads(program("slurm", "status", manifest.folder, "--json").out)["efficiency"]
    (evaluate,) = (each for each in found if each["stage"] == "evaluate")
    assert evaluate["bytes_requested"] == 600 << 20
    assert 0 < evaluate["cpu_seconds"] <= evaluate["cpu_seconds_requested"] + 2


def test_escalation_requests_half_as_much_again(cluster, folder, vectors, program):
    if not (cluster.cgroups and cluster.accounting):
        pytest.skip("SLURM says OUT_OF_MEMORY only with cgroups, and tells it only with accounting")
    manifest = planned(folder, small(vectors))
    do_here(manifest, "fit")
    submit(manifest, mem="500M", setup=[f"[ $SLURM_JOB_NAME != vq-evaluate-{manifest.sweep_id} ] || {EATER}"])
    cluster.wait_until_empty()
    wait_for(lambda: all("lost" not in counts for counts in states(manifest).values()))
    status = program("slurm", "status", manifest.folder)
    assert "failed: evaluate 0 (none" in status.out
    assert "out of memory" in status.out
    assert "blocked: merge 0 (finished rows of all configurations): incomplete: evaluate 0 ran out of memory" in (
        status.out
    )
    assert "--escalate would request --evaluate-mem 750M" in status.out
    place = shlex.quote(str(manifest.folder))
    assert status.out.splitlines()[-1] == f"next: vq-benchmark slurm resume {place} --escalate"
    resumed = program("slurm", "resume", manifest.folder, "--escalate", "--max-mem", "700M")
    assert "requested --evaluate-mem 700M" in resumed.out
    cluster.wait_until_empty()
    assert program("slurm", "status", manifest.folder).code == 0


def test_a_full_disk_and_a_log_without_room_are_named(cluster, folder, vectors, small_disk, program):
    manifest = planned(folder, small(vectors))
    do_here(manifest, "fit")
    small_disk.fill()
    (manifest.folder / "results").symlink_to(small_disk.path)
    submit(manifest)
    cluster.wait_until_empty()
    status = program("slurm", "status", manifest.folder)
    assert "no space left on the disk; the rows already in it are intact. What to do: free some space" in status.out
    if not cluster.accounting:
        return
    (manifest.folder / "results").unlink()
    shutil.rmtree(manifest.folder / "failures")
    jobs = resume_study(manifest, {"extra": ["--begin=now+1hour"]}).jobs
    shutil.rmtree(manifest.folder / "logs")
    cluster.run("scontrol", "update", f"job={jobs[0].id}", "StartTime=now")
    wait_for(lambda: states(manifest)["evaluate"] == {"failed": 1})
    status = program("slurm", "status", manifest.folder)
    assert "signal 53: SLURM could not open its log, and it left no result. What to do: " in status.out
    resume_study(manifest, {"extra": []})
    cluster.wait_until_empty()
    assert program("slurm", "status", manifest.folder).code == 0
