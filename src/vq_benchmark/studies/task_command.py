"""The command that runs one task, as words and as a line for any shell."""

import os
import re
import shlex
import sys
from collections.abc import Sequence

from vq_benchmark.studies.plan import Manifest
from vq_benchmark.studies.stages import Stage, Task

# -P: the folder that a job starts in is no place to import from.
PROGRAM = (sys.executable, "-P", "-m", "vq_benchmark")
"""This very program, found without PATH or an active environment."""


def stage_command(manifest: Manifest, stage: Stage, options: Sequence[str], group: str = "study") -> list[str]:
    """The words of the command for a stage, up to the number of the task."""
    return [*PROGRAM, group, "task", *options, str(manifest.folder), stage]


def task_line(manifest: Manifest, task: Task, options: Sequence[str]) -> str:
    """One line of POSIX shell that runs a task from any folder, whatever the name of the study's folder."""
    return " ".join(one_line(word) for word in [*stage_command(manifest, task.stage, options), str(task.index)])


def one_line(word: str) -> str:
    """A word for a shell, without line breaks and other characters that do not print.

    Where there are any, `printf` makes the word from octal digits. A shell drops line breaks at the end of what a
    command prints; such a word must be the path of a folder, for it gets `/.` at its end.
    """
    if word.isprintable():
        return shlex.quote(word)
    kept = f"{word}/." if word.endswith("\n") else word
    digits = re.sub(rb"[^\w./-]", lambda match: b"\\0%03o" % match[0][0], os.fsencode(kept))
    return f"\"$(printf %b '{digits.decode()}')\""
