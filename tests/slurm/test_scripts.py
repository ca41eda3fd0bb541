"""Job scripts and the functions over SLURM's commands, against a real cluster."""

import os
from pathlib import Path

import pytest
from slurm_studies import wait_for

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.limits import cluster_limits
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.script import StageScript, script_text

HOSTILE = ["a b", 'it\'s "q"', "x;echo $HOME `id`", "50% %A", "hash#", "ünï", "*?[x] &|>(d)"]


def written(folder: Path, *command: str, spec: JobSpec | None = None, array: str = "0-2", name: str = "vq-x") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "x.sbatch"
    stage = StageScript(path, name, "A stage.", array, folder, "log", command)
    path.write_text(script_text(stage, spec or JobSpec(mem="50M")))
    return path


def output(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("*.log")}


def test_hostile_folders_work(cluster, tmp_path):
    jobs = {
        name: scheduler.submit(written(tmp_path / name, "printf", "<%s>", name, array="3"), "3", 10, "")
        for name in HOSTILE
    }
    cluster.wait_until_empty()
    assert {name: output(tmp_path / name) for name in HOSTILE} == {
        name: {f"log-{job}_3.log": f"<{name}><13>"} for name, job in jobs.items()
    }


def test_the_task_is_offset_plus_index_whatever_slurm_counts(cluster, tmp_path):
    script = written(tmp_path, "bash", "-c", "echo $SLURM_ARRAY_TASK_COUNT $0")
    job = scheduler.submit(script, "1,3", 100, "")
    cluster.wait_until_empty()
    assert output(tmp_path) == {f"log-{job}_1.log": "2 101\n", f"log-{job}_3.log": "2 103\n"}


def test_the_queue_and_accounting_tell_tasks_apart(cluster, tmp_path):
    script = written(tmp_path, "bash", "-c", "sleep $(( $0 > 0 ? 60 : 0 )); exit 3", name="vq-odd|name")
    job = scheduler.submit(script, "0-1", 0, "")
    after = scheduler.submit(script, "7", 0, f"afterok:{job}")

    def is_running() -> bool:
        return [task.index for task in scheduler.queue() if task.job == job and task.state == "RUNNING"] == [1]

    def waiting() -> list[tuple[int, int, str, str]]:
        return [(task.job, task.index, task.name, task.reason) for task in scheduler.queue() if task.waits]

    wait_for(is_running, 120)
    wait_for(lambda: waiting() == [(after, 7, "vq-odd|name", "Dependency")], 120)  # the reason is None at first
    scheduler.cancel([f"{job}_1"])
    cluster.wait_until_empty()  # what can never start is gone too
    if cluster.accounting:
        wait_for(lambda: len(scheduler.ended([job, after])) == 3, 120)
        states = [(task.job, task.index, task.state, task.exit_code) for task in scheduler.ended([after, job])]
        assert states[0] == (job, 0, "FAILED", "3:0")
        assert [state[2] for state in states[1:]] == ["CANCELLED", "CANCELLED"]


def test_without_accounting_nothing_is_known_and_nothing_fails(plain_cluster):
    assert scheduler.ended([1]) == []


def test_the_greatest_array_is_that_of_the_cluster(plain_cluster):
    assert cluster_limits(JobSpec()).max_array_size == 4


def test_refusals_name_the_command_the_answer_and_the_way_out(cluster, tmp_path):
    script = written(tmp_path, "true", spec=JobSpec(partition="nowhere"))
    with pytest.raises(scheduler.SchedulerError, match=r"`sbatch --parsable .*invalid partition.*slurm resume"):
        scheduler.submit(script, "0", 0, "")
    with pytest.raises(scheduler.SchedulerError, match="--test-only"):
        scheduler.test_only(script.read_text())
    with pytest.raises(scheduler.SchedulerError, match="`scontrol requeue 999999`"):
        scheduler.requeue("999999")


def test_a_trial_hands_in_nothing(cluster, tmp_path):
    assert "to start at" in scheduler.test_only(written(tmp_path, "true").read_text())
    assert cluster.queue() == []


def test_the_job_that_submits_leaves_no_trace_in_the_jobs(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "16")
    scheduler.submit(written(tmp_path, "bash", "-c", "echo ${SLURM_CPUS_PER_TASK-unset}"), "0", 0, "")
    cluster.wait_until_empty()
    assert list(output(tmp_path).values()) == ["unset\n"]


def test_without_slurm_there_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no sbatch on this machine"):
        scheduler.require_slurm()
    with pytest.raises(InputError, match="there is no squeue on this machine"):
        scheduler.queue()


def test_what_is_being_cancelled_is_not_brought_back(cluster, tmp_path):
    """The states that a task sees of itself when it is told to stop."""
    probe = (
        "import signal, time, sys\n"
        "from vq_benchmark.studies.slurm import scheduler\n"
        "def stop(number, frame):\n"
        "    task = scheduler.own_task()\n"
        "    cancelled = scheduler.is_being_cancelled(task)\n"
        "    print(signal.Signals(number).name, cancelled, flush=True)\n"
        "    sys.exit() if cancelled else scheduler.requeue(task)\n"
        "signal.signal(signal.SIGUSR1, stop); signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    job = scheduler.submit(written(tmp_path, os.sys.executable, "-c", probe, spec=JobSpec(mem="300M")), "1", 0, "")
    log = tmp_path / f"log-{job}_1.log"

    def says(*lines: str) -> bool:
        text = log.read_text() if log.exists() else ""
        return [line for line in text.splitlines() if "slurmstepd" not in line] == list(lines)

    wait_for(lambda: says("ready"), 120)
    cluster.run("scancel", "-b", "-s", "USR1", f"{job}_1")
    wait_for(lambda: says("ready", "SIGUSR1 False", "SIGTERM True", "ready"), 120)
    scheduler.cancel([str(job)])
    cluster.wait_until_empty()
    assert says("ready", "SIGUSR1 False", "SIGTERM True", "ready", "SIGTERM True")
