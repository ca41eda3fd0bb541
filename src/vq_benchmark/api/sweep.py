"""`sweep`: methods × budgets × seeds from Python, the same cells as those of the command."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vq_benchmark.api.results import Results
from vq_benchmark.datasets.data_spec import ALSO_CALLED, SELECTION
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.locations import cache_dir
from vq_benchmark.machine.memory import allowed_memory
from vq_benchmark.machine.progress import Reporter, SilentReporter, reporter
from vq_benchmark.machine.threads import allowed_threads, use_threads
from vq_benchmark.results.checkpoints import Checkpoints, Interval
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import checkpoint_dir, codebooks_dir, database_path
from vq_benchmark.studies.cells import Machine, new_sweep_id
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.study import Study

DATA = (*SELECTION, *ALSO_CALLED, "queries", "name")
"""Arguments that say which vectors are meant; a loaded data set has said so already."""
CHECKPOINT_EVERY = "5m"


def sweep(
    dataset: Any,
    methods: str | Sequence[str] | Mapping[str, Any],
    bits: float | Sequence[float] = (),
    *,
    db_path: str | Path | None = None,
    progress: bool = False,
    **options: Any,
) -> Results:
    """Measure every method at every budget of bits per dimension, as the command `sweep` does.

    A cell that fails does not stop the others; `Results.failures` has its error.

    Args:
        dataset: what `load_dataset` returns, or what it takes: a name, a path or an array.
        methods: names, such as "pq,sq", ["pq", "sq"] or "all", or parameters by name: {"pq": {"m": [48, 96]}}.
        bits: budgets; none for the default parameters.
        db_path: results database, where finished cells are kept and not measured again; fitted models and
            checkpoints then go where those of the command go. None: nothing is kept but what is returned.
        progress: show a bar, or lines where there is no terminal, on stderr.
        options: keys of a study file: seeds, budget, query_bits, plugins, train_size, k, rerank, with_qps and the
            other options of measurement; threads, cache_dir and force, as on the command line; and, where `dataset`
            is not loaded yet, the arguments of `load_dataset`.

    Raises:
        InputError: an argument is unknown or impossible, or no method has a configuration at these budgets.
    """
    # in a context of its own, so that plugins end with the sweep
    return copy_context().run(_sweep, dataset, {"methods": methods, "bits": bits} | options, db_path, progress)


def _sweep(dataset: Any, options: dict[str, Any], db_path: str | Path | None, progress: bool) -> Results:
    report: Reporter = reporter() if progress else SilentReporter()
    threads, cache, force = options.pop("threads", None), options.pop("cache_dir", None), options.pop("force", False)
    data = {name: options.pop(name) for name in DATA if name in options}
    if isinstance(dataset, Dataset) and data:
        raise InputError(f"{next(iter(data))} does not apply to a loaded data set; give it to load_dataset.")
    study = Study.parse(options | {"dataset": "vectors"}, "sweep")
    if study.chunks != 1:
        raise InputError(f"chunks is {study.chunks}; in Python, sweep measures the base in one piece.")
    study.grid()
    if not isinstance(dataset, Dataset):
        dataset = load_dataset(dataset, cache_dir=cache, report=report, **data)
    count = allowed_threads(threads)
    use_threads(count)
    with _storage(db_path) as (database, machine):
        settings = study.options(
            machine(cache_dir=cache_dir(cache and str(cache)), threads=count, memory=allowed_memory(None))
        )
        cells, refusals = study.cells(dataset, settings)
        notes = tuple(f"not run: {refusal.reason}" for refusal in refusals)
        if not cells:
            raise InputError(f"no method has a configuration at these budgets. {' '.join(notes)}")
        outcome = run_cells(dataset, settings, cells, database, new_sweep_id(), report, force=force)
    return Results(tuple(outcome.runs), notes)


@contextmanager
def _storage(db_path: str | Path | None) -> "Iterator[tuple[Database, partial[Machine]]]":
    """The database, and the machine with the folders for models and checkpoints; temporary without a path."""
    if db_path is not None:
        checkpoints = Checkpoints(checkpoint_dir(None), Interval.parse(CHECKPOINT_EVERY))
        path = database_path(str(db_path))
        yield Database(path), partial(Machine, codebooks_dir=codebooks_dir(None), checkpoints=checkpoints)
        return
    with TemporaryDirectory(prefix="vq-benchmark-") as folder:
        yield Database(Path(folder, "results.db")), partial(Machine, codebooks_dir=Path(folder, "codebooks"))
