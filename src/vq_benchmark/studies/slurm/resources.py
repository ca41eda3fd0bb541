"""The resources that a job requests, and the sbatch options for them."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vq_benchmark.machine.validation import option_name, parsed

TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<first>\d+)(?::(?P<second>\d+))?(?::(?P<third>\d+))?")
MEMORY = re.compile(r"\d+[KMGT]?", re.IGNORECASE)
MEMORY_OPTIONS = ("mem", "mem_per_cpu", "mem_per_gpu")
"""sbatch accepts only one of them."""
TAKEN = {
    "--array": "the study decides which tasks run",
    "-a": "the study decides which tasks run",
    "--job-name": "`slurm status` finds the jobs of the study by their names",
    "-J": "`slurm status` finds the jobs of the study by their names",
    "--dependency": "the study decides which stages wait for which",
    "-d": "the study decides which stages wait for which",
    "--output": "`slurm status` looks for the logs in the study's folder",
    "-o": "`slurm status` looks for the logs in the study's folder",
    "--signal": "set it with --signal-lead",
    "--wrap": "the study has its own script",
    "--parsable": "it is set already",
}
"""Options that the study sets itself, and why."""
OPTION = re.compile(r"""(?P<name>--[A-Za-z][\w-]*(?==|$)|-[A-Za-z])=?([^\s"'\\#]+|"[^"\\]*"|'[^'\\]*')?""", re.ASCII)
"""One option in one word, or its value in quotes: sbatch reads a line of a script as a shell does, so that a blank, a
quote in the middle or a # may begin something else."""
SHORT_WITH_VALUE = "AaBbCcDdeFGiJLMmNnopqStwx"
"""Short options whose value may follow at once; behind others sbatch looks for further options."""


def seconds_of(time: str) -> int:
    """Seconds of a time as sbatch takes it: minutes, M:S, H:M:S, D-H, D-H:M or D-H:M:S.

    Raises:
        ValueError: it has another form, or is zero.
    """
    match = TIME.fullmatch(time)
    if match is None:
        raise ValueError(f"{time!r} is not a time; write minutes (90), H:M:S (1:30:00) or D-H:M:S (1-12:00:00)")
    numbers = [int(number) for number in (match["first"], match["second"], match["third"]) if number is not None]
    if match["days"] is not None:
        hours, minutes, seconds = [*numbers, 0, 0][:3]
        hours += 24 * int(match["days"])
    elif len(numbers) == 3:
        hours, minutes, seconds = numbers
    else:
        hours, (minutes, seconds) = 0, [*numbers, 0][:2]
    if any(number >= 60 for number in numbers[1:]) or (match["days"] is not None and numbers[0] >= 24):
        raise ValueError(f"{time!r} is not a time: write minutes and seconds below 60, and hours below 24 after days")
    total = 3600 * hours + 60 * minutes + seconds
    if total == 0:
        raise ValueError("the time limit must be greater than zero")
    return total


def _time(value: str) -> str:
    seconds_of(value)
    return value


def _memory(value: str) -> str:
    if not MEMORY.fullmatch(value):
        raise ValueError(f"{value!r} is not an amount of memory; write whole numbers with K, M, G or T, such as 4G")
    return value.upper()


def _one_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError(f"{value!r} must be one line of printable text")
    return value


def _flag(value: str) -> str:
    _one_line(value)
    option = OPTION.fullmatch(value)
    if option is None:
        raise ValueError(
            f"{value!r} is not an option of sbatch; write one option as --name=value, or --name='a value with blanks'"
        )
    name = option["name"]
    if len(name) == 2 and name[1] not in SHORT_WITH_VALUE and value != name:
        raise ValueError(f"{value!r} may be several options of sbatch; give each one separately")
    for taken, reason in TAKEN.items():  # sbatch takes any beginning of a long option for it
        if taken == name or (name.startswith("--") and taken.startswith(name)):
            raise ValueError(f"{taken} cannot be set: {reason}")
    return value


Text = Annotated[str, AfterValidator(_one_line)]
Time = Annotated[str, AfterValidator(_time)]
Memory = Annotated[str, AfterValidator(_memory)]
Flag = Annotated[str, AfterValidator(_flag)]


class JobSpec(BaseModel):
    """The resources of every job of a study; unset fields are left to the cluster's defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    partition: Text | None = None
    account: Text | None = None
    qos: Text | None = None
    constraint: Text | None = None
    gres: Text | None = None
    time: Time | None = None
    mem: Memory | None = None
    mem_per_cpu: Memory | None = None
    mem_per_gpu: Memory | None = None
    cpus_per_task: int | None = Field(None, ge=1)
    ntasks_per_node: int | None = Field(None, ge=1)
    tmp: Memory | None = None
    nice: int | None = None
    mail_user: Text | None = None
    mail_type: Text | None = None
    setup: tuple[str, ...] = ()
    """Lines of shell before the program, such as `module load anaconda3`."""
    extra: tuple[Flag, ...] = ()
    """Other options of sbatch, unchanged, such as `--reservation=class`."""
    signal_lead: int = Field(120, ge=1, le=65535)
    """Seconds before the time limit at which a task is told to write its checkpoint and requeue."""
    array_limit: int | None = Field(None, ge=1)
    """The most tasks of a stage that run at once."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = [name for name in MEMORY_OPTIONS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(map(option_name, given))} exclude each other; give only one")
        if self.time is not None and seconds_of(self.time) <= self.signal_lead:
            raise ValueError(
                f"the time limit {self.time} must be longer than the {self.signal_lead} seconds in which tasks stop "
                "(--signal-lead)"
            )
        return self

    @classmethod
    def parse(cls, values: Mapping[str, Any], origin: str = "the job") -> Self:
        """A validated specification.

        Raises:
            InputError: an unknown key (the nearest valid one is named), or a value that sbatch would reject.
        """
        return parsed(cls, values, origin, option_name)

    def changed(self, options: Mapping[str, Any], origin: str = "the job") -> Self:
        """The same with some values replaced; one kind of memory replaces another."""
        kept = self.model_dump(exclude_defaults=True)
        if any(name in options for name in MEMORY_OPTIONS):
            kept = {name: value for name, value in kept.items() if name not in MEMORY_OPTIONS}
        return self.parse(kept | dict(options), origin)

    def flags(self) -> list[str]:
        """The options of sbatch for all set fields, with values as sbatch must see them."""
        named = [
            f"{option_name(name)}={getattr(self, name)}"
            for name in PASSED_ON
            if getattr(self, name) is not None
        ]  # fmt: skip
        return [*named, f"--signal=B:USR1@{self.signal_lead}"]


PASSED_ON = tuple(
    name for name in JobSpec.model_fields if name not in ("setup", "extra", "signal_lead", "array_limit")
)
"""Fields with the name of the sbatch option that they set."""
