"""`study task` and `slurm task` on a task that is done already: say so, before anything is loaded to run it."""

from collections.abc import Sequence
from pathlib import Path

from vq_benchmark.cli.command_table import table
from vq_benchmark.studies.result_files import is_surely_done


def done_task(arguments: Sequence[str]) -> str | None:
    """A sentence if these arguments of the program ask for a task that is done; None if the command must decide."""
    if len(arguments) < 5 or arguments[0] not in ("study", "slurm") or arguments[1] != "task":
        return None
    *options, folder, stage, index = arguments[2:]
    if not index.isdecimal() or not all(map(_is_machine_option, options)):
        return None
    if not is_surely_done(Path(folder), stage, int(index)):
        return None
    return f"{stage} {int(index)}: already done."


def _is_machine_option(word: str) -> bool:
    """Whether a word is an option of the command with its value, as in the lines of a job script."""
    name, equals, value = word.partition("=")
    for each in table()["study"]["commands"]["task"]["parameters"]:
        if each["option"] is not None and name in each["option"]:
            return not equals if each["flag"] else bool(value)
    return False
