"""Which tasks of a study can run now, from its files alone."""

from functools import cache

from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.stages import NEEDS, STAGES, Need, Stage, Task


def ready_tasks(manifest: Manifest) -> list[Task]:
    """The tasks that are not done and whose needs are met, stages in order. Looks once for the file of each task."""
    outcomes = {task: manifest.outcome(task) for stage in STAGES for task in manifest.tasks(stage)}

    @cache
    def stage_is(stage: Stage, need: Need) -> bool:
        tasks = manifest.tasks(stage)
        return all(has_ended(task) if need == "all ended" else outcomes[task] == "done" for task in tasks)

    def is_met(task: Task, stage: Stage, need: Need) -> bool:
        return outcomes[manifest.fit_of(task)] == "done" if need == "own done" else stage_is(stage, need)

    def has_ended(task: Task) -> bool:
        """Whether it was tried, or cannot start because something that it needs was tried in vain."""
        return outcomes[task] != "missing" or any(
            not is_met(task, stage, need)
            and (has_ended(manifest.fit_of(task)) if need == "own done" else stage_is(stage, "all ended"))
            for stage, need in NEEDS[task.stage].items()
        )

    return [
        task
        for task, outcome in outcomes.items()
        if outcome != "done" and all(is_met(task, stage, need) for stage, need in NEEDS[task.stage].items())
    ]
