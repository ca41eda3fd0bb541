"""What can be checked of a cluster from its login node, without a job."""

import getpass
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vq_benchmark.errors import InputError
from vq_benchmark.machine.filesystems import filesystem_of, is_shared
from vq_benchmark.machine.wording import number_of
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.limits import JobLimit, cluster_limits
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.scheduler import SchedulerError

OLDEST_SLURM = (22, 5)
"""The oldest release of SLURM that the tests ran on."""
FEW_JOBS = 100
LITTLE_SPACE = 10 * 10**9
LIMITS = ("MaxJobs", "MaxSubmit", "GrpJobs", "GrpSubmit", "MaxWall")


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""
    """What to do unless all is well."""


def login_checks(folder: Path, spec: JobSpec) -> Iterator[Check]:
    """The checks of this machine, of SLURM's settings, and of the folder that studies will be in.

    `spec`: the resources of the jobs of studies, which say whose limits apply.
    """
    yield Check("Python", "ok", f"{platform.python_version()}, {sys.executable}")  # jobs use the same one
    yield folder_check(folder)
    try:
        scheduler.require_slurm()
        yield version_check(scheduler.ask(["sbatch", "--version"]))
        settings = scheduler.configuration()
    except InputError as error:
        yield Check("SLURM", "fail", str(error), "run this on a login node; see whether `sinfo` answers")
        return
    yield accounting_check(settings)
    yield Check("arrays and jobs", "ok", _named(settings, ("MaxArraySize", "MaxJobCount")))
    yield _asked("partition", ["scontrol", "show", "partition", "-o"], partition_check)
    if _has_accounting(settings):
        user = f"user={getpass.getuser()}"
        association = ["sacctmgr", "-nP", "show", "assoc", user, f"format=Account,QOS,{','.join(LIMITS)}"]
        yield _asked("your limits", association, association_check)
    yield queue_check(cluster_limits(spec, settings).jobs)


def folder_check(folder: Path) -> Check:
    """Whether studies can be written to a folder."""
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Check("folder", "fail", f"{folder} is not a writable folder", "name another: `slurm doctor FOLDER`")
    free, kind = shutil.disk_usage(folder).free, filesystem_of(folder)
    found = f"{folder}, {free / 1e9:,.0f} GB free on {kind or 'an unknown file system'}"
    if free < LITTLE_SPACE:
        return Check("folder", "warn", found, "free some space, or use scratch")
    if kind is not None and not is_shared(kind):
        return Check("folder", "warn", found, "it seems to be on this machine alone; jobs must see it, as on scratch")
    return Check("folder", "ok", found)


def version_check(said: str) -> Check:
    """Whether SLURM is as new as what the tests ran on."""
    match = re.search(r"(\d+)\.(\d+)", said)
    if match and (int(match[1]), int(match[2])) < OLDEST_SLURM:
        oldest = f"{OLDEST_SLURM[0]}.{OLDEST_SLURM[1]:02}"
        return Check(
            "SLURM", "warn", said.strip(), f"studies are tested on {oldest} and newer; begin with a small one"
        )
    return Check("SLURM", "ok", said.strip())


def accounting_check(settings: dict[str, str]) -> Check:
    """Whether SLURM remembers why jobs ended."""
    found = settings.get("AccountingStorageType", "unknown")
    if _has_accounting(settings):
        return Check("accounting", "ok", found)
    remedy = "none is needed; but `slurm status` cannot say why a killed task ended, so read its log"
    return Check("accounting", "warn", found, remedy)


def partition_check(said: str) -> Check:
    """Which partition jobs go to that name none."""
    for line in said.splitlines():
        facts = dict(re.findall(r"(\w+)=(\S*)", line))
        if facts.get("Default") == "YES":
            found = (
                f"{facts.get('PartitionName')} is the default; {_named(facts, ('State', 'MaxTime', 'DefaultTime'))}"
            )
            if facts.get("State") != "UP":
                return Check("partition", "warn", found, "jobs wait until it is up; `sinfo` lists the others")
            return Check("partition", "ok", found)
    return Check("partition", "warn", "there is no default", "name one with --partition; `sinfo` lists them")


def association_check(said: str) -> Check:
    """The accounts of this user, each with its QOS and limits."""
    lines = []
    for line in dict.fromkeys(said.splitlines()):
        account, *values = line.split("|")
        given = [f"{column} {value}" for column, value in zip(("QOS", *LIMITS), values, strict=False) if value]
        lines.append(f"{account}: {', '.join(given) or 'no limit'}")
    return Check("your limits", "ok", "; ".join(lines) or "none")


def queue_check(limit: JobLimit | None) -> Check:
    """How many jobs of a study may be in the queue at once."""
    if limit is None:
        return Check("queue", "ok", "no limit on submitted jobs is known")
    found = f"at most {number_of(limit.jobs, 'job')} at once ({limit.origin})"
    if limit.jobs < FEW_JOBS:
        remedy = "larger studies are submitted in waves; a greater --min-minutes puts more tasks into each job"
        return Check("queue", "warn", found, remedy)
    return Check("queue", "ok", found)


def _asked(name: str, command: list[str], judged: Callable[[str], Check]) -> Check:
    try:
        return judged(scheduler.ask(command))
    except SchedulerError as error:
        return Check(name, "warn", str(error), "see whether the command answers when you type it")


def _has_accounting(settings: dict[str, str]) -> bool:
    return settings.get("AccountingStorageType", "").endswith("slurmdbd")


def _named(facts: dict[str, str], names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {facts[name]}" for name in names if name in facts)
