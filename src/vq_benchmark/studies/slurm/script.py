"""The text of a job script: a pure function of the resources and of the stage that it runs."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vq_benchmark.errors import InputError
from vq_benchmark.studies.slurm.resources import JobSpec

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_")
"""Characters without a special meaning in an #SBATCH line."""


@dataclass(frozen=True)
class StageScript:
    """What the script of one stage contains besides the resources."""

    path: Path
    job_name: str
    title: str
    array: str
    """The tasks that `sbatch SCRIPT` alone runs, as the value of `--array`."""
    log_folder: Path
    log_stem: str
    command: Sequence[str]
    """The program and its arguments up to the number of the task."""
    further: Sequence[str] = ()
    """The commands that submit the other tasks of the stage if one array cannot hold all."""
    size: int = 1
    """How many tasks an element of the array runs, one after another."""
    arguments: str = '"$index"'
    """The other arguments of the program, as the shell reads them."""


def log_pattern(folder: Path, stem: str) -> str:
    """The log file of a task as the value of `--output`, with %A and %a for the ids of the array and the task.

    Raises:
        InputError: sbatch cannot write logs to this folder.
    """
    text = str(folder.absolute())
    if not text.isprintable() or "\\" in text:
        raise InputError(
            f"the folder {text!r} cannot hold job logs: sbatch accepts no backslashes, line breaks or control "
            "characters in their paths; choose another --study-dir."
        )
    return f"{text.replace('%', '%%')}/{stem}-%A_%a.log"


def script_text(stage: StageScript, spec: JobSpec) -> str:
    """A script for sbatch that also runs under bash and that a person can read and edit.

    Its first argument is added to the index in the array; `bash SCRIPT 7` runs task 7 here and now.

    Raises:
        InputError: sbatch cannot write logs to this folder.
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
    several = stage.size > 1
    factor = f"{stage.size} * " if several else ""
    how_many = f" ${{SLURM_ARRAY_TASK_ID:+--tasks={stage.size}}}" if several else ""
    return "\n".join(
        [
            "#!/bin/bash",
            f"# {stage.title}",
            "# Written by `vq-benchmark slurm submit`. Your edits apply to everything that is submitted later.",
            *(
                f"# This array does not hold all tasks of the stage. Submit the others: {command}"
                for command in stage.further
            ),
            f"# Rerun some tasks: sbatch --array=3,7 {by_hand}",
            *(
                [f"# An element runs {stage.size} tasks: element 3 those from {3 * stage.size} on."]
                if several
                else []
            ),
            f"# Run one task here, without SLURM: bash {by_hand} 7",
            *(f"#SBATCH {quoted(flag)}" for flag in flags),
            *(f"#SBATCH {flag}" for flag in spec.extra),
            "",
            "# SLURM sends USR1 before the time limit. Ignore it until the program handles it.",
            "trap '' USR1",
            *_setup(spec.setup),
            f"index=$(( ${{1:-0}} + {factor}${{SLURM_ARRAY_TASK_ID:-0}} ))",
            "# exec replaces this shell with the program, so that the program receives the signal.",
            f"exec {shlex.join(stage.command)} {stage.arguments}{how_many}",
            "",
        ]
    )


def _setup(lines: Sequence[str]) -> list[str]:
    """The lines before the program. One that fails ends the task, with its exit code and a message that quotes it."""
    if not lines:
        return []
    checked = ([line, f"setup_ended $? {shlex.quote(line)}"] for line in lines)
    return [
        "setup_ended() {",
        '    [ "$1" -eq 0 ] && return',
        '    echo "vq-benchmark: the setup line failed with exit code $1: $2" >&2',
        '    exit "$1"',
        "}",
        *(line for pair in checked for line in pair),
    ]


def quoted(flag: str) -> str:
    """A flag as sbatch reads it in a script: in double quotes if it has special characters."""
    if PLAIN.issuperset(flag):
        return flag
    escaped = flag.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
