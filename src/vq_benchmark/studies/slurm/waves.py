"""Submit in waves where the cluster limits submitted jobs: the last job of a wave submits the next one.

The jobs of a wave are as many as the queue has room for. One more job waits until they have ended, then runs
`slurm resume --wave` on its node: it submits what has not been tried yet, and the job after that. So nothing of ours
runs on the login node. Where nodes cannot submit, that job fails, and a person types `slurm resume` instead.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.slurm import scheduler
from vq_benchmark.studies.slurm.calls import Call
from vq_benchmark.studies.slurm.jobs import LOG_FOLDER, SCRIPT_FOLDER, Record, wave_name
from vq_benchmark.studies.slurm.limits import JobLimit
from vq_benchmark.studies.slurm.resources import WAVE
from vq_benchmark.studies.slurm.script import StageScript, script_text
from vq_benchmark.studies.task_command import PROGRAM

WAITING = "--begin=now+10minutes"
"""When to look again if the queue has room for nothing else."""


@dataclass(frozen=True)
class Wave:
    """What is submitted now, and how many jobs are left for later."""

    calls: Sequence[Call]
    later: int = 0

    @property
    def jobs(self) -> int:
        """The jobs of this wave, without the one that submits the next."""
        return sum(call.part.count for call in self.calls)


def first_wave(calls: Sequence[Call], limit: JobLimit | None, queued: int) -> Wave:
    """As many of the calls, in order, as the queue has room for beside the `queued` jobs of this user.

    Raises:
        InputError: there is not even room for the job that submits the rest.
    """
    total = sum(call.part.count for call in calls)
    if limit is None or total <= limit.jobs - queued:
        return Wave(calls)
    room = limit.jobs - queued - 1
    if room < 0:
        raise InputError(
            f"the queue is full: you may have {limit.jobs} jobs in it ({limit.origin}), and {queued} are there; try "
            "again when some have ended."
        )
    chosen: list[Call] = []
    for call in calls:
        if room > 0:
            chosen.append(Call(call.stage, call.part.first(room)))
            room -= chosen[-1].part.count
    return Wave(chosen, total - sum(call.part.count for call in chosen))


def number_of_waves(total: int, limit: JobLimit | None, queued: int = 0) -> int | None:
    """How many waves that many jobs take; None if the queue lacks room for them."""
    waves, room = 1, total if limit is None else limit.jobs - queued
    while total > room:
        if room < 2:
            return None
        total -= room - 1
        if waves == 1:
            room -= 1  # the job that submits a later wave is in the queue as well
        waves += 1
    return waves


def wave_path(manifest: Manifest) -> Path:
    """The script of the job that submits the next wave."""
    return manifest.folder / SCRIPT_FOLDER / f"{WAVE}.sbatch"


def wave_script(manifest: Manifest, record: Record) -> str:
    """The text of that script."""
    script = StageScript(
        path=wave_path(manifest),
        job_name=wave_name(manifest),
        title=f"Submits the next jobs of the study in {manifest.folder}, when those before have ended.",
        array="0",
        log_folder=manifest.folder / LOG_FOLDER,
        log_stem=WAVE,
        command=[*PROGRAM, "slurm", "resume", str(manifest.folder), "--wave"],
        arguments="",
    )
    return script_text(script, record.resources(WAVE))


def submit_next_wave(manifest: Manifest, record: Record, jobs: Sequence[int]) -> int:
    """Submit the job that waits until these have ended, and submits the next wave then; returns its id."""
    with atomic_write(wave_path(manifest)) as file:
        file.write(wave_script(manifest, record).encode())
    dependency = ":".join(["afterany", *map(str, jobs)]) if jobs else ""
    return scheduler.submit(wave_path(manifest), "0", 0, dependency, [] if jobs else [WAITING])


def wave_sentence(manifest: Manifest, wave: Wave, limit: JobLimit | None, job: int | None = None) -> str:
    """What a person should know about the jobs that are left for later; empty if none are."""
    if not wave.later or limit is None:
        return ""
    resume = f"vq-benchmark slurm resume {shlex.quote(str(manifest.folder))}"
    which = "a last job submits" if job is None else f"job {job} submits"
    return (
        f"{wave.jobs} of {wave.jobs + wave.later} jobs fit into the queue ({limit.origin} is {limit.jobs}); {which} "
        f"the next ones when they have ended. If compute nodes cannot run sbatch, type `{resume}` then."
    )
