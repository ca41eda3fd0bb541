"""Options that several commands share: declared once, collected into dataclasses and specifications."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer import Argument, Option

from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.distance_names import DISTANCES
from vq_benchmark.errors import InputError
from vq_benchmark.machine.locations import cache_dir
from vq_benchmark.machine.memory import MemoryLimit, allowed_memory, parsed_bytes, use_memory
from vq_benchmark.machine.threads import allowed_threads, use_threads
from vq_benchmark.machine.validation import Spec, option_name
from vq_benchmark.quantizers.registry import use_plugins
from vq_benchmark.results.checkpoints import Checkpoints, Interval
from vq_benchmark.results.default_paths import checkpoint_dir
from vq_benchmark.studies.measure_spec import MeasureSpec

store_option = functools.partial(Option, rich_help_panel="Where results go")
machine_option = functools.partial(Option, rich_help_panel="Machine")

THREADS_HELP = "Number of threads [default: $SLURM_CPUS_PER_TASK, else all available]."

T = TypeVar("T")


PANELS: dict[type[Spec], str] = {DataSpec: "Data set", MeasureSpec: "Measurement"}
"""The specifications that are options, and the panel of help that shows them."""
MORE_NAMES = {"dataset": ("--vectors-path",)}
"""Other names that an option goes by."""
METAVARS = {"rerank": "CODE", "metric": "NAME", "train_queries": "FILE|N"}
"""Placeholders of options whose choices, which the help names, would take too wide a column."""
SPELLED: dict[str, dict[str, Any]] = {"metric": {"parser": str, "autocompletion": lambda: list(DISTANCES)}}
"""Options whose choices have other names too, so that not the command line but the specification decides."""
ARGUMENT = "dataset_argument"
"""The name of the argument that stands for --dataset."""
StudyData = Annotated[dict[str, Any], DataSpec]
"""Which vectors, by field, where a study file may say it instead: nothing is required, or checked yet."""
NamedData = Annotated[dict[str, Any], DataSpec, ARGUMENT]
"""The same, where the data set may also be an argument."""
StudyMeasure = Annotated[dict[str, Any], MeasureSpec]
"""The same of how they are measured."""


@dataclass(frozen=True)
class CacheOptions:
    """Where downloads and other things that can be recreated are kept."""

    cache_dir: Annotated[
        str | None,
        store_option(
            help="Downloads and ground truth [default: $VQ_CACHE_DIR, else $TMPDIR in a SLURM job, else ~/.cache]."
        ),
    ] = None

    @property
    def folder(self) -> Path:
        """The folder that is meant."""
        return cache_dir(self.cache_dir)


@dataclass(frozen=True)
class StoreOptions(CacheOptions):
    """Where results and by-products are kept."""

    db_path: Annotated[
        str | None,
        store_option(help="Results database; %j, %A and %a expand [default: $DB_PATH, else logs/benchmark_runs.db]."),
    ] = None
    codebooks_dir: Annotated[
        str | None, store_option(help="Fitted models [default: $CODEBOOKS_DIR, else ./codebooks].")
    ] = None
    force: Annotated[bool, store_option("--force", help="Run again what is already done.")] = False


@dataclass(frozen=True)
class CheckpointOptions:
    """What is kept of unfinished work."""

    checkpoint_dir: Annotated[
        str | None,
        store_option(help="Unfinished passes [default: $CHECKPOINT_DIR, else ./checkpoints]."),
    ] = None
    checkpoint_every: Annotated[
        str,
        store_option(help='Blocks ("50") or time ("300s", "5m") between checkpoints; 0: only when stopped.'),
    ] = "5m"

    def parsed(self) -> Checkpoints:
        """Where and how often; InputError for an impossible interval."""
        return Checkpoints(checkpoint_dir(self.checkpoint_dir), Interval.parse(self.checkpoint_every))


@dataclass(frozen=True)
class MachineOptions:
    """What the process may use."""

    threads: Annotated[int | None, machine_option(help=THREADS_HELP)] = None
    batch_size: Annotated[
        int,
        machine_option(help="Rows in memory at a time, rounded to a multiple of 4096; results do not depend on it."),
    ] = 16_384

    def apply(self) -> int:
        """Give the threads to all libraries; returns their number."""
        count = allowed_threads(self.threads)
        use_threads(count)
        return count


@dataclass(frozen=True)
class BoundedMachineOptions(MachineOptions):
    """What a process that measures may use besides."""

    memory_limit: Annotated[
        str | None,
        machine_option(help="Memory to use at most, such as 2G [default: what the job or the machine has]."),
    ] = None
    stage_to_tmp: Annotated[
        bool,
        machine_option("--stage-to-tmp", help="Copy the rows to $SLURM_TMPDIR, else $TMPDIR, read them there."),
    ] = False

    def apply(self) -> int:
        """The same, and have what would take more memory than is allowed refused before it is read."""
        use_memory(self.memory())
        return super().apply()

    def memory(self) -> MemoryLimit:
        """What the process may use."""
        return allowed_memory(None if self.memory_limit is None else parsed_bytes(self.memory_limit))


@dataclass(frozen=True)
class PluginOptions:
    """Quantizers from outside the package."""

    plugin: Annotated[
        list[str] | None,
        Option(
            help="Python file or module with your own quantizers; repeatable.",
            metavar="FILE.py",
            rich_help_panel="Your own quantizers",
        ),
    ] = None

    def use(self) -> list[str]:
        """Register their quantizers; returns the plugins. InputError if one cannot be used."""
        use_plugins(self.plugin or [])
        return self.plugin or []


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command for typer to read, whose groups of options are spread out into one option per field.

    A group is a parameter whose type is a dataclass, a `Spec`, or one of `StudyData`, `NamedData` and `StudyMeasure`.
    The data set of a `DataSpec` or `NamedData` may also be an argument.
    """
    hints = get_type_hints(command, include_extras=True)
    spread = {name: group for name, hint in hints.items() if (group := _group(hint)) is not None}
    plain = [
        option
        for parameter in inspect.signature(command).parameters.values()
        for option in (
            spread[parameter.name].options
            if parameter.name in spread
            else [parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)]
        )
    ]

    @functools.wraps(command)
    def collected(**values: Any) -> None:
        groups = {
            name: group.collect({option.name: values.pop(option.name) for option in group.options})
            for name, group in spread.items()
        }
        command(**groups, **values)

    collected.__signature__ = inspect.Signature(plain)  # type: ignore[attr-defined]
    collected.__annotations__ = {parameter.name: parameter.annotation for parameter in plain}
    return collected


@dataclass(frozen=True)
class _Group:
    options: list[inspect.Parameter]
    collect: Callable[[dict[str, Any]], Any]
    """Makes what the command takes of the values by name."""


def _group(hint: Any) -> _Group | None:
    if is_dataclass(hint):
        kind: Any = hint
        annotations = get_type_hints(kind, include_extras=True)
        options = [_option(each.name, annotations[each.name], each.default, MISSING) for each in fields(kind)]
        return _Group(options, lambda values: kind(**values))
    if isinstance(hint, type) and issubclass(hint, Spec):
        if hint is DataSpec:
            return _Group(_with_argument(hint), lambda values: hint.parse(_named(values), spelled=option_name))
        return _Group(_options_of(hint), lambda values: hint.parse(values, spelled=option_name))
    if hint == NamedData:
        return _Group(_with_argument(DataSpec), _named)
    if hint in (StudyData, StudyMeasure):
        (spec,) = hint.__metadata__
        return _Group([_optional(option) for option in _options_of(spec)], dict)
    return None


def _with_argument(spec: type[Spec]) -> list[inspect.Parameter]:
    """The options of a data set, none of them required, and the argument that its name may be."""
    declared = Argument(help="Data set, instead of --dataset.", metavar="DATASET", show_default=False)
    argument = _option(ARGUMENT, Annotated[str | None, declared], None, MISSING)
    return [argument, *(_optional(option) for option in _options_of(spec))]


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """The values with the data set, whether it is an argument or an option; without one if neither was given.

    Raises:
        InputError: both were given, and differ.
    """
    named, given = values.pop(ARGUMENT), values.pop("dataset")
    if named is not None and given not in (None, named):
        raise InputError(f"the data set is {named!r} and --dataset {given!r}; give one of them.")
    name = given if named is None else named
    return values if name is None else values | {"dataset": name}


def _options_of(spec: type[Spec]) -> list[inspect.Parameter]:
    return [
        _option(
            name, Annotated[info.annotation, _declared(name, info, PANELS[spec])], info.default, PydanticUndefined
        )
        for name, info in spec.model_fields.items()
    ]


def _declared(name: str, info: FieldInfo, panel: str) -> Any:
    """The option of a field. A flag that is off by default has no --no-NAME."""
    more = MORE_NAMES.get(name, ())
    names = (option_name(name), *more) if more or info.default is False else ()
    return Option(
        *names, help=info.description, rich_help_panel=panel, metavar=METAVARS.get(name), **SPELLED.get(name, {})
    )


def _option(name: str, annotation: Any, default: Any, missing: object) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is missing else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _optional(option: inspect.Parameter) -> inspect.Parameter:
    if option.default is not inspect.Parameter.empty:
        return option
    kind, declared = get_args(option.annotation)
    return option.replace(default=None, annotation=Annotated[kind | None, declared])


def comma_separated(text: str, convert: Callable[[str], T], option: str) -> list[T]:
    """The values of a list option such as "8,16,32".

    Raises:
        InputError: a value is not of the kind, or there is none.
    """
    try:
        values = [convert(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError(f"{option} is {text!r}; it must be {convert.__name__} values separated by commas.") from None
    if not values:
        raise InputError(f"{option} is empty; give at least one value.")
    return values
