"""`vq-benchmark sweep`: a grid of methods, budgets or parameters, and seeds."""

import functools
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from typer import Option

from vq_benchmark.cli.measuring import finish, measurement_options, parsed_parameters, say_notes
from vq_benchmark.cli.options import (
    DataOptions,
    JobOptions,
    MeasureOptions,
    StoreOptions,
    comma_separated,
    grouped,
)
from vq_benchmark.errors import InputError
from vq_benchmark.machine.progress import reporter
from vq_benchmark.quantizers.registry import registered
from vq_benchmark.results.database import Database
from vq_benchmark.results.locations import database_path
from vq_benchmark.studies.local import run_cells
from vq_benchmark.studies.plan import cells_of, new_sweep_id, parsed_grid

grid_option = functools.partial(Option, rich_help_panel="Grids")


@dataclass(frozen=True)
class MethodOptions:
    """Grids over the parameters that people know by name; each is short for a --param of one method."""

    pq_subquantizers: Annotated[str | None, grid_option(help='Values of m for pq, such as "48,96".')] = None
    pq_bits: Annotated[str | None, grid_option(help="Values of nbits for pq.")] = None
    opq_subquantizers: Annotated[str | None, grid_option(help="Values of m for opq.")] = None
    opq_bits: Annotated[str | None, grid_option(help="Values of nbits for opq.")] = None
    sq_bits: Annotated[str | None, grid_option(help="Values of bits for sq.")] = None
    saq_bits: Annotated[str | None, grid_option(help="Average bits per dimension for saq; fractions too.")] = None
    saq_total_bits: Annotated[str | None, grid_option(help="The same in bits per vector.")] = None
    saq_segments: Annotated[str | None, grid_option(help="Most segments of saq.")] = None
    rabitq_bits: Annotated[str | None, grid_option(help="Values of bits for rabitq.")] = None

    def as_parameters(self, methods: list[str]) -> list[str]:
        """The same as --param texts; InputError for a grid of a method that is not run."""
        texts = []
        for name, values in vars(self).items():
            if values is None:
                continue
            method, parameter = PARAMETER_OF_OPTION[name]
            if method not in methods:
                raise InputError(f"--{name.replace('_', '-')} is given, but {method} is not among the methods.")
            texts.append(f"{method}.{parameter}={values}")
        return texts


PARAMETER_OF_OPTION = {
    "pq_subquantizers": ("pq", "m"),
    "pq_bits": ("pq", "nbits"),
    "opq_subquantizers": ("opq", "m"),
    "opq_bits": ("opq", "nbits"),
    "sq_bits": ("sq", "bits"),
    "rabitq_bits": ("rabitq", "bits"),
    "saq_bits": ("saq", "bits"),
    "saq_total_bits": ("saq", "total_bits"),
    "saq_segments": ("saq", "max_segments"),
}


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("sweep")(sweep)


@grouped
def sweep(
    data: DataOptions,
    method: Annotated[
        str, Option(help="Quantizers separated by commas (see `methods`); all: those that train fast.")
    ],
    measure: MeasureOptions,
    store: StoreOptions,
    machine: JobOptions,
    grids: MethodOptions,
    bits: Annotated[str | None, Option(help='Budgets in bits per dimension, such as "1,2,4,8".')] = None,
    param: Annotated[
        list[str] | None, Option(help="Values of a parameter, NAME=V1,V2 or METHOD.NAME=V1,V2; may be repeated.")
    ] = None,
    seeds: Annotated[str, Option(help="Seeds separated by commas.")] = "0",
) -> None:
    """Run a grid: methods × budgets of bits (or parameters) × seeds. What is done already is not run again.

    A method with parameters of its own ignores --bits. A cell that fails does not stop the others.
    """
    threads = machine.apply()
    methods = _all_methods(measure.slow) if method == "all" else comma_separated(method, str, "--method")
    parameters = parsed_parameters([*(param or []), *grids.as_parameters(methods)], methods)
    budgets = [] if bits is None else comma_separated(bits, float, "--bits")
    seed_values = comma_separated(seeds, int, "--seeds")
    grid = parsed_grid(methods, parameters, seed_values)
    database = Database(database_path(store.db_path))
    options = measurement_options(measure, store, machine, threads)
    report = reporter()
    dataset = data.load()
    cells, refusals = cells_of(grid, budgets, seed_values, dataset, options, (0, dataset.n))
    say_notes(dataset, report)
    outcome = run_cells(dataset, options, cells, database, new_sweep_id(), report, force=store.force)
    finish(outcome, refusals, database, Console())


def _all_methods(slow: bool) -> list[str]:
    return [name for name, cls in registered().items() if slow or not cls.slow]
