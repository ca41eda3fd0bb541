"""The submitted jobs of a study: DIR/slurm/jobs.json, and the names by which SLURM knows its tasks."""

import getpass
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vq_benchmark.errors import InputError
from vq_benchmark.machine.atomic_files import atomic_write
from vq_benchmark.machine.damage import MISSHAPEN, reading
from vq_benchmark.machine.documents import parsed_json, validated
from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.relocation import is_same, relocated
from vq_benchmark.studies.slurm.job_arrays import ArrayPart, expanded
from vq_benchmark.studies.slurm.resources import WAVE, JobSpec
from vq_benchmark.studies.stages import STAGES, Stage, Task

SCRIPT_FOLDER, LOG_FOLDER, RECORD_FILE = "slurm", "logs", "jobs.json"


@dataclass(frozen=True)
class Job:
    """One job array that sbatch accepted."""

    id: int
    stage: Stage
    offset: int
    array: str
    time: str
    size: int = 1
    """Tasks that each element of the array runs."""

    def __post_init__(self) -> None:
        expanded(self.array)

    def tasks(self) -> Iterator[tuple[Task, int]]:
        """Its tasks, each with its index in the array; the last element may name more than the stage has."""
        for element in expanded(self.array):
            first = self.offset + element * self.size
            yield from ((Task(self.stage, first + more), element) for more in range(self.size))


@dataclass(frozen=True)
class Record:
    """The resources of the jobs of a study, and the jobs that were submitted, oldest first."""

    spec: JobSpec
    program_options: tuple[str, ...] = ()
    """Options of `slurm task` for every task."""
    jobs: tuple[Job, ...] = ()
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By stage, what the estimate of the study suggests where `spec` leaves it open."""
    round_start: int = 0
    """How many jobs there were when a person last submitted or resumed the study; waves continue from there."""
    sweep_id: str = ""
    """The study that the jobs belong to: if a folder was copied, it is not the one that is there now."""
    folder: str = ""
    """The folder for which scripts and jobs were made."""
    python: str = sys.executable
    """The interpreter that they run."""

    def resources(self, stage: str) -> JobSpec:
        """What the jobs of a stage request."""
        return self.spec.of(stage).completed(self.defaults.get(stage, {}))

    def tasks_per_job(self, stage: str) -> int:
        """How many tasks an element of the stage's arrays runs."""
        return self.resources(stage).tasks_per_job or 1

    def tried(self) -> set[Task]:
        """The tasks of the jobs submitted since a person last submitted or resumed the study."""
        return {task for job in self.jobs[self.round_start :] for task, _ in job.tasks()}

    def with_job(self, id_: int, stage: Stage, part: ArrayPart) -> "Record":
        """The record with one more job."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        return replace(self, jobs=(*self.jobs, Job(id_, stage, part.offset, part.text, time, part.size)))

    def of(self, manifest: Manifest) -> "Record":
        """The record as it is true for a study that was perhaps moved or copied since."""
        jobs = self.jobs if self.sweep_id in ("", manifest.sweep_id) else ()
        start = min(self.round_start, len(jobs))
        options = relocated(self.program_options, Path(self.folder or manifest.folder), manifest.folder)
        return replace(self, program_options=options, jobs=jobs, round_start=start, sweep_id=manifest.sweep_id)

    def has_moved(self, manifest: Manifest) -> bool:
        """Whether scripts and jobs write to another folder than the one where the study is now."""
        return bool(self.folder) and not is_same(Path(self.folder), manifest.folder)

    def made_here(self, manifest: Manifest) -> "Record":
        """The record of scripts that are written now."""
        return replace(self, sweep_id=manifest.sweep_id, folder=str(manifest.folder), python=sys.executable)

    def save(self, folder: Path) -> None:
        """Write it into the folder of the study."""
        content = {
            "spec": self.spec.model_dump(mode="json", exclude_defaults=True),
            "program_options": self.program_options,
            "jobs": [asdict(job) for job in self.jobs],
            "defaults": self.defaults,
            "round_start": self.round_start,
            "sweep_id": self.sweep_id,
            "folder": self.folder,
            "python": self.python,
        }
        with atomic_write(record_path(folder)) as file:
            file.write(json.dumps(content, indent=1).encode())


def record_of(manifest: Manifest) -> Record | None:
    """The record of a study as it is true where the study is now; None if nothing was ever submitted.

    Raises:
        InputError: it cannot be read.
    """
    record = load_record(manifest.folder)
    return None if record is None else record.of(manifest)


def load_record(folder: Path) -> Record | None:
    """The record in the folder of a study; None if nothing was ever submitted.

    Raises:
        InputError: it cannot be read.
    """
    path = record_path(folder)
    if not path.exists():
        return None
    remedy = ". Results do not depend on it: delete it and submit the study again"
    with reading(path, *MISSHAPEN, what="a readable record of jobs", remedy=remedy):
        content = parsed_json(path.read_bytes())
        return Record(
            JobSpec.parse(content["spec"], repr(str(path))),
            validated(tuple[str, ...], content["program_options"]),
            validated(tuple[Job, ...], content["jobs"]),
            validated(dict[str, dict[str, Any]], content.get("defaults", {})),
            validated(int, content.get("round_start", 0)),
            str(content.get("sweep_id", "")),
            str(content.get("folder", "")),
            str(content.get("python", "")),
        )


def record_path(folder: Path) -> Path:
    return folder / SCRIPT_FOLDER / RECORD_FILE


def script_path(manifest: Manifest, stage: Stage) -> Path:
    """The job script of a stage."""
    return manifest.folder / SCRIPT_FOLDER / f"{stage}.sbatch"


def log_path(manifest: Manifest, job: Job, index: int) -> Path:
    """The log file of the task with that index in a job."""
    return manifest.folder / LOG_FOLDER / f"{job.stage}-{job.id}_{index}.log"


def job_name(manifest: Manifest, stage: Stage, offset: int = 0, size: int = 1) -> str:
    """A name that no other study has and that identifies the tasks of an array, whoever submitted it."""
    return f"vq-{stage}-{manifest.sweep_id}" + (f"+{offset}" if offset else "") + (f"x{size}" if size > 1 else "")


def wave_name(manifest: Manifest) -> str:
    """The name of the jobs that submit the waves of this study, and of no other."""
    return f"vq-{WAVE}-{manifest.sweep_id}"


def named_tasks(manifest: Manifest, name: str, index: int) -> list[Task]:
    """The tasks of this study that an element runs, by its index and the name of its array; none for other jobs."""
    match = re.fullmatch(rf"vq-({'|'.join(STAGES)})-{re.escape(manifest.sweep_id)}(?:\+(\d+))?(?:x(\d+))?", name)
    if match is None:
        return []
    size = int(match[3] or 1)
    first = int(match[2] or 0) + index * size
    stage = next(stage for stage in STAGES if stage == match[1])
    return [Task(stage, number) for number in range(first, min(first + size, manifest.count(stage)))]


def require_own(manifest: Manifest) -> None:
    """Raise InputError if the study belongs to another user."""
    if manifest.owner != getpass.getuser():
        raise InputError(
            f"{str(manifest.folder)!r} holds a study of user {manifest.owner}, and only they can change its jobs; "
            "choose a folder of your own."
        )
