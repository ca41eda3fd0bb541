"""Which of SLURM's reasons mean that a task will wait forever."""

import pytest

from vq_benchmark.studies.slurm.scheduler import QueuedTask
from vq_benchmark.studies.slurm.stuck import stuck


def waiting(reason: str, state: str = "PENDING") -> QueuedTask:
    return QueuedTask(1, 0, "vq-fit-x", state, reason)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("PartitionTimeLimit", "--time"),
        ("QOSMaxWallDurationPerJobLimit", "--time"),
        ("AssocMaxWallDurationPerJobLimit", "--time"),
        ("QOSMaxCpuPerJobLimit", "--cpus-per-task"),
        ("QOSMaxMemoryPerJob", "--mem-per-cpu"),
        ("QOSMinGRES", None),
        ("QOSMinCpuNotSatisfied", "--cpus-per-task"),
        ("AssocGrpCPUMinutesLimit", "--account"),
        ("BadConstraints", "--constraint"),
        ("InvalidQOS", "--qos"),
        ("PartitionDown", "--partition"),
        ("DependencyNeverSatisfied", "scancel"),
        ("JobHeldUser", "scontrol release"),
        ("JobHeldAdmin", "administrators"),
        ("launch failed requeued held", "administrators"),
        ("Dependency", None),
        ("Priority", None),
        ("Resources", None),
        ("BeginTime", None),
        ("QOSMaxCpuPerUserLimit", None),
        ("QOSMaxJobsPerUserLimit", None),
        ("AssocGrpCpuLimit", None),
        ("AssocGrpCPURunMinutesLimit", None),
        ("QOSGrpCPURunMinutesLimit", None),
        ("AssociationJobLimit", None),
        ("ReqNodeNotAvail, UnavailableNodes:n1", None),
    ],
)
def test_reasons(reason, said):
    found = stuck(waiting(reason), alone=False)
    assert (found is None) == (said is None)
    assert found is None or said in found.remedy


@pytest.mark.parametrize("reason", ["QOSMaxCpuPerUserLimit", "AssociationJobLimit"])
def test_a_limit_of_a_user_is_for_ever_if_nothing_else_of_theirs_runs(reason):
    found = stuck(waiting(reason), alone=True)
    assert found is not None
    assert "all jobs of a user" in found.meaning


def test_a_limit_on_minutes_of_running_jobs_frees_itself():
    assert stuck(waiting("AssocGrpCPURunMinutesLimit"), alone=True) is None


def test_what_runs_is_not_stuck_and_what_is_held_is():
    assert stuck(waiting("JobHeldUser", "RUNNING"), alone=False) is None
    assert stuck(waiting("None", "REQUEUE_HOLD"), alone=False) is not None
