"""The stages of a study and what each needs: the one graph from which every way to run a study takes its order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from vq_benchmark.errors import InputError

Stage = Literal["truth", "reduce", "fit", "evaluate", "merge"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In an order in which they can run; `fit` needs neither `truth` nor `reduce`."""
Need = Literal["all done", "own done", "all ended"]
"""How a task needs an earlier stage.

- `all done`: every task of that stage is done.
- `own done`: only the task of its own configuration is done. A scheduler that can wait for whole stages only waits
  until this one has ended, whatever became of it: a configuration that fails must not stop the others.
- `all ended`: every task of that stage is done, has failed, or cannot start because what it needs has failed.
"""
NEEDS: Mapping[Stage, Mapping[Stage, Need]] = {
    "truth": {},
    "reduce": {"truth": "all done"},
    "fit": {},
    "evaluate": {"reduce": "all done", "fit": "own done"},
    "merge": {"evaluate": "all ended"},
}
NOT_DONE = " must run first: task "
"""What the failure of a task says that lacks the result of another one."""


@dataclass(frozen=True)
class Task:
    """One unit of work, pure and idempotent."""

    stage: Stage
    index: int

    @property
    def name(self) -> str:
        return f"{self.stage}-{self.index:05d}"


def parsed_stage(text: str) -> Stage:
    """The stage of that name.

    Raises:
        InputError: there is none.
    """
    found = next((stage for stage in STAGES if stage == text), None)
    if found is None:
        raise InputError(f"there is no stage {text!r}; the stages are {', '.join(STAGES)}.")
    return found


def waves() -> list[list[Stage]]:
    """Stages in groups: those of one group do not need each other, and need only groups before theirs."""
    depths: dict[Stage, int] = {}
    for stage in STAGES:
        depths[stage] = 1 + max((depths[needed] for needed in NEEDS[stage]), default=-1)
    return [[stage for stage in STAGES if depths[stage] == depth] for depth in range(max(depths.values()) + 1)]
