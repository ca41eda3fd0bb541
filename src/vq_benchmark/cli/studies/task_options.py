"""Options that apply to every task of a study."""

from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from vq_benchmark.cli.options import BoundedMachineOptions, CheckpointOptions, machine_option, store_option
from vq_benchmark.cli.studies.studying import was_given
from vq_benchmark.machine.locations import cache_dir


@dataclass(frozen=True)
class TaskOptions(BoundedMachineOptions):
    """Limits of a task, its cache folder, and how often it writes checkpoints."""

    cache_dir: Annotated[str | None, store_option(help="Folder for downloads and ground truth, as in `sweep`.")] = (
        None
    )
    use_gpu: Annotated[
        bool, machine_option("--use-gpu", help="Search exact neighbours on the GPU; other stages ignore it.")
    ] = False
    checkpoint_every: Annotated[str, store_option(help="Blocks or time between checkpoints, as in `sweep`.")] = (
        CheckpointOptions.checkpoint_every
    )


def passed_on(context: typer.Context) -> tuple[str, ...]:
    """The options given on the command line, as words for the command of a task; the cache as an absolute path."""
    given = {each.name: context.params[each.name] for each in fields(TaskOptions) if was_given(context, each.name)}
    if given.get("cache_dir") is not None:
        given["cache_dir"] = cache_dir(given["cache_dir"]).absolute()
    return tuple(_as_flag(name, value) for name, value in given.items())


def _as_flag(name: str, value: Any) -> str:
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return option if value else f"--no-{option[2:]}"
    return f"{option}={value}"
