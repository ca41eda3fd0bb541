"""Options that several commands share: declared once, collected into dataclasses."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from typer import Option

from vq_benchmark.datasets.dataset import Dataset, Metric
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.locations import cache_dir
from vq_benchmark.machine.memory import MemoryLimit, allowed_memory, parsed_bytes, use_memory
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.machine.threads import allowed_threads, use_threads
from vq_benchmark.quantizers.registry import use_plugins
from vq_benchmark.results.checkpoints import Checkpoints, Interval
from vq_benchmark.results.default_paths import checkpoint_dir

data_option = functools.partial(Option, rich_help_panel="Data set")
measure_option = functools.partial(Option, rich_help_panel="Measurement")
store_option = functools.partial(Option, rich_help_panel="Where results go")
machine_option = functools.partial(Option, rich_help_panel="Machine")

T = TypeVar("T")


@dataclass(frozen=True)
class DataOptions:
    """Which vectors."""

    dataset: Annotated[
        str,
        data_option("--dataset", "--vectors-path", help="Catalog name or path of a file or folder."),
    ]
    dataset_limit: Annotated[int | None, data_option(help="Use the first so many base vectors.")] = None
    num_samples: Annotated[int | None, data_option(help="Number of vectors of `synthetic`.")] = None
    dim: Annotated[int | None, data_option(help="Dimension of `synthetic`.")] = None
    queries_path: Annotated[Path | None, data_option(help="A file of query vectors.")] = None
    num_queries: Annotated[
        int | None,
        data_option(help="Use so many queries [default: 1000]; held out of the base where the data has none."),
    ] = None
    split_seed: Annotated[int, data_option(help="Draws the held-out queries.")] = 0
    metric: Annotated[Metric | None, data_option(help="l2, ip or cosine; overrules what the data says.")] = None
    vector_column: Annotated[
        str | None, data_option(help="Column (parquet) or member (.npz, HDF5) with the vectors.")
    ] = None

    def load(self, *, check: bool = True, cache_dir: Path | None = None, report: Reporter | None = None) -> Dataset:
        """The data set that the options name; `check` refuses bad rows, downloads go to `cache_dir`."""
        return load_dataset(
            self.dataset,
            metric=self.metric,
            queries_path=self.queries_path,
            num_queries=self.num_queries,
            limit=self.dataset_limit,
            num_samples=self.num_samples,
            dim=self.dim,
            split_seed=self.split_seed,
            vector_column=self.vector_column,
            check=check,
            cache_dir=cache_dir,
            report=report,
        )


@dataclass(frozen=True)
class StudyDataOptions(DataOptions):
    """Which vectors, where a file may say it instead."""

    dataset: Annotated[
        str | None,
        data_option("--dataset", "--vectors-path", help="Catalog name or path of a file or folder."),
    ] = None  # type: ignore[assignment]


@dataclass(frozen=True)
class MeasureOptions:
    """How cells are measured."""

    train_size: Annotated[int, measure_option(help="Vectors to train on, a sample of the whole data.")] = 20_000
    k: Annotated[int, measure_option(help="Neighbours per query: the depth of recall and rank distortion.")] = 100
    max_candidates: Annotated[int, measure_option(help="Best rows kept per query (R).")] = 200
    num_pairs: Annotated[int, measure_option(help="Pairs on which score and distance errors are measured.")] = 20_000
    ground_truth_path: Annotated[
        Path | None, measure_option(help="Exact neighbours: of `precompute-gt`, .npy, .ibin, .ivecs or HDF5.")
    ] = None
    skip_ground_truth: Annotated[
        bool, measure_option("--skip-ground-truth", help="No exact neighbours, no recall.")
    ] = False
    slow: Annotated[bool, measure_option("--slow", help="Allow training that takes more than ten minutes.")] = False
    with_recall: Annotated[bool, measure_option(help="Measure recall (needs exact neighbours).")] = True
    with_pairwise: Annotated[bool, measure_option(help="Measure pairwise distortion.")] = True
    with_rank: Annotated[bool, measure_option(help="Measure rank distortion.")] = True
    with_qps: Annotated[
        bool,
        measure_option("--with-qps", help="Measure the rate of a real search index (holds all codes in memory)."),
    ] = False


@dataclass(frozen=True)
class CacheOptions:
    """Where what can be made or fetched again is kept."""

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
        store_option(help="Results database [default: $DB_PATH, else logs/benchmark_runs.db]; %j, %A, %a expand."),
    ] = None
    codebooks_dir: Annotated[
        str | None, store_option(help="Fitted models [default: $CODEBOOKS_DIR, else ./codebooks].")
    ] = None
    force: Annotated[bool, store_option("--force", help="Run again what is done already.")] = False


@dataclass(frozen=True)
class CheckpointOptions:
    """What is kept of unfinished work."""

    checkpoint_dir: Annotated[
        str | None, store_option(help="Unfinished passes [default: $CHECKPOINT_DIR, else ./checkpoints].")
    ] = None
    checkpoint_every: Annotated[
        str,
        store_option(help='Blocks ("50") or time ("300s", "5m") between checkpoints; 0: only when told to stop.'),
    ] = "5m"

    def parsed(self) -> Checkpoints:
        """Where and how often; InputError for an interval that is none."""
        return Checkpoints(checkpoint_dir(self.checkpoint_dir), Interval.parse(self.checkpoint_every))


@dataclass(frozen=True)
class MachineOptions:
    """What the process may use."""

    threads: Annotated[int | None, machine_option(help="[default: $SLURM_CPUS_PER_TASK, else all allowed]")] = None
    batch_size: Annotated[
        int,
        machine_option(help="Rows in memory at a time (a multiple of 4096 is used); no result depends on it."),
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
        machine_option(help="The most memory to use, such as 2G [default: what the job and the machine have]."),
    ] = None
    stage_to_tmp: Annotated[
        bool,
        machine_option("--stage-to-tmp", help="Copy the rows to $SLURM_TMPDIR, else $TMPDIR, and read them there."),
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
        Option(help="A .py file or a module with a quantizer of your own; may be repeated.", metavar="FILE.py"),
    ] = None

    def use(self) -> list[str]:
        """Register their quantizers; returns the plugins. InputError if one cannot be used."""
        use_plugins(self.plugin or [])
        return self.plugin or []


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose dataclass parameters are spread out into one option per field, for typer to read."""
    hints = get_type_hints(command, include_extras=True)
    plain, spread = [], {}
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        if not hasattr(hint, "__dataclass_fields__"):
            plain.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        spread[parameter.name] = hint
        field_hints = get_type_hints(hint, include_extras=True)
        for each in fields(hint):
            default = inspect.Parameter.empty if each.default is MISSING else each.default
            plain.append(
                inspect.Parameter(
                    each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=field_hints[each.name]
                )
            )

    @functools.wraps(command)
    def collected(**values: Any) -> None:
        groups = {
            name: group(**{each.name: values.pop(each.name) for each in fields(group)})
            for name, group in spread.items()
        }
        command(**groups, **values)

    collected.__signature__ = inspect.Signature(plain)  # type: ignore[attr-defined]
    collected.__annotations__ = {parameter.name: parameter.annotation for parameter in plain}
    return collected


def comma_separated(text: str, convert: Callable[[str], T], option: str) -> list[T]:
    """The values of a list option such as "8,16,32".

    Raises:
        InputError: a value is not of the kind, or there is none.
    """
    try:
        values = [convert(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError:
        raise InputError(f"{option} is {text!r}, it must be {convert.__name__} values separated by commas.") from None
    if not values:
        raise InputError(f"{option} is empty; give at least one value.")
    return values
