"""What is asked of SLURM, and what it answers: thin functions over its commands."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm.job_arrays import expanded

SUBMISSION_SECONDS = 120
QUERY_SECONDS = 30
KEPT_VARIABLES = ("SLURM_CONF", "SLURM_CLUSTERS")
"""The rest of SLURM_… is that of the job we may be in; sbatch would hand it on to jobs that ask for other things."""
DEFAULT_MAX_ARRAY_SIZE = 1001
"""What slurm.conf means where it does not say."""


class SchedulerError(InputError):
    """A command of SLURM said no; the sentence has the command, its answer, and what to do by hand."""


@dataclass(frozen=True)
class QueuedTask:
    """One task of an array, or a job without one, that waits or runs."""

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
        """Whether it was cancelled, is queued again, or has done its work, and only its processes have yet to go."""
        return self.state == "COMPLETING"


@dataclass(frozen=True)
class EndedTask:
    """What accounting knows of a task that is no longer in the queue."""

    job: int
    index: int
    name: str
    state: str
    exit_code: str


def require_slurm() -> None:
    """Raises InputError where this machine has no SLURM."""
    if shutil.which("sbatch") is None:
        raise InputError(
            "there is no sbatch on this machine, so nothing can be submitted to SLURM from here; log in to the "
            "cluster, or run the study here with `vq-benchmark sweep`."
        )


def submit(script: Path, array: str, offset: int, dependency: str, options: Sequence[str] = ()) -> int:
    """Hand in a script as an array; returns the id of the job."""
    command = submission(script, array, offset, dependency, options)
    answer = _run(
        command,
        SUBMISSION_SECONDS,
        "nothing was handed in by this command; what was before is in the queue. Correct the options or the script, "
        "then `vq-benchmark slurm resume`, or type the command yourself",
    )
    number = answer.strip().split(";")[0]
    if not number.isdigit():
        raise SchedulerError(f"`{shlex.join(command)}` answered {answer.strip()!r}, which is not the id of a job.")
    return int(number)


def submission(script: Path, array: str, offset: int, dependency: str, options: Sequence[str] = ()) -> list[str]:
    """The command that hands in a script, as it can be typed by hand."""
    waits = [f"--dependency={dependency}"] if dependency else []
    command = ["sbatch", "--parsable", f"--array={array}", *waits, *options, str(script)]
    return [*command, str(offset)] if offset else command


def test_only(script: str) -> str:
    """What `sbatch --test-only` says of the text of a script: when and where it would start. Nothing is handed in."""
    by_hand = "see with `sinfo` what there is, and change the options"
    return _run(["sbatch", "--test-only"], SUBMISSION_SECONDS, by_hand, given=script)


def queue(uid: int | None = None) -> list[QueuedTask]:
    """All tasks of a user, by default this one, that wait or run."""
    command = ["squeue", "-u", str(os.getuid() if uid is None else uid), "-r", "-h", "-o", "%F|%K|%T|%r|%j"]
    answer = _run(command, QUERY_SECONDS, "look yourself with `squeue --me`; the results on disk are not touched")
    rows = (line.split("|", 4) for line in answer.splitlines())
    return [QueuedTask(int(job), _index(index), name, state, reason) for job, index, state, reason, name in rows]


def ended(jobs: Iterable[int]) -> list[EndedTask]:
    """What accounting knows of the tasks of these jobs; nothing where it is off, slow or late. Oldest job first."""
    ids = ",".join(map(str, sorted(set(jobs))))
    if not ids:
        return []
    command = ["sacct", "-X", "-n", "-P", "-j", ids, "-o", "JobID,State,ExitCode,JobName"]
    try:
        answer = _run(command, QUERY_SECONDS, "nothing needs to be done")
    except SchedulerError:  # no accounting here: less to tell, but no failure of anything
        return []
    found = []
    for line in answer.splitlines():
        name, state, exit_code, job_name = line.split("|", 3)
        job, _, indices = name.partition("_")
        # Tasks that never ran stand together, as 12_[3-7%2].
        for index in expanded(indices.strip("[]") or "0"):
            found.append(EndedTask(int(job), index, job_name, state.split()[0], exit_code))
    return sorted(found, key=lambda task: task.job)


def max_array_size() -> int:
    """One more than the greatest index that the cluster takes in an array."""
    answer = _run(["scontrol", "show", "config"], QUERY_SECONDS, "see whether `sinfo` answers; else ask the admins")
    match = re.search(r"^MaxArraySize\s*=\s*(\d+)", answer, re.MULTILINE)
    return int(match[1]) if match else DEFAULT_MAX_ARRAY_SIZE


def assumed_max_array_size() -> tuple[int, str]:
    """The same for scripts that are only shown: SLURM's default where it cannot be asked, and a sentence on that."""
    try:
        return max_array_size(), ""
    except SchedulerError:
        size = DEFAULT_MAX_ARRAY_SIZE
        return size, f"SLURM cannot be asked for its MaxArraySize here; arrays are cut for its default of {size}."


def cancel(tasks: Iterable[str]) -> None:
    """Take jobs (12) or tasks (12_3) off the queue."""
    names = list(tasks)
    if names:
        _run(["scancel", *names], QUERY_SECONDS, "look with `squeue --me` and cancel what is left with `scancel`")


def own_task() -> str | None:
    """The name of the task that this process is, such as 12_3 or 12; None outside of a job."""
    array, index = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{index}" if array and index else os.environ.get("SLURM_JOB_ID")


def is_being_cancelled(task: str) -> bool:
    """Whether a task that was told to stop is to stay stopped.

    What `scontrol show job` says inside the handler of the signal, seen on Slurm 22.05:

    - USR1 before the time limit, or at the beginning of a preemption's time of grace: RUNNING, or SIGNALING while the
      signal is under way;
    - TERM at the time limit: COMPLETING, Reason=TimeLimit;
    - TERM by scancel: COMPLETING, Reason=None; `scontrol requeue` would bring the task back to life;
    - TERM that follows a requeue, or ends a preemption's time of grace, after which SLURM requeues by itself:
      COMPLETING, Reason=None.

    Later versions name the end (CANCELLED, TIMEOUT) in place of COMPLETING.
    """
    facts = _facts(task)
    return facts.get("JobState") in ("COMPLETING", "CANCELLED") and facts.get("Reason") != "TimeLimit"


def queue_again(say: Callable[[str], None]) -> None:
    """Have this process, if it is a batch job of SLURM's, start again later, unless it is being cancelled.

    Raises:
        SchedulerError: SLURM does not take it, for example because it was submitted with --no-requeue.
    """
    task = own_task()
    if task is None or _facts(task).get("BatchFlag") != "1":  # the shell of an interactive job does not come again
        return
    if is_being_cancelled(task):
        say(f"{task} is cancelled, or queued again already.")
    else:
        requeue(task)
        say(f"{task} is queued again.")


def _facts(task: str) -> dict[str, str]:
    """What `scontrol show job` says of a task, by name; only of values without spaces."""
    by_hand = "submit the task again"
    answer = _run(["scontrol", "show", "job", "-o", task], QUERY_SECONDS, by_hand)
    return dict(re.findall(r"(?<!\S)(\w+)=(\S*)", answer))


def requeue(task: str) -> None:
    """Have a running task start again later, under the same id."""
    _run(["scontrol", "requeue", task], QUERY_SECONDS, "submit the task again")


def _index(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _run(command: Sequence[str], seconds: float, by_hand: str, given: str = "") -> str:
    """What a command prints.

    Raises:
        SchedulerError: it is not there, fails, or does not answer in time.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SLURM_") or name in KEPT_VARIABLES
    }  # fmt: skip
    environment["SLURM_BITSTR_LEN"] = "0"  # long arrays in full
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=seconds, env=environment, check=False
        )
    except FileNotFoundError:
        raise SchedulerError(
            f"there is no {command[0]} on this machine: is it a login node of the cluster?"
        ) from None
    except subprocess.TimeoutExpired:
        raise SchedulerError(f"`{shlex.join(command)}` did not answer for {seconds:.0f} s; {by_hand}.") from None
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
        raise SchedulerError(f"`{shlex.join(command)}` said: {said.rstrip('.')}. By hand: {by_hand}.")
    return done.stdout if done.stdout.strip() else done.stderr
