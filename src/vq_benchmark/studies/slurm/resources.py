"""The resources that a job requests, and the sbatch options for them."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vq_benchmark.errors import InputError
from vq_benchmark.machine.memory import UNITS
from vq_benchmark.machine.suggestions import did_you_mean
from vq_benchmark.machine.validation import option_name, parsed
from vq_benchmark.studies.stages import STAGES

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
    """What the jobs of a study request; unset fields are left to the estimate of the study or to the cluster."""

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
    """The most jobs of a stage that run at once."""
    use_gpu: bool = False
    """Whether exact neighbours are searched on a GPU, which `gres` must request."""
    tasks_per_job: int | None = Field(None, ge=1)
    """How many tasks each element of an array runs, one after another; chosen by the estimate if unset."""
    min_minutes: float = Field(10, ge=0, allow_inf_nan=False)
    """The shortest that a job with several tasks should be."""
    max_jobs: int | None = Field(None, ge=3)
    """The most jobs in the queue at once; further ones follow in waves. Accounting may know a lower limit."""
    max_cpu_hours: float | None = Field(None, gt=0)
    """Estimated CPU-hours of a study above which there is a warning."""
    max_job_cpu_hours: float | None = Field(None, gt=0)
    """The most CPU-hours, cores times time limit, that the cluster allows a job."""
    max_time: Time | None = None
    """The longest time limit that the cluster allows a job."""
    stages: dict[str, dict[str, Any]] = Field({})
    """By stage, what its jobs request instead; `wave` is the job that submits further jobs."""

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
        spec = parsed(cls, values, origin, option_name)
        for stage in spec.stages:
            spec.of(stage, origin)
        return spec

    def of(self, stage: str, origin: str = "the job") -> Self:
        """What the jobs of one stage request.

        Raises:
            InputError: there is no such stage, or it cannot have one of its values.
        """
        require_stages(self.stages, origin)
        own, common = self.stages.get(stage, {}), self.model_copy(update={"stages": {}})
        for name in own:
            if name in OF_ALL_STAGES:
                raise InputError(f"{origin}: {name} applies to all stages, so it cannot be set for {stage}.")
        if own.get("use_gpu") and stage != "truth":
            raise InputError(f"{origin}: only the stage truth can use a GPU, so leave out use_gpu of {stage}.")
        if stage == WAVE:
            kept = common.model_dump(exclude_defaults=True, exclude=set(NOT_FOR_WAVES))
            common = self.parse(kept | SUBMITTER, origin)
        return common.changed(own, f"{origin}, stage {stage}") if own else common

    def completed(self, defaults: Mapping[str, Any]) -> Self:
        """The same with values for what is open: the memory if no kind of it is set, and other unset fields."""
        has_memory = any(getattr(self, name) is not None for name in MEMORY_OPTIONS)
        missing = {
            name: value
            for name, value in defaults.items()
            if getattr(self, name) is None and not (has_memory and name in MEMORY_OPTIONS)
        }  # fmt: skip
        return self.changed(missing) if missing else self

    @property
    def cores(self) -> int:
        """The cores of one job."""
        return self.cpus_per_task or self.ntasks_per_node or 1

    @property
    def gpus(self) -> int:
        """The GPUs of one job, from `gres` such as gpu:H100:2."""
        match = re.search(r"(?:^|,)gpu(?::[^:,]+)??(?::(\d+))?(?:,|$)", self.gres or "")
        return 0 if match is None else int(match[1] or 1)

    @property
    def memory(self) -> int | None:
        """The bytes that one job requests; None if that is left to the cluster, or is all that a node has."""
        if self.mem is not None:
            return bytes_of(self.mem) or None
        if self.mem_per_cpu is not None:
            return bytes_of(self.mem_per_cpu) * self.cores
        return None if self.mem_per_gpu is None else bytes_of(self.mem_per_gpu) * max(1, self.gpus)

    def changed(self, options: Mapping[str, Any], origin: str = "the job") -> Self:
        """The same with some values replaced; one kind of memory replaces another."""
        kept = self.model_dump(exclude_defaults=True)
        if any(name in options for name in MEMORY_OPTIONS):
            kept = {name: value for name, value in kept.items() if name not in MEMORY_OPTIONS}
        stages = merged(self.stages, options.get("stages", {}))
        return self.parse(kept | dict(options) | ({"stages": stages} if stages else {}), origin)

    def flags(self) -> list[str]:
        """The options of sbatch for all set fields, with values as sbatch must see them."""
        named = [
            f"{option_name(name)}={getattr(self, name)}"
            for name in PASSED_ON
            if getattr(self, name) is not None
        ]  # fmt: skip
        return [*named, f"--signal=B:USR1@{self.signal_lead}"]


def merged(
    stages: Mapping[str, Mapping[str, Any]], changes: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Values by stage and name, with changes; one kind of memory replaces another."""
    found = {stage: dict(values) for stage, values in stages.items()}
    for stage, values in changes.items():
        before = found.get(stage, {})
        if any(name in values for name in MEMORY_OPTIONS):
            before = {name: value for name, value in before.items() if name not in MEMORY_OPTIONS}
        found[stage] = before | dict(values)
    return found


def require_stages(names: Iterable[str], origin: str) -> None:
    """Raise InputError for a name that is not a stage."""
    for name in names:
        if name not in (*STAGES, WAVE):
            hint = did_you_mean(name, (*STAGES, WAVE))
            raise InputError(f"{origin} has no stage {name!r}; {hint}the stages are {', '.join(STAGES)}.")


def bytes_of(memory: str) -> int:
    """Bytes of an amount of memory as sbatch takes it: MiB without a unit."""
    unit = memory[-1] if memory[-1].isalpha() else "M"
    return int(memory.rstrip("KMGT")) * UNITS[unit]


WAVE = "wave"
"""The job that submits further jobs, beside the stages."""
SUBMITTER: dict[str, Any] = {"time": "30", "mem_per_cpu": "1G"}
"""What such a job requests, unless `stages` says otherwise."""
NOT_FOR_WAVES = (
    *MEMORY_OPTIONS, "gres", "time", "cpus_per_task", "ntasks_per_node", "tmp", "array_limit", "stages", "use_gpu",
    "signal_lead",
)  # fmt: skip
OF_ALL_STAGES = ("stages", "max_jobs", "max_cpu_hours", "max_job_cpu_hours", "max_time")
OURS = (
    "setup", "extra", "signal_lead", "array_limit", "use_gpu", "tasks_per_job", "min_minutes", *OF_ALL_STAGES,
)  # fmt: skip
"""Fields that no option of sbatch has the name of."""
PASSED_ON = tuple(name for name in JobSpec.model_fields if name not in OURS)
"""Fields with the name of the sbatch option that they set."""
