"""Tasks that could not start because others have no result: which one is to blame."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.stages import NEEDS, NOT_DONE, Stage, Task
from vq_benchmark.studies.status import PROBLEMS, StudyStatus, TaskStatus, files_status


def files_status_with_causes(manifest: Manifest) -> StudyStatus:
    """What the files say of every task; those that cannot start because another one failed are `blocked` by it."""
    found = files_status(manifest)
    tasks = with_causes(manifest, found.tasks)
    return replace(found, states=("done", "failed", "blocked", "missing"), tasks=tasks)


def with_causes(manifest: Manifest, statuses: Iterable[TaskStatus]) -> tuple[TaskStatus, ...]:
    """The statuses, stages in order, in which tasks that lack the result of another one are `blocked` by it."""
    found: dict[Task, TaskStatus] = {}
    roots: dict[Stage, TaskStatus] = {}
    for each in statuses:
        cause = _cause(manifest, each, found, roots) if _lacked_input(each) else None
        status = each if cause is None else _blocked(each, cause)
        found[each.task] = status
        if status.state in PROBLEMS:
            roots.setdefault(each.task.stage, cause or status)
    return tuple(found.values())


def _lacked_input(status: TaskStatus) -> bool:
    """Whether a task was not tried, or said that something was missing; a merge says little else.

    A merge that was not tried can start as soon as everything else has ended, however it ended.
    """
    if status.state == "missing":
        return status.task.stage != "merge"
    said = NOT_DONE in status.reason or (status.task.stage == "merge" and not status.short)
    return status.state == "failed" and said


def _cause(
    manifest: Manifest, status: TaskStatus, found: Mapping[Task, TaskStatus], roots: Mapping[Stage, TaskStatus]
) -> TaskStatus | None:
    for stage, need in NEEDS[status.task.stage].items():
        fit = found[manifest.fit_of(status.task)] if need == "own done" else None
        if fit is not None and fit.state in PROBLEMS:
            return fit
        if fit is None and stage in roots:
            return roots[stage]
    return None


def _blocked(status: TaskStatus, cause: TaskStatus) -> TaskStatus:
    how = "incomplete" if status.task.stage == "merge" else "not started"
    reason = f"{how}: {cause.task.stage} {cause.task.index} {cause.short or cause.state}"
    return replace(status, state="blocked", reason=reason, remedy="")
