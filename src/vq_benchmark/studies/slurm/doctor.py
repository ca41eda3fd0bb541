"""Checks of a cluster by jobs: two that describe their nodes, and a study of two chunks that must end right."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.machine.filesystems import is_shared
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.checks import Check
from vq_benchmark.studies.slurm.queue import read_queue
from vq_benchmark.studies.slurm.resources import JobSpec
from vq_benchmark.studies.slurm.script import quoted
from vq_benchmark.studies.stages import STAGES, Task
from vq_benchmark.studies.task_command import PROGRAM

MOST_SKEW = 5.0
"""Seconds that clocks may differ; more confuses times in logs, and file times, by which changed data is found."""
SECONDS_PER_LOOK = 2.0
SUBMIT = ("--dataset", "sample", "--dataset-limit", "500", "--num-queries", "20", "--method", "none", "--chunks", "2")
"""The study: vectors that are stored unchanged, whose recall must be 1 and whose error 0, or the row fails."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for jobs."""

    seconds: float

    def until(self, happened: Callable[[], bool]) -> bool:
        """Look every two seconds; False if the time ended first."""
        end = time.monotonic() + self.seconds
        while not happened():
            if time.monotonic() > end:
                return False
            time.sleep(SECONDS_PER_LOOK)
        return True


def job_checks(folder: Path, spec: JobSpec, options: Sequence[str], patience: Patience) -> Iterator[Check]:
    """The checks of nodes, then of a study.

    Args:
        folder: where the files of the jobs go; it exists.
        options: those of `slurm submit` that the resources `spec` came from.
    """
    checks = list(node_checks(folder, spec, patience))
    yield from checks
    if all(check.state != "fail" for check in checks):
        yield study_check(folder / "study", options, patience)


def node_checks(folder: Path, spec: JobSpec, patience: Patience) -> Iterator[Check]:
    """Whether jobs run, see the folder and Python, have a local $TMPDIR, and agree about the time."""
    files = [folder / f"node-{index}.json" for index in range(2)]
    script = folder / "node.sbatch"
    script.write_text(node_script(folder, spec))
    submitted = time.time()
    try:
        job = scheduler.submit(script, "0-1", 0, "")
    except InputError as error:
        yield Check("jobs", "fail", str(error), "give the options that your cluster needs, as to `slurm submit`")
        return
    finished = patience.until(lambda: all(file.exists() for file in files) or _has_left(job))
    if not all(file.exists() for file in files):
        yield _never_ran(job, folder, patience, still_there=not finished)
        return
    seen = time.time()
    facts = [json.loads(file.read_text()) for file in files]
    hosts = ", ".join(sorted({str(each["host"]) for each in facts}))
    yield Check("jobs", "ok", f"2 tasks ran on {hosts} with Python {facts[0]['python']}")
    yield temporary_check(facts[0])
    yield clock_check(facts, submitted, seen)


def node_script(folder: Path, spec: JobSpec) -> str:
    """The script whose tasks write node-0.json and node-1.json."""
    log = str(folder.absolute()).replace("%", "%%")
    flags = ["--job-name=vq-doctor", f"--output={log}/node-%a.log", *spec.flags()]
    words = shlex.join([sys.executable, "-P", "-m", "vq_benchmark.studies.slurm.node_facts"])
    file = f'{shlex.quote(str(folder.absolute()))}/node-"$SLURM_ARRAY_TASK_ID".json'
    lines = [*(f"#SBATCH {quoted(flag)}" for flag in flags), *(f"#SBATCH {flag}" for flag in spec.extra), *spec.setup]
    return "\n".join(["#!/bin/bash", *lines, f"exec {words} {file}", ""])


def temporary_check(facts: dict[str, Any]) -> Check:
    """Whether temporary files are on the node's own disk."""
    kind = facts["filesystem"]
    named = "$TMPDIR" if facts["TMPDIR"] else "$TMPDIR is not set;"
    found = f"{named} {facts['temporary']} on {kind or 'an unknown file system'}"
    if kind is not None and is_shared(kind):
        return Check("local disk", "warn", found, "do not use --stage-to-tmp; set VQ_CACHE_DIR to scratch")
    if kind in ("tmpfs", "ramfs"):
        return Check("local disk", "warn", found, "it takes the job's memory: request more with --stage-to-tmp")
    return Check("local disk", "ok", found)


def clock_check(facts: Sequence[dict[str, Any]], submitted: float, seen: float) -> Check:
    """Whether the nodes ran between the times at which, by this machine, they were asked and had answered."""
    skew = max(max(submitted - float(each["time"]), float(each["time"]) - seen, 0.0) for each in facts)
    if skew > MOST_SKEW:
        remedy = "tell the administrators; until then, do not change data files while a study runs"
        return Check("clocks", "warn", f"a node's clock is at least {skew:,.0f} s off", remedy)
    return Check(
        "clocks", "ok", f"within {max(skew, seen - submitted):,.0f} s of this machine, as far as can be told"
    )


def study_check(folder: Path, options: Sequence[str], patience: Patience) -> Check:
    """Whether a study of two chunks ends right, submitted by the command that people type."""
    command = [*PROGRAM, "slurm", "submit", *SUBMIT, f"--study-dir={folder}", *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = ran.stderr.strip().splitlines() or ["it says nothing"]
        return Check("study", "fail", said[-1], f"type it: {shlex.join(command)}")
    manifest = Manifest.load(folder)
    merge = Task("merge", 0)

    def is_over() -> bool:
        return manifest.outcome(merge) == "done" or not read_queue(manifest).tasks

    ended = patience.until(is_over)
    if manifest.outcome(merge) == "done":
        return Check("study", "ok", "2 chunks were measured, merged, and are exactly right")
    reason = next(filter(None, (manifest.failure(task) for task in _tasks(manifest))), "")
    look = f"vq-benchmark slurm status {shlex.quote(str(folder))}"
    if not ended and not reason:
        return Check("study", "warn", f"still queued or running after {patience.seconds / 60:,.0f} min", look)
    return Check("study", "fail", reason or "its jobs left the queue without a result", look)


def _tasks(manifest: Manifest) -> Iterator[Task]:
    for stage in STAGES:
        yield from manifest.tasks(stage)


def _has_left(job: int) -> bool:
    return all(task.job != job for task in scheduler.queue())


def _never_ran(job: int, folder: Path, patience: Patience, *, still_there: bool) -> Check:
    """Why the jobs did not answer."""
    if still_there:
        reasons = sorted({task.reason for task in scheduler.queue() if task.job == job})
        scheduler.cancel([str(job)])
        found = f"2 tasks did not run within {patience.seconds / 60:,.0f} min: {', '.join(reasons)}"
        return Check("jobs", "fail", found, "wait longer with --minutes, or change the options of the job")
    logs = "".join(path.read_text(errors="replace") for path in sorted(folder.glob("node-*.log")))
    said = logs.strip().splitlines()[-1:] or ["there is no log: do nodes see this folder?"]
    return Check("jobs", "fail", f"2 tasks left nothing: {said[0]}", f"look at the logs in {folder}")
