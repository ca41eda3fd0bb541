"""`vq-benchmark sweep`: a grid of methods, budgets or parameters, and seeds."""

from pathlib import Path
from typing import Annotated

import typer

from vq_benchmark.cli.measuring import chosen_machine, data_options, end, finish, say_notes
from vq_benchmark.cli.options import (
    BoundedMachineOptions,
    CheckpointOptions,
    NamedData,
    PluginOptions,
    StoreOptions,
    StudyMeasure,
    grouped,
    machine_option,
    store_option,
)
from vq_benchmark.cli.program import examples
from vq_benchmark.cli.showing import ShowOptions
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.cli.studies.studying import MethodOptions, StudyOptions, chosen_study, study_option
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.machine.locations import study_folder
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.reports.commands import search_words
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import database_path
from vq_benchmark.studies.cells import new_sweep_id
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.local.study import run_divided

EXAMPLES = (
    "vq-benchmark sweep sample",
    "vq-benchmark sweep --dataset base.npy --method pq,opq --param m=48,96",
    "vq-benchmark sweep --config study.yaml --chunks 8 --workers 4",
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("sweep", epilog=examples(*EXAMPLES))(sweep)


@grouped
@stoppable()
def sweep(
    context: typer.Context,
    data: NamedData,
    what: StudyOptions,
    store: StoreOptions,
    checkpoint: CheckpointOptions,
    measure: StudyMeasure,
    machine: BoundedMachineOptions,
    plugins: PluginOptions,
    grids: MethodOptions,
    show: ShowOptions,
    config: Annotated[
        Path | None, study_option(help="YAML study instead of --dataset and --method; other options override it.")
    ] = None,
    workers: Annotated[int, machine_option(help="Processes that share the work and the threads.")] = 1,
    study_dir: Annotated[
        str | None,
        store_option(help="Folder for the parts of a divided study [default: temporary, deleted when all is done]."),
    ] = None,
) -> None:
    """Run a grid of methods, bit budgets (or parameters) and seeds; finished cells are not run again.

    With a data set alone, it compares well-known methods at several budgets. A method that has --param values ignores
    --bits. A cell that fails does not stop the others.
    """
    show.parsed()
    threads = machine.apply()
    study = chosen_study(context, config, what, grids, data, measure, plugins)
    study.grid()
    options = study.options(chosen_machine(store, machine, threads, checkpoint.parsed()))
    database = Database(database_path(store.db_path))
    folder = None if study_dir is None else study_folder(study_dir)
    report = reporter()
    dataset = study.load(options.machine.cache_dir, report)
    cells, refusals = study.cells(dataset, options)
    say_notes(dataset, report)
    if workers == study.chunks == 1 and study_dir is None:
        outcome = run_cells(dataset, options, cells, database, new_sweep_id(), report, force=store.force)
    else:
        outcome = run_divided(
            study, dataset, options, cells, database, report, folder=folder, workers=workers, force=store.force
        )
    finish(outcome, refusals, database, show)
    source = data_options(study.part(DataSpec), given=None if config else data.get("dataset"))
    source += search_words(study.model_dump())
    if store.db_path is not None:
        source += ["--db-path", store.db_path]
    show.choices(outcome.runs, Terminal(), source, study.target_recall)
    end(outcome)
