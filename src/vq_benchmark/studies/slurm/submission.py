"""Submit a study: one script per stage, job arrays of its tasks, and their dependencies."""

import re
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.machine.wording import number_of
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.calls import Call, calls_for, stage_parts
from vq_benchmark.studies.slurm.hand_edits import replace_script
from vq_benchmark.studies.slurm.jobs import (
    LOG_FOLDER,
    SCRIPT_FOLDER,
    Job,
    Record,
    job_name,
    record_of,
    require_own,
    script_path,
)
from vq_benchmark.studies.slurm.limits import JobLimit, Limits, cluster_limits
from vq_benchmark.studies.slurm.queue import read_queue
from vq_benchmark.studies.slurm.script import StageScript, script_text
from vq_benchmark.studies.slurm.waves import Wave, first_wave, submit_next_wave
from vq_benchmark.studies.stages import NEEDS, STAGES, Stage
from vq_benchmark.studies.task_command import stage_command

USE_GPU = "--use-gpu"


@dataclass(frozen=True)
class Submission:
    """What one call of `submit` or `resume` submitted."""

    jobs: list[Job]
    wave: Wave
    limit: JobLimit | None = None
    wave_job: int | None = None
    """The job that submits the next wave, if there is one."""
    remarks: tuple[str, ...] = ()
    """Sentences for people: edits by hand that no longer apply, and what was or should be requested instead."""
    still_queued: int = 0
    """Tasks that were in the queue and remain there."""


def submit_study(manifest: Manifest, record: Record, limits: Limits | None = None) -> Submission:
    """Write the scripts and submit all tasks that are not done, or as many as the queue has room for.

    The cluster is asked for its limits unless they are given.

    Raises:
        InputError: the folder belongs to another user, or the study was already submitted.
        SchedulerError: SLURM rejected an array; the accepted ones are recorded, so that `resume` can continue.
    """
    require_own(manifest)
    require_unsubmitted(manifest)
    queue = read_queue(manifest)
    if queue.tasks:  # submitted by hand, or the record was deleted
        folder = shlex.quote(str(manifest.folder))
        raise InputError(
            f"{len(queue.tasks)} tasks of the study in {folder} are already in the queue; wait for them, or cancel "
            f"them with `vq-benchmark slurm cancel {folder}`, then submit again."
        )
    todo = {stage: [task.index for task in manifest.unfinished(stage)] for stage in STAGES}
    limits = limits or cluster_limits(record.spec)
    calls = calls_for(todo, limits.max_array_size, record)
    wave = first_wave(calls, limits.jobs, queue.size)
    remarks = write_scripts(manifest, record, limits.max_array_size)
    record = replace(record, round_start=0).made_here(manifest)
    record.save(manifest.folder)
    return replace(submit_wave(manifest, record, wave, {}), limit=limits.jobs, remarks=tuple(remarks))


def require_unsubmitted(manifest: Manifest) -> None:
    """Raise InputError if the study was submitted before."""
    earlier = record_of(manifest)
    if earlier is not None and earlier.jobs:
        folder = shlex.quote(str(manifest.folder))
        raise InputError(
            f"the study in {folder} was already submitted as {_listed(earlier.jobs)}; check it with `vq-benchmark "
            f"slurm status {folder}`, and submit what is missing with `vq-benchmark slurm resume {folder}`."
        )


def submit_wave(manifest: Manifest, record: Record, wave: Wave, queued: Mapping[Stage, Sequence[int]]) -> Submission:
    """Submit the arrays of a wave, and the job that submits the next one if more is left."""
    (manifest.folder / LOG_FOLDER).mkdir(exist_ok=True)  # without it jobs would fail silently
    jobs = submit_arrays(manifest, record, wave.calls, queued)
    if not wave.later:
        return Submission(jobs, wave)
    waited_for = [*(job.id for job in jobs), *(id_ for ids in queued.values() for id_ in ids)]
    return Submission(jobs, wave, wave_job=submit_next_wave(manifest, record, waited_for))


def submit_arrays(
    manifest: Manifest, record: Record, calls: Sequence[Call], queued: Mapping[Stage, Sequence[int]]
) -> list[Job]:
    """Make the calls, and record each job as soon as SLURM accepts it.

    `queued` are jobs of earlier calls, by stage, to wait for as well.
    """
    new: dict[Stage, list[str]] = defaultdict(list)
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
                + _about_limits(str(error))
            ) from error
        new[call.stage].append(str(id_))
        record = record.with_job(id_, call.stage, call.part)
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
        script_path(manifest, stage): script_text(
            _stage_script(manifest, record, stage, max_array_size), record.resources(stage)
        )
        for stage in STAGES
        if manifest.count(stage)
    }


def write_scripts(manifest: Manifest, record: Record, max_array_size: int) -> list[str]:
    """Write the scripts; returns sentences about edits by hand, which are set aside."""
    scripts = stage_scripts(manifest, record, max_array_size)
    (manifest.folder / SCRIPT_FOLDER).mkdir(exist_ok=True)
    return list(filter(None, (replace_script(path, text) for path, text in scripts.items())))


def preview(manifest: Manifest, record: Record, max_array_size: int) -> str:
    """The scripts, and the shell commands that would submit what is not done. Needs no SLURM."""
    todo = {stage: [task.index for task in manifest.unfinished(stage)] for stage in STAGES}
    lines = [f"### {path}\n{text}" for path, text in stage_scripts(manifest, record, max_array_size).items()]
    new: dict[Stage, list[str]] = defaultdict(list)
    for call in calls_for(todo, max_array_size, record):
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
    first, *others = (Call(stage, part) for part in stage_parts(stage, range(count), max_array_size, record))
    return StageScript(
        path=path,
        job_name=job_name(manifest, stage, size=first.part.size),
        title=f"Stage {stage} of the study in {manifest.folder}: {number_of(count, 'task')}.",
        array=first.part.text,
        log_folder=manifest.folder / LOG_FOLDER,
        log_stem=stage,
        size=first.part.size,
        command=stage_command(manifest, stage, _options_of(record, stage), "slurm"),
        further=[
            shlex.join(
                scheduler.submission(path, call.part.text, call.part.offset, "", _name_of_part(manifest, call))
            )
            for call in others
        ],
    )  # fmt: skip


def _about_limits(message: str) -> str:
    """What to do if SLURM has a limit that accounting did not show."""
    if not re.search("submit limit|MaxSubmit", message):
        return ""
    return " If SLURM limits how many jobs you may submit, --max-jobs N makes waves of at most N jobs."


def _options_of(record: Record, stage: Stage) -> list[str]:
    with_gpu = stage == "truth" and record.resources(stage).use_gpu and USE_GPU not in record.program_options
    return [*record.program_options, *([USE_GPU] if with_gpu else [])]


def _name_of_part(manifest: Manifest, call: Call) -> list[str]:
    """The option that names an array; the first one has the name in the script."""
    part = call.part
    return [f"--job-name={job_name(manifest, call.stage, part.offset, part.size)}"] if part.offset else []


def _listed(jobs: Sequence[Job]) -> str:
    return f"job{'s' if len(jobs) > 1 else ''} {', '.join(str(job.id) for job in jobs)}"
