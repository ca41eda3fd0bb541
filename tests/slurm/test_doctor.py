"""`slurm doctor` on real clusters: one on which all is well, and what it says where something is not."""

import re

from vq_benchmark.studies.slurm.checks import login_checks
from vq_benchmark.studies.slurm.resources import JobSpec

JOB = ("--mem=1G", "--cpus-per-task=1", "--partition=large")


def test_a_cluster_on_which_a_study_ends_right(cluster, program, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    ran = program("slurm", "doctor", tmp_path, *JOB, "--minutes", 5)
    states = dict(re.findall(r"^ (\S.*?) {2,}(ok|warn|fail) ", ran.out, re.MULTILINE))
    assert ran.code == 0, ran.out + ran.err
    assert states["study"] == states["jobs"] == states["clocks"] == states["SLURM"] == "ok", ran.out
    assert "fail" not in states.values()
    assert states["accounting"] == ("ok" if cluster.accounting else "warn")
    assert not list(tmp_path.iterdir())


def test_a_job_that_cannot_run_is_a_failure_with_its_reason(cluster, program, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    refused = program("slurm", "doctor", tmp_path, "--partition=nowhere", "--minutes", 1)
    assert refused.code == 1
    assert "invalid partition" in " ".join(refused.out.split())
    broken = program("slurm", "doctor", tmp_path, *JOB, "--setup", "echo no such module; exit 3", "--minutes", 2)
    assert broken.code == 1
    assert "no such module" in broken.out


def test_the_checks_that_need_no_job(cluster, plain_cluster, tmp_path):
    found = {check.name: check for check in login_checks(tmp_path, JobSpec())}
    assert found["accounting"].state == "warn"
    assert "MaxArraySize 4" in found["arrays and jobs"].found
    assert "your limits" not in found
    assert found["SLURM"].state == "ok"
