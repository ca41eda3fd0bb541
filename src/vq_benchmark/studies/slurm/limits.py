"""How many jobs the cluster lets this user have in its queue, as far as it says so."""

import getpass
from collections.abc import Iterator
from dataclasses import dataclass

from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.resources import JobSpec

ASSOCIATION = ("User", "Account", "Partition", "DefaultQOS", "MaxSubmitJobs", "GrpSubmitJobs")
USER = ("User", "DefaultAccount")
QOS = ("Name", "MaxSubmitJobsPerUser", "MaxSubmitJobsPerAccount", "GrpSubmitJobs")
"""Columns of `sacctmgr show`; those that name a limit on submitted jobs are compared."""
SUBMIT = "Submit"


@dataclass(frozen=True)
class JobLimit:
    """The most jobs in the queue at once. Each element of an array counts as a job, waiting or running."""

    jobs: int
    origin: str
    """Who says so, for messages: "MaxSubmitJobsPerUser of QOS normal"."""


def job_limit(spec: JobSpec) -> JobLimit | None:
    """The lowest limit on submitted jobs that is known; None if none is: accounting may be off, or not say."""
    known = [*_of_user(spec), *_of_associations(spec)]
    return min(known, key=lambda limit: limit.jobs, default=None)


def known_job_limit(spec: JobSpec) -> JobLimit | None:
    """The same where there may be no SLURM: then only what the user says is known."""
    try:
        return job_limit(spec)
    except scheduler.SchedulerError:
        return None if spec.max_jobs is None else JobLimit(spec.max_jobs, "--max-jobs")


def _of_user(spec: JobSpec) -> Iterator[JobLimit]:
    if spec.max_jobs is not None:
        yield JobLimit(spec.max_jobs, "--max-jobs")
    most = scheduler.configured("MaxJobCount")
    if most:
        yield JobLimit(most, "MaxJobCount")


def _of_associations(spec: JobSpec) -> Iterator[JobLimit]:
    """Limits of the account and the partition that the jobs go to, and of their QOS."""
    user = getpass.getuser()
    account = spec.account or next(
        (row["DefaultAccount"] for row in scheduler.accounting("user", USER, f"name={user}")), ""
    )
    rows = scheduler.accounting("association", ASSOCIATION, f"user={user}")
    fitting = [
        row
        for row in rows
        if (not account or row["Account"] == account) and (not row["Partition"] or row["Partition"] == spec.partition)
    ]
    accounts = sorted({row["Account"] for row in fitting})
    if accounts:
        shared = scheduler.accounting("association", ASSOCIATION, f"account={','.join(accounts)}")
        fitting += [row for row in shared if not row["User"]]
    for row in fitting:
        yield from _submit_limits(row, f"account {row['Account']}")
    names = [spec.qos] if spec.qos else sorted({row["DefaultQOS"] for row in fitting if row["DefaultQOS"]})
    names = names or (["normal"] if fitting else [])
    for row in scheduler.accounting("qos", QOS, f"name={','.join(names)}") if names else ():
        yield from _submit_limits(row, f"QOS {row['Name']}")


def _submit_limits(row: dict[str, str], whose: str) -> Iterator[JobLimit]:
    for column, value in row.items():
        if SUBMIT in column and value.isdigit():
            yield JobLimit(int(value), f"{column} of {whose}")
