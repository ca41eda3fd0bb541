"""The calls of sbatch that cover the tasks of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vq_benchmark.studies.slurm.job_arrays import ArrayPart, array_parts
from vq_benchmark.studies.slurm.jobs import Record
from vq_benchmark.studies.stages import STAGES, Stage


@dataclass(frozen=True)
class Call:
    """One call of sbatch."""

    stage: Stage
    part: ArrayPart


def calls_for(todo: Mapping[Stage, Sequence[int]], max_array_size: int, record: Record) -> list[Call]:
    """The calls of sbatch that cover these tasks, stages in order."""
    return [Call(stage, part) for stage in STAGES for part in stage_parts(stage, todo[stage], max_array_size, record)]


def stage_parts(stage: Stage, tasks: Sequence[int], max_array_size: int, record: Record) -> list[ArrayPart]:
    """The arrays of one stage."""
    return array_parts(tasks, max_array_size, record.resources(stage).array_limit, record.tasks_per_job(stage))
