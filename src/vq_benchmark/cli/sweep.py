"""`vq-benchmark sweep`: a grid of methods, budgets or parameters, and seeds."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.measuring import chosen_machine, finish, say_notes
from vq_benchmark.cli.options import (
    BoundedMachineOptions,
    CheckpointOptions,
    PluginOptions,
    StoreOptions,
    StudyData,
    StudyMeasure,
    grouped,
)
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.cli.studying import MethodOptions, StudyOptions, chosen_study
from vq_benchmark.machine.locations import study_folder
from vq_benchmark.machine.progress import reporter
from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import database_path
from vq_benchmark.studies.cells import new_sweep_id
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.local.study import run_divided


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("sweep")(sweep)


@grouped
@stoppable()
def sweep(
    context: typer.Context,
    what: StudyOptions,
    plugins: PluginOptions,
    data: StudyData,
    measure: StudyMeasure,
    store: StoreOptions,
    checkpoint: CheckpointOptions,
    machine: BoundedMachineOptions,
    grids: MethodOptions,
    config: Annotated[
        Path | None, Option(help="A study in YAML, instead of --dataset and --method; other options overrule it.")
    ] = None,
    workers: Annotated[int, Option(help="Processes that share the threads and divide the work.")] = 1,
    study_dir: Annotated[
        str | None, Option(help="Folder for the parts of a divided study [default: one that goes when all is done].")
    ] = None,
) -> None:
    """Run a grid: methods × budgets of bits (or parameters) × seeds. What is done already is not run again.

    A method with parameters of its own ignores --bits. A cell that fails does not stop the others.
    """
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
    finish(outcome, refusals, database, Terminal())
