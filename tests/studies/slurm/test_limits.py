"""Which of the limits in accounting apply to a study."""

import pytest

from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.limits import cluster_limits
from vq_benchmark.studies.slurm.resources import JobSpec

USER = "somebody"
ASSOCIATIONS = [
    {"User": USER, "Account": "lab", "Partition": "", "DefaultQOS": "normal", "MaxSubmitJobs": "40"},
    {"User": USER, "Account": "lab", "Partition": "gpu", "DefaultQOS": "normal", "MaxSubmitJobs": "2"},
    {"User": USER, "Account": "class", "Partition": "", "DefaultQOS": "normal", "MaxSubmitJobs": ""},
    {"User": "", "Account": "class", "Partition": "", "GrpSubmitJobs": "30"},
]
QOS = [{"Name": "normal", "MaxSubmitJobsPerUser": "60"}, {"Name": "small", "MaxSubmitJobsPerUser": "6"}]


@pytest.fixture
def _accounting(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(what: str, columns: tuple[str, ...], condition: str) -> list[dict[str, str]]:
        name, _, values = condition.partition("=")
        known = {"qos": QOS, "association": ASSOCIATIONS, "user": [{"User": USER, "DefaultAccount": "class"}]}
        rows = [dict.fromkeys(columns, "") | row for row in known[what]]
        key = {"name": "User" if what == "user" else "Name", "user": "User", "account": "Account"}[name]
        return [row for row in rows if row[key] in values.split(",")]

    monkeypatch.setattr("getpass.getuser", lambda: USER)
    monkeypatch.setattr(scheduler, "accounting", answer)
    monkeypatch.setattr(scheduler, "configuration", lambda: {"MaxJobCount": "10000"})


@pytest.mark.usefixtures("_accounting")
@pytest.mark.parametrize(
    ("spec", "jobs", "origin"),
    [
        ({"account": "lab"}, 40, "MaxSubmitJobs of account lab"),
        ({"account": "lab", "partition": "gpu"}, 2, "MaxSubmitJobs of account lab"),
        ({"account": "class"}, 30, "GrpSubmitJobs of account class"),
        ({}, 30, "GrpSubmitJobs of account class"),
        ({"account": "lab", "qos": "small"}, 6, "MaxSubmitJobsPerUser of QOS small"),
        ({"account": "lab", "max_jobs": 5}, 5, "--max-jobs"),
    ],
)
def test_the_lowest_limit_that_applies_counts(spec, jobs, origin):
    limit = cluster_limits(JobSpec.parse(spec)).jobs
    assert (limit.jobs, limit.origin) == (jobs, origin)


def test_without_accounting_the_controller_has_a_limit(monkeypatch):
    monkeypatch.setattr(scheduler, "accounting", lambda *question: [])
    monkeypatch.setattr(scheduler, "configuration", lambda: {"MaxJobCount": "10000"})
    assert cluster_limits(JobSpec()).jobs.jobs == 10_000
