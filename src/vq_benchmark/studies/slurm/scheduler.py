"""Thin functions over the commands of SLURM."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm.accounting import FIELDS, EndedTask, parsed_rows

SUBMISSION_SECONDS = 120
QUERY_SECONDS = 30
KEPT_VARIABLES = ("SLURM_CONF", "SLURM_CLUSTERS")
"""Other SLURM_… variables belong to the job we may be in; sbatch would pass them on to the new jobs."""


class SchedulerError(InputError):
    """A command of SLURM failed; the message has the command, its answer, and what to do."""


@dataclass(frozen=True)
class QueuedTask:
    """One waiting or running task of an array, or a job without an array."""

    job: int
    index: int
    name: str
    state: str
    reason: str

    @property
    def waits(self) -> bool:
        return self.state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")

    @property
    def ends(self) -> bool:
        """Whether it was cancelled, requeued or completed, and only its processes have yet to end."""
        return self.state == "COMPLETING"


def require_slurm() -> None:
    """Raise InputError if this machine has no SLURM."""
    if shutil.which("sbatch") is None:
        raise InputError(
            "there is no sbatch on this machine, so nothing can be submitted to SLURM from here; log in to the "
            "cluster, or run the study here with `vq-benchmark sweep`."
        )


def ask(command: Sequence[str]) -> str:
    """The answer of a command that changes nothing."""
    return _run(command, QUERY_SECONDS, "type the command yourself")


def submit(script: Path, array: str, offset: int, dependency: str, options: Sequence[str] = ()) -> int:
    """Submit a script as a job array; returns the id of the job."""
    command = submission(script, array, offset, dependency, options)
    answer = _run(
        command,
        SUBMISSION_SECONDS,
        "this command submitted nothing; jobs submitted earlier are still queued. Correct the options or the script, "
        "then run `vq-benchmark slurm resume`, or type the command yourself",
    )
    number = answer.strip().split(";")[0]
    if not number.isdigit():
        raise SchedulerError(f"`{shlex.join(command)}` answered {answer.strip()!r}, which is not a job id.")
    return int(number)


def submission(script: Path, array: str, offset: int, dependency: str, options: Sequence[str] = ()) -> list[str]:
    """The command that submits a script, as a person can type it."""
    waits = [f"--dependency={dependency}"] if dependency else []
    command = ["sbatch", "--parsable", f"--array={array}", *waits, *options, str(script)]
    return [*command, str(offset)] if offset else command


def test_only(script: str) -> str:
    """The answer of `sbatch --test-only` to a script: when and where it would start. Nothing is submitted."""
    by_hand = "see what `sinfo` lists, and change the options"
    return _run(["sbatch", "--test-only"], SUBMISSION_SECONDS, by_hand, given=script)


def queue(uid: int | None = None) -> list[QueuedTask]:
    """All waiting and running tasks of a user, by default this one."""
    command = ["squeue", "-u", str(os.getuid() if uid is None else uid), "-r", "-h", "-o", "%F|%K|%T|%r|%j"]
    answer = _run(command, QUERY_SECONDS, "try `squeue --me` yourself; the results on disk are untouched")
    rows = (line.split("|", 4) for line in answer.splitlines())
    return [QueuedTask(int(job), _index(index), name, state, reason) for job, index, state, reason, name in rows]


def ended(jobs: Iterable[int]) -> list[EndedTask]:
    """What accounting knows about the tasks of these jobs, oldest job first; nothing if it is off, slow or late."""
    ids = ",".join(map(str, sorted(set(jobs))))
    if not ids:
        return []
    command = ["sacct", "-n", "-P", "-j", ids, "-o", FIELDS]
    try:
        return parsed_rows(_run(command, QUERY_SECONDS, "nothing needs to be done"))
    except SchedulerError:  # without accounting there is less to tell, but nothing failed
        return []


def configuration() -> dict[str, str]:
    """The cluster's configuration, as text by name."""
    answer = _run(
        ["scontrol", "show", "config"], QUERY_SECONDS, "check whether `sinfo` answers; if not, ask the administrators"
    )
    return dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", answer, re.MULTILINE))


def accounting(what: str, columns: Sequence[str], condition: str) -> list[dict[str, str]]:
    """Rows of `sacctmgr show`, as text by column; nothing if there is no accounting, or it does not answer."""
    command = ["sacctmgr", "-n", "-P", "show", what, "where", condition, f"format={','.join(columns)}"]
    try:
        answer = _run(command, QUERY_SECONDS, "nothing needs to be done")
    except SchedulerError:  # without accounting there are no limits to tell
        return []
    rows = (line.split("|") for line in answer.splitlines() if line.count("|") == len(columns) - 1)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def cancel(tasks: Iterable[str]) -> None:
    """Cancel jobs (12) or tasks (12_3)."""
    names = list(tasks)
    if names:
        _run(["scancel", *names], QUERY_SECONDS, "check `squeue --me` and cancel the rest with `scancel`")


def own_task() -> str | None:
    """The id of the task that this process runs in, such as 12_3 or 12; None outside a job."""
    array, index = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{index}" if array and index else os.environ.get("SLURM_JOB_ID")


def is_being_cancelled(task: str) -> bool:
    """Whether a task that was told to stop must not be requeued.

    What `scontrol show job` says inside the signal handler, observed on Slurm 22.05:

    - USR1 before the time limit, or at the beginning of a preemption's grace time: RUNNING, or SIGNALING while the
      signal is being delivered;
    - TERM at the time limit: COMPLETING, Reason=TimeLimit;
    - TERM by scancel: COMPLETING, Reason=None; `scontrol requeue` would revive the task;
    - TERM after a requeue, or at the end of a preemption's grace time, after which SLURM requeues by itself:
      COMPLETING, Reason=None.

    Later versions report the final state (CANCELLED, TIMEOUT) instead of COMPLETING.
    """
    facts = _facts(task)
    return facts.get("JobState") in ("COMPLETING", "CANCELLED") and facts.get("Reason") != "TimeLimit"


def requeue_own_job(say: Callable[[str], None]) -> None:
    """Requeue the batch job that this process runs in, if any, unless it is being cancelled.

    Raises:
        SchedulerError: SLURM refuses, for example because the job was submitted with --no-requeue.
    """
    task = own_task()
    if task is None or _facts(task).get("BatchFlag") != "1":  # an interactive job cannot be requeued
        return
    if is_being_cancelled(task):
        say(f"{task} was cancelled or is already requeued.")
    else:
        requeue(task)
        say(f"{task} is requeued.")


def _facts(task: str) -> dict[str, str]:
    """The fields that `scontrol show job` prints for a task; only values without spaces."""
    by_hand = "submit the task again"
    answer = _run(["scontrol", "show", "job", "-o", task], QUERY_SECONDS, by_hand)
    return dict(re.findall(r"(?<!\S)(\w+)=(\S*)", answer))


def requeue(task: str) -> None:
    """Requeue a running task under the same id.

    SLURM may end the command together with the task that called it, before its answer arrives. So what counts is
    whether the task still runs.
    """
    try:
        _run(["scontrol", "requeue", task], QUERY_SECONDS, "submit the task again")
    except SchedulerError as error:
        try:
            still_runs = _facts(task).get("JobState") in ("RUNNING", "SIGNALING")
        except SchedulerError:
            raise error from None
        if still_runs:
            raise


def _index(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _run(command: Sequence[str], seconds: float, by_hand: str, given: str = "") -> str:
    """The output of a command.

    Raises:
        SchedulerError: it does not exist, fails, or does not answer in time.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SLURM_") or name in KEPT_VARIABLES
    }  # fmt: skip
    environment["SLURM_BITSTR_LEN"] = "0"  # print long arrays in full
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=seconds, env=environment, check=False
        )
    except FileNotFoundError:
        raise SchedulerError(
            f"there is no {command[0]} on this machine: is it a login node of the cluster?"
        ) from None
    except subprocess.TimeoutExpired:
        raise SchedulerError(f"`{shlex.join(command)}` did not answer within {seconds:.0f} s; {by_hand}.") from None
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
        raise SchedulerError(f"`{shlex.join(command)}` failed: {said.rstrip('.')}. What to do: {by_hand}.")
    return done.stdout if done.stdout.strip() else done.stderr
