"""What `slurm doctor` makes of the answers of SLURM and of nodes."""

import pytest

from vq_benchmark.studies.slurm import checks, doctor, scheduler
from vq_benchmark.studies.slurm.limits import JobLimit
from vq_benchmark.studies.slurm.resources import JobSpec


@pytest.mark.parametrize(
    ("check", "state", "found"),
    [
        (checks.version_check("slurm 23.11.4\n"), "ok", "slurm 23.11.4"),
        (checks.version_check("slurm 20.02.1"), "warn", "slurm 20.02.1"),
        (checks.version_check("slurm-wlm 22.05.8"), "ok", "slurm-wlm 22.05.8"),
        (checks.accounting_check({"AccountingStorageType": "accounting_storage/slurmdbd"}), "ok", "slurmdbd"),
        (checks.accounting_check({"AccountingStorageType": "(null)"}), "warn", "(null)"),
        (
            checks.partition_check("PartitionName=a Default=NO\nPartitionName=b Default=YES MaxTime=4:00 State=UP"),
            "ok",
            "b is the default; State UP, MaxTime 4:00",
        ),
        (checks.partition_check("PartitionName=b Default=YES State=DOWN"), "warn", "State DOWN"),
        (checks.partition_check("PartitionName=a Default=NO State=UP"), "warn", "no default"),
        (checks.association_check("lab||||||\nclass|normal|2|6|||1:00:00\n"), "ok",
         "lab: no limit; class: QOS normal, MaxJobs 2, MaxSubmit 6, MaxWall 1:00:00"),
        (checks.association_check(""), "ok", "none"),
        (checks.queue_check(JobLimit(6, "--max-jobs")), "warn", "at most 6 jobs at once (--max-jobs)"),
        (checks.queue_check(JobLimit(5000, "MaxJobCount")), "ok", "at most 5,000 jobs at once (MaxJobCount)"),
        (checks.queue_check(None), "ok", "no limit"),
    ],
)  # fmt: skip
def test_answers(check, state, found):
    assert check.state == state
    assert found in check.found
    assert check.remedy or state == "ok"


def test_the_limit_is_that_of_the_jobs_that_studies_submit(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler, "require_slurm", lambda: None)
    monkeypatch.setattr(scheduler, "ask", lambda command: "slurm 23.11.4")
    monkeypatch.setattr(scheduler, "configuration", lambda: {"MaxJobCount": "10000"})
    rows = {"association": [{"Account": "lab", "Partition": "", "DefaultQOS": "normal", "User": "x"}]}
    limits = {"normal": "5000", "small": "6"}
    rows["qos"] = [{"Name": name, "MaxSubmitJobsPerUser": limit} for name, limit in limits.items()]

    def accounting(what: str, columns: tuple[str, ...], condition: str) -> list[dict[str, str]]:
        found = [dict.fromkeys(columns, "") | row for row in rows.get(what, [])]
        return [row for row in found if what != "qos" or row["Name"] == condition.partition("=")[2]]

    monkeypatch.setattr(scheduler, "accounting", accounting)
    found = [list(checks.login_checks(tmp_path, JobSpec(qos=qos)))[-1] for qos in (None, "small")]
    assert [check.state for check in found] == ["ok", "warn"]
    assert "waves" in found[1].remedy


def test_folders(tmp_path):
    assert checks.folder_check(tmp_path / "none").state == "fail"
    assert checks.folder_check(tmp_path).state in ("ok", "warn")


def test_temporary_files_and_clocks_of_nodes():
    def facts(kind: str | None, time: float = 0) -> dict:
        return {"TMPDIR": "/x", "temporary": "/x", "filesystem": kind, "time": time}

    states = [doctor.temporary_check(facts(kind)).state for kind in ("xfs", "tmpfs", "nfs4", None)]
    assert states == ["ok", "warn", "warn", "ok"]
    for times, state in (((101, 105), "ok"), ((90, 105), "warn"), ((101, 140), "warn")):
        clocks = doctor.clock_check([facts("xfs", time) for time in times], 100, 110)
        assert clocks.state == state
    assert "at least 30 s off" in doctor.clock_check([facts("xfs", 140)], 100, 110).found


def test_the_script_quotes_hostile_folders(tmp_path):
    text = doctor.node_script(tmp_path / "a b;%A", JobSpec(mem="1G", setup=("module load x",)))
    assert f'#SBATCH "--output={tmp_path}/a b;%%A/node-%a.log"' in text
    assert f"'{tmp_path}/a b;%A'/node-\"$SLURM_ARRAY_TASK_ID\".json" in text
    assert text.index("module load x") < text.index("exec ")


@pytest.mark.parametrize(("state", "fails"), [("RUNNING", True), ("PENDING", False), ("COMPLETING", False)])
def test_a_lost_answer_to_requeue_is_an_error_only_if_the_task_still_runs(monkeypatch, state, fails):
    def run(command, *_, **__):
        if command[1] == "requeue":
            raise scheduler.SchedulerError("`scontrol requeue 5` failed: exit code -15.")
        return f"JobId=5 JobState={state} Reason=None"

    monkeypatch.setattr(scheduler, "_run", run)
    if fails:
        with pytest.raises(scheduler.SchedulerError, match="exit code -15"):
            scheduler.requeue("5")
    else:
        scheduler.requeue("5")
