"""Run several tasks of a study in one process, one after another, so that libraries load only once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vq_benchmark.errors import Stopped
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.signals import stop_requested
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.stages import Task
from vq_benchmark.studies.tasks import TaskContext, TaskFailed, run_task

ATTEMPTS = "attempts"
"""Folder of marks of tasks that are being run, or whose process was killed. Nothing but the order depends on it."""


def run_bundle(context: TaskContext, tasks: Sequence[Task]) -> list[str]:
    """Run those of the tasks that are not done; returns a sentence for each that failed.

    A task that fails does not stop the others. Those that failed before, or during which the process was killed, come
    last, so that each attempt gets further than the one before it.

    Raises:
        Stopped: a signal asked for it; the checkpoint of the task that ran is written.
    """
    failures: list[str] = []
    waiting = in_order(context.manifest, tasks)
    done = len(tasks) - len(waiting)
    if done:
        which = context.manifest.describe(tasks[0]) if len(tasks) == 1 else f"{done} of {len(tasks)} tasks"
        context.report.say(f"{which}: already done.")
    for number, task in enumerate(waiting, 1):
        what = context.manifest.describe(task)
        name = stop_requested()
        if name is not None:
            raise Stopped(name, what, 0)
        if len(tasks) > 1:
            context.report.say(f"task {number} of {len(waiting)}: {what}")
        try:
            with _marked(context.manifest, task):
                run_task(context, task)
        except TaskFailed as error:
            failures.append(str(error))
            context = replace(context)  # what it loaded may be why it failed
    return failures


def in_order(manifest: Manifest, tasks: Sequence[Task]) -> list[Task]:
    """The tasks that are not done: first those that were never tried, last those that ended a process."""
    outcomes = {task: manifest.outcome(task) for task in tasks}
    waiting = [task for task in tasks if outcomes[task] != "done"]
    return sorted(waiting, key=lambda task: (_mark(manifest, task).exists(), outcomes[task] == "failed"))


@contextmanager
def _marked(manifest: Manifest, task: Task) -> Iterator[None]:
    """Leave a mark only if the process ends without a chance to remove it."""
    mark = _mark(manifest, task)
    with atomic_write(mark):
        pass
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _mark(manifest: Manifest, task: Task) -> Path:
    return manifest.folder / ATTEMPTS / task.name
