"""Refuse to run one command several times at once, which `srun` does that starts more than one task."""

import os
from collections.abc import Mapping, Sequence

from vq_benchmark.errors import InputError


def require_one_process(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
    """Check that no other process of this job step runs the same command.

    Tasks of a study have numbers and files of their own, so each may be started by one process of a step.

    Raises:
        InputError: `srun` started several processes, and this is not the first.
    """
    number, count = environment.get("SLURM_PROCID", ""), environment.get("SLURM_NTASKS", "")
    if not (number.isdecimal() and count.isdecimal() and int(number) > 0 and int(count) > 1):
        return
    if list(arguments[1:2]) == ["task"]:
        return
    raise InputError(
        f"srun started this command {int(count)} times, and this is process {int(number) + 1}; start it once, with "
        "`srun --ntasks=1 --cpus-per-task=N`. If every process has work of its own, run `unset SLURM_PROCID` before "
        "the command."
    )
