"""How large arrays may be, and how many jobs this user may have in the queue, as far as the cluster says so."""

import getpass
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.resources import JobSpec

ASSOCIATION = ("User", "Account", "Partition", "DefaultQOS", "MaxSubmitJobs", "GrpSubmitJobs")
USER = ("User", "DefaultAccount")
QOS = ("Name", "MaxSubmitJobsPerUser", "MaxSubmitJobsPerAccount", "GrpSubmitJobs")
"""Columns of `sacctmgr show`; those that name a limit on submitted jobs are compared."""
SUBMIT = "Submit"
DEFAULT_MAX_ARRAY_SIZE = 1001
"""SLURM's default."""


@dataclass(frozen=True)
class JobLimit:
    """The most jobs in the queue at once. Each element of an array counts as a job, waiting or running."""

    jobs: int
    origin: str
    """Who says so, for messages: "MaxSubmitJobsPerUser of QOS normal"."""


@dataclass(frozen=True)
class Limits:
    """What the cluster accepts; each command asks for it once."""

    max_array_size: int = DEFAULT_MAX_ARRAY_SIZE
    """One more than the greatest index in an array."""
    jobs: JobLimit | None = None
    """The lowest limit on submitted jobs that is known; None if none is: accounting may be off, or not say."""


def cluster_limits(spec: JobSpec, settings: Mapping[str, str] | None = None) -> Limits:
    """What the cluster accepts of jobs with these resources; it is asked for its settings unless they are given.

    Raises:
        SchedulerError: SLURM does not answer.
    """
    settings = scheduler.configuration() if settings is None else settings
    known = [*_of_user(spec), *_of_cluster(settings), *_of_associations(spec)]
    size = _number(settings, "MaxArraySize") or DEFAULT_MAX_ARRAY_SIZE
    return Limits(size, min(known, key=lambda limit: limit.jobs, default=None))


def assumed_limits(spec: JobSpec) -> tuple[Limits, str]:
    """The same for scripts that are only shown: SLURM's defaults if it cannot be asked, and a sentence saying so."""
    try:
        return cluster_limits(spec), ""
    except scheduler.SchedulerError:
        size = DEFAULT_MAX_ARRAY_SIZE
        said = f"SLURM cannot be asked for its MaxArraySize here; arrays are cut at its default, {size}."
        return Limits(size, next(_of_user(spec), None)), said


def _of_user(spec: JobSpec) -> Iterator[JobLimit]:
    if spec.max_jobs is not None:
        yield JobLimit(spec.max_jobs, "--max-jobs")


def _of_cluster(settings: Mapping[str, str]) -> Iterator[JobLimit]:
    most = _number(settings, "MaxJobCount")
    if most:
        yield JobLimit(most, "MaxJobCount")


def _number(settings: Mapping[str, str], name: str) -> int:
    value = settings.get(name, "")
    return int(value) if value.isdigit() else 0


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
