"""Jobs that wait for something that will not happen: the reasons that SLURM gives, what they mean, and what helps."""

import re
from dataclasses import dataclass

from vq_benchmark.studies.slurm.scheduler import QueuedTask


@dataclass(frozen=True)
class Stuck:
    """Why a job waits forever, and what to do; {folder} and {job} are still to be filled in."""

    meaning: str
    remedy: str


RESUME = "`vq-benchmark slurm resume {folder} %s`"
RELEASE = "release it with `scontrol release {job}`"
REASONS: dict[str, Stuck] = {
    "PartitionTimeLimit|(QOS|Assoc)MaxWallDuration.*": Stuck(
        "its time limit is longer than the partition, QOS or account allows",
        f"request less: {RESUME % '--time 1:00:00'}",
    ),
    "PartitionNodeLimit|(QOS|Assoc)(Max|Min).*(PerJob|PerNode|NotSatisfied).*": Stuck(
        "it requests more, or less, than a job may",
        f"change the request: {RESUME % '--cpus-per-task 1 --mem-per-cpu 2G'}",
    ),
    "(QOS|Assoc)Grp(?!.*RunMinutes).*Minutes.*|QOSUsageThreshold": Stuck(
        "the budget of the account or QOS is used up",
        f"ask its owner for more, or charge another one: {RESUME % '--account NAME'}",
    ),
    "BadConstraints": Stuck(
        "no node has the requested features, cores and memory together",
        f'`sinfo -o "%f %c %m"` shows what there is; {RESUME % "--constraint NAME"}',
    ),
    "InvalidAccount|InvalidQOS|AccountNotAllowed|QOSNotAllowed": Stuck(
        "its account or QOS may not be used here",
        f"`sacctmgr show associations user=$USER` lists yours; {RESUME % '--account NAME --qos NAME'}",
    ),
    "PartitionDown|PartitionInactive": Stuck(
        "its partition is closed", f"wait until it opens, or use another one: {RESUME % '--partition NAME'}"
    ),
    "ReservationDeleted|InvalidReservation": Stuck(
        "its reservation does not exist any more", f"{RESUME % '--extra --reservation=NAME'}"
    ),
    "DependencyNeverSatisfied": Stuck(
        "a job that it waits for failed",
        "cancel it with `scancel {job}`, then run `vq-benchmark slurm resume {folder}`",
    ),
    "JobHeldUser": Stuck("you held it", RELEASE),
    "JobHeldAdmin": Stuck("an administrator held it", "ask the administrators of the cluster why"),
    "JobHoldMaxRequeue|launch.failed.requeued.held|NonZeroExitCode": Stuck(
        "SLURM held it, because it failed to start too often", f"ask the administrators, or {RELEASE}"
    ),
}  # fmt: skip
"""By the reason that `squeue` gives, as a regular expression."""
OWN_LIMIT = re.compile("(QOS|Assoc)Max.*PerUser.*|(QOS|Assoc)Max(Jobs|SubmitJob).*|AssociationJobLimit")
"""Limits over all jobs of a user: one waits until others end, and forever if it exceeds the limit alone."""
TOO_LARGE = Stuck(
    "it alone requests more than all jobs of a user may",
    f"request less: {RESUME % '--cpus-per-task 1 --mem-per-cpu 2G'}",
)
HELD = ("REQUEUE_HOLD", "SPECIAL_EXIT")


def stuck(task: QueuedTask, alone: bool) -> Stuck | None:
    """Why a waiting task will never start; None if it may. `alone`: no job of its owner is running."""
    if not task.waits:
        return None
    if task.state in HELD:
        return REASONS["JobHeldUser"]
    if alone and OWN_LIMIT.fullmatch(task.reason):
        return TOO_LARGE
    return next((found for reason, found in REASONS.items() if re.fullmatch(reason, task.reason)), None)
