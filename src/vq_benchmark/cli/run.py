"""`vq-benchmark run`: one configuration on one data set, or on a chunk of it."""

import functools
from dataclasses import replace
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.measuring import chosen_machine, end, engine_grid, finish, say_notes, single_cell, single_grid
from vq_benchmark.cli.options import (
    BoundedMachineOptions,
    CheckpointOptions,
    PluginOptions,
    StoreOptions,
    grouped,
)
from vq_benchmark.cli.showing import ShowOptions
from vq_benchmark.cli.stoppable import stoppable
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.query_coding import parsed_query_bits
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.machine.progress import reporter
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import database_path
from vq_benchmark.studies.cells import Options, new_sweep_id
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.measure_spec import MeasureSpec

method_option = functools.partial(Option, rich_help_panel="What to run")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("run")(run)


@grouped
@stoppable()
def run(
    data: DataSpec,
    measure: MeasureSpec,
    store: StoreOptions,
    checkpoint: CheckpointOptions,
    machine: BoundedMachineOptions,
    plugins: PluginOptions,
    show: ShowOptions,
    method: Annotated[str | None, method_option(help="Quantizer; `methods` lists them.")] = None,
    engine: Annotated[
        str | None,
        method_option(help="Setting of a vector database instead, such as qdrant:int8; `engines` lists them."),
    ] = None,
    bits: Annotated[float | None, method_option(help="Bits per dimension; the method picks its parameters.")] = None,
    param: Annotated[list[str] | None, method_option(help="Parameter of the method, NAME=VALUE; repeatable.")] = None,
    seed: Annotated[int, method_option(help="Seed for training, pairs and bootstrap.")] = 0,
    query_bits: Annotated[
        str, method_option(help="How queries are coded: float, 8, 4, 1 or symmetric (by the method itself).")
    ] = "float",
    data_chunk_start: Annotated[int, method_option(help="First base row of the chunk.")] = 0,
    data_chunk_end: Annotated[
        int | None, method_option(help="End of the chunk, exclusive; at most the end of the base [default: n].")
    ] = None,
) -> None:
    """Run one configuration on one data set, or on a chunk of it.

    A chunk stores a partial row; `merge` turns a complete set of chunks into a finished row.
    """
    show.parsed()
    plugins.use()
    threads = machine.apply()
    coding = parsed_query_bits(query_bits)
    if engine is not None:
        grid = engine_grid(engine, method is not None or bits is not None or bool(param), seed)
    elif method is None:
        raise InputError("--method is missing; name a method or, with --engine, a setting of a vector database.")
    else:
        grid = replace(single_grid(method, bits, param or [], seed), query_bits=[coding])
    options = Options(measure, chosen_machine(store, machine, threads, checkpoint.parsed()))
    database = Database(database_path(store.db_path))
    report = reporter()
    dataset = load_dataset(data.dataset, cache_dir=options.machine.cache_dir, report=report, **data.selection)
    rows = chunk_rows(dataset, data_chunk_start, data_chunk_end)
    cell = single_cell(grid, dataset, options, rows)
    say_notes(dataset, report)
    if data_chunk_end is not None and data_chunk_end > dataset.n:
        report.say(f"the chunk ends at row {dataset.n}, not {data_chunk_end}: {end_of_base(dataset)}.")
    outcome = run_cells(dataset, options, [cell], database, new_sweep_id(), report, force=store.force)
    finish(outcome, [], database, show)
    end(outcome)


def chunk_rows(dataset: Dataset, start: int, end: int | None) -> Span:
    """The base rows [start, end) of a chunk; an end beyond the base is its end.

    So chunks that were cut by the rows of a file still cover the base once queries are held out of it.

    Raises:
        InputError: the chunk has no rows.
    """
    stop = dataset.n if end is None else min(end, dataset.n)
    if 0 <= start < stop:
        return start, stop
    if start >= dataset.n:
        raise InputError(
            f"invalid chunk: it starts at row {start}, but {end_of_base(dataset)}; no row is left for this chunk."
        )
    raise InputError(f"invalid chunk {start} to {stop}: need 0 <= start < end, and start < {dataset.n}.")


def end_of_base(dataset: Dataset) -> str:
    """How many rows the base has, and which rows are not in it."""
    return f"the base has {dataset.n} rows" + (f" ({dataset.split})" if dataset.split else "")
