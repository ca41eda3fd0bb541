"""Submit a study: one script per stage, job arrays of its tasks, and their dependencies."""

import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.job_arrays import ArrayPart, array_parts
from vq_benchmark.studies.slurm.jobs import (
    LOG_FOLDER,
    Job,
    Record,
    job_name,
    record_of,
    require_own,
    script_path,
)
from vq_benchmark.studies.slurm.queue import queued_tasks
from vq_benchmark.studies.slurm.script import StageScript, script_text
from vq_benchmark.studies.stages import NEEDS, STAGES, Stage
from vq_benchmark.studies.task_command import stage_command


@dataclass(frozen=True)
class Call:
    """One call of sbatch."""

    stage: Stage
    part: ArrayPart


def submit_study(manifest: Manifest, record: Record) -> list[Job]:
    """Write the scripts and submit all tasks that are not done; returns the jobs.

    Raises:
        InputError: the folder belongs to another user, or the study was already submitted.
        SchedulerError: SLURM rejected an array; the accepted ones are recorded, so that `resume` can continue.
    """
    require_own(manifest)
    earlier = record_of(manifest)
    if earlier is not None and earlier.jobs:
        folder = shlex.quote(str(manifest.folder))
        raise InputError(
            f"the study in {folder} was already submitted as {_listed(earlier.jobs)}; check it with `vq-benchmark "
            f"slurm status {folder}`, and submit what is missing with `vq-benchmark slurm resume {folder}`."
        )
    queued = len(queued_tasks(manifest))
    if queued:  # submitted by hand, or the record was deleted
        folder = shlex.quote(str(manifest.folder))
        raise InputError(
            f"{queued} tasks of the study in {folder} are already in the queue; wait for them, or cancel them with "
            f"`vq-benchmark slurm cancel {folder}`, then submit again."
        )
    todo = {stage: [task.index for task in manifest.unfinished(stage)] for stage in STAGES}
    max_array_size = scheduler.max_array_size()
    calls = calls_for(todo, max_array_size, record.spec.array_limit)
    write_scripts(manifest, record, max_array_size)
    record = record.made_here(manifest)
    record.save(manifest.folder)
    return submit_arrays(manifest, record, calls, {})


def calls_for(todo: Mapping[Stage, Sequence[int]], max_array_size: int, limit: int | None) -> list[Call]:
    """The calls of sbatch that cover these tasks, stages in order."""
    return [Call(stage, part) for stage in STAGES for part in array_parts(todo[stage], max_array_size, limit)]


def submit_arrays(
    manifest: Manifest, record: Record, calls: Sequence[Call], queued: Mapping[Stage, Sequence[int]]
) -> list[Job]:
    """Make the calls, and record each job as soon as SLURM accepts it.

    `queued` are jobs of earlier calls, by stage, to wait for as well.
    """
    new: dict[Stage, list[str]] = defaultdict(list)
    (manifest.folder / LOG_FOLDER).mkdir(exist_ok=True)  # without it jobs would fail silently
    for call in calls:
        options = _name_of_part(manifest, call)
        dependency = dependency_of(call.stage, new, queued)
        script = script_path(manifest, call.stage)
        try:
            id_ = scheduler.submit(script, call.part.text, call.part.offset, dependency, options)
        except scheduler.SchedulerError as error:
            taken = sum(map(len, new.values()))
            raise scheduler.SchedulerError(
                f"{error} {taken} of {len(calls)} arrays were submitted"
                + (
                    f" ({_listed(record.jobs[-taken:])}); continue with `vq-benchmark slurm resume`."
                    if taken
                    else "."
                )
            ) from error
        new[call.stage].append(str(id_))
        record = record.with_job(id_, call.stage, call.part.offset, call.part.text)
        record.save(manifest.folder)
    return list(record.jobs[-len(calls) :]) if calls else []


def dependency_of(
    stage: Stage, new: Mapping[Stage, Sequence[str]], queued: Mapping[Stage, Sequence[int]] | None = None
) -> str:
    """What a stage waits for, as the value of `--dependency`; empty if it waits for nothing.

    A stage waits until the stages that it needs have ended, however they ended (`afterany`): whether their work is
    done is in files, which each task checks itself. A job can end badly although its file is there.
    """
    earlier = {} if queued is None else queued
    clauses = [[str(id_) for id_ in (*new.get(each, ()), *earlier.get(each, ()))] for each in NEEDS[stage]]
    if stage == "merge":  # one that runs does not see what is submitted now
        clauses.append([str(id_) for id_ in earlier.get(stage, ())])
    return ",".join(":".join(["afterany", *ids]) for ids in clauses if ids)


def stage_scripts(manifest: Manifest, record: Record, max_array_size: int) -> dict[Path, str]:
    """The text of every stage's script, by its path.

    Raises:
        InputError: sbatch cannot write logs to this folder.
    """
    return {
        script_path(manifest, stage): script_text(_stage_script(manifest, record, stage, max_array_size), record.spec)
        for stage in STAGES
        if manifest.count(stage)
    }


def write_scripts(manifest: Manifest, record: Record, max_array_size: int) -> None:
    """Write the scripts."""
    for path, text in stage_scripts(manifest, record, max_array_size).items():
        with atomic_write(path) as file:
            file.write(text.encode())


def preview(manifest: Manifest, record: Record, max_array_size: int) -> str:
    """The scripts, and the shell commands that would submit what is not done. Needs no SLURM."""
    todo = {stage: [task.index for task in manifest.unfinished(stage)] for stage in STAGES}
    lines = [f"### {path}\n{text}" for path, text in stage_scripts(manifest, record, max_array_size).items()]
    new: dict[Stage, list[str]] = defaultdict(list)
    for call in calls_for(todo, max_array_size, record.spec.array_limit):
        waits = dependency_of(call.stage, new)
        command = scheduler.submission(
            script_path(manifest, call.stage), call.part.text, call.part.offset, "", _name_of_part(manifest, call)
        )
        if waits:  # the shell must expand its variables, so it is not quoted like the rest
            command.insert(3, "--dependency=")
        variable = f"{call.stage}_{call.part.offset}" if call.part.offset else call.stage
        typed = shlex.join(command).replace(" --dependency= ", f' --dependency="{waits}" ', 1)
        lines.append(f"{variable}=$({typed})")
        new[call.stage].append(f"${variable}")
    return "\n".join(lines)


def test_scripts(manifest: Manifest, record: Record, max_array_size: int) -> list[str]:
    """The answer of `sbatch --test-only` to each script; nothing is written or submitted."""
    return [
        f"{path.name}: {scheduler.test_only(text).strip()}"
        for path, text in stage_scripts(manifest, record, max_array_size).items()
    ]  # fmt: skip


def _stage_script(manifest: Manifest, record: Record, stage: Stage, max_array_size: int) -> StageScript:
    count = manifest.count(stage)
    path = script_path(manifest, stage)
    first, *others = (
        Call(stage, part) for part in array_parts(range(count), max_array_size, record.spec.array_limit)
    )
    return StageScript(
        path=path,
        job_name=job_name(manifest, stage),
        title=f"Stage {stage} of the study in {manifest.folder}: {count} task{'s' if count > 1 else ''}.",
        array=first.part.text,
        log_folder=manifest.folder / LOG_FOLDER,
        log_stem=stage,
        command=stage_command(manifest, stage, record.program_options, "slurm"),
        further=[
            shlex.join(
                scheduler.submission(path, call.part.text, call.part.offset, "", _name_of_part(manifest, call))
            )
            for call in others
        ],
    )  # fmt: skip


def _name_of_part(manifest: Manifest, call: Call) -> list[str]:
    """The option that names an array; the first one has the name in the script."""
    return [f"--job-name={job_name(manifest, call.stage, call.part.offset)}"] if call.part.offset else []


def _listed(jobs: Sequence[Job]) -> str:
    return f"job{'s' if len(jobs) > 1 else ''} {', '.join(str(job.id) for job in jobs)}"
