"""How a study is doing, from its result and failure files alone."""

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.stages import STAGES, Stage, Task

PROBLEMS = ("stuck", "failed", "blocked", "lost")
"""States of tasks that stay as they are until someone does something."""
NUMBERS = re.compile(r"\d+")
OUT_OF_MEMORY = re.compile(r"MemoryError|needs about .* of memory|out of memory")
"""What the failure of a task says that lacked memory."""


@dataclass(frozen=True)
class TaskStatus:
    """What is known of one task."""

    task: Task
    state: str
    reason: str = ""
    log: Path | None = None
    remedy: str = ""
    """What helps, if that is known."""
    short: str = ""
    """What the task did, as the end of a sentence about tasks that need it."""


@dataclass(frozen=True)
class StudyStatus:
    """What is known of all tasks."""

    manifest: Manifest
    states: Sequence[str]
    """The states that a task can be in, in the order in which tables show them."""
    tasks: tuple[TaskStatus, ...]
    next_command: str
    """What to type next."""
    remarks: tuple[str, ...] = ()
    """What else there is to say, for people."""
    efficiency: tuple[Mapping[str, Any], ...] = ()
    """What the jobs of each stage used of what they requested."""

    def counts(self, stage: Stage) -> dict[str, int]:
        """How many tasks of a stage are in each state."""
        found = Counter(each.state for each in self.tasks if each.task.stage == stage)
        return {state: found[state] for state in self.states}

    @property
    def problems(self) -> list[TaskStatus]:
        """The tasks that will not be done unless someone does something."""
        return [each for each in self.tasks if each.state in PROBLEMS]

    def grouped_problems(self) -> list[list[TaskStatus]]:
        """The problems, those of one stage together whose reasons differ in numbers only."""
        groups: dict[tuple[str, str, str], list[TaskStatus]] = {}
        for each in self.problems:
            groups.setdefault((each.task.stage, each.state, NUMBERS.sub("", each.reason)), []).append(each)
        return list(groups.values())

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "study": str(self.manifest.folder),
            "stages": {
                stage: {"tasks": self.manifest.count(stage), **self.counts(stage)}
                for stage in STAGES
                if self.manifest.count(stage)
            },
            "problems": [
                {
                    "stage": each.task.stage,
                    "index": each.task.index,
                    "what": self.manifest.describe(each.task),
                    "state": each.state,
                    "reason": each.reason,
                    "remedy": each.remedy,
                    "log": None if each.log is None else str(each.log),
                    "command": rerun_command(self.manifest, each.task),
                }
                for each in self.problems
            ],
            "results": str(self.manifest.results_path),
            "next": self.next_command,
            "remarks": self.remarks,
            "efficiency": self.efficiency,
        }


def files_status(manifest: Manifest) -> StudyStatus:
    """What the files say of every task: done, failed, or missing, which is not tried yet, running, or killed."""
    tasks = tuple(_status_of(manifest, task) for stage in STAGES for task in manifest.tasks(stage))
    done = all(each.state == "done" for each in tasks)
    following = plot_command(manifest) if done else f"vq-benchmark study tasks {quoted_folder(manifest)} --ready"
    return StudyStatus(manifest, ("done", "failed", "missing"), tasks, following)


def _status_of(manifest: Manifest, task: Task) -> TaskStatus:
    state = manifest.outcome(task)
    if state != "failed":
        return TaskStatus(task, state)
    failure = manifest.failure(task)
    if failure is None or task.stage == "merge":
        # Only a merge fails without a record: rows of configurations that failed were put there from elsewhere.
        return TaskStatus(task, state, failure or "some finished rows in results.db say that they failed")
    short = "ran out of memory" if OUT_OF_MEMORY.search(failure) else f"failed: {failure}"
    return TaskStatus(task, state, failure, short=short)


def quoted_folder(manifest: Manifest) -> str:
    """The folder of the study as a shell reads it."""
    return shlex.quote(str(manifest.folder))


def rerun_command(manifest: Manifest, task: Task) -> str:
    """The command that runs one task again."""
    return f"vq-benchmark study task {quoted_folder(manifest)} {task.stage} {task.index}"


def plot_command(manifest: Manifest) -> str:
    """The command that shows the results of a study that is done."""
    return f"vq-benchmark plot --db-path {shlex.quote(str(manifest.results_path))}"
