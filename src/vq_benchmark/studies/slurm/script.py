"""The text of a job script: a pure function of what the job asks for and of the stage that it runs."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm.resources import JobSpec

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_")
"""Characters that mean nothing to sbatch when it reads an #SBATCH line."""


@dataclass(frozen=True)
class StageScript:
    """What the script of one stage is made from besides the resources."""

    path: Path
    job_name: str
    title: str
    array: str
    """The tasks that `sbatch SCRIPT` alone runs, as `--array` takes them."""
    log_folder: Path
    log_stem: str
    command: Sequence[str]
    """The program and its arguments up to the number of the task."""
    further: Sequence[str] = ()
    """The commands that hand in the other tasks of the stage, where one array does not hold them all."""


def log_pattern(folder: Path, stem: str) -> str:
    """The file of a task's output as `--output` takes it, with %A and %a for the ids of the array and the task.

    Raises:
        InputError: sbatch cannot write below such a folder.
    """
    text = str(folder.absolute())
    if not text.isprintable() or "\\" in text:
        raise InputError(
            f"the folder {text!r} cannot hold the logs of jobs: sbatch takes no backslashes, line breaks or control "
            "characters in their names; give another --study-dir."
        )
    return f"{text.replace('%', '%%')}/{stem}-%A_%a.log"


def script_text(stage: StageScript, spec: JobSpec) -> str:
    """A script that sbatch takes, that bash runs by hand, and that a person can read and edit.

    Its first argument is added to the index in the array; `bash SCRIPT 7` runs task 7 here and now.

    Raises:
        InputError: the folder's name is one that sbatch cannot take.
    """
    flags = [
        f"--job-name={stage.job_name}",
        f"--array={stage.array}",
        f"--output={log_pattern(stage.log_folder, stage.log_stem)}",
        "--open-mode=append",
        "--requeue",
        "--kill-on-invalid-dep=yes",
        *spec.flags(),
    ]
    by_hand = shlex.quote(str(stage.path))
    return "\n".join(
        [
            "#!/bin/bash",
            f"# {stage.title}",
            "# Written by `vq-benchmark slurm submit`. What you change here holds for whatever is submitted later.",
            *(f"# It does not hold all tasks of the stage; the others: {command}" for command in stage.further),
            f"# Some tasks again: sbatch --array=3,7 {by_hand}",
            f"# One task here, without SLURM: bash {by_hand} 7",
            *(f"#SBATCH {quoted(flag)}" for flag in flags),
            *(f"#SBATCH {flag}" for flag in spec.extra),
            "",
            "# SLURM sends USR1 before the time limit. Until the program listens to it, it must not end the job.",
            "trap '' USR1",
            *spec.setup,
            "index=$(( ${1:-0} + ${SLURM_ARRAY_TASK_ID:-0} ))",
            "# exec: the program takes the place of this shell, and so gets the signal.",
            f'exec {shlex.join(stage.command)} "$index"',
            "",
        ]
    )


def quoted(flag: str) -> str:
    """A flag as sbatch reads it in a script: in double quotes where it has characters of meaning."""
    if PLAIN.issuperset(flag):
        return flag
    escaped = flag.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
