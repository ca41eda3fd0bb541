"""What `run` and `sweep` have in common: from options to a measurement, from an outcome to a table and exit code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from vq_benchmark.cli.exit_codes import SOME_FAILED
from vq_benchmark.cli.options import BoundedMachineOptions, StoreOptions, comma_separated
from vq_benchmark.cli.showing import ShowOptions
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.machine.terminal import Terminal
from vq_benchmark.machine.validation import option_words
from vq_benchmark.quantizers.engines.choosing import chosen_engines
from vq_benchmark.reports.search_summary import search_sentence
from vq_benchmark.results.checkpoints import Checkpoints
from vq_benchmark.results.database import Database
from vq_benchmark.results.default_paths import codebooks_dir
from vq_benchmark.studies.cells import Cell, Grid, Machine, Options, Refusal, cells_of, parsed_grid
from vq_benchmark.studies.local.outcome import Outcome
from vq_benchmark.studies.study import ALL_METHODS


def chosen_machine(
    store: StoreOptions, machine: BoundedMachineOptions, threads: int, checkpoints: Checkpoints
) -> Machine:
    """Where things are kept and what the process may use, from the options of the command line."""
    return Machine(
        cache_dir=store.folder,
        codebooks_dir=codebooks_dir(store.codebooks_dir),
        batch_size=machine.batch_size,
        threads=threads,
        memory=machine.memory(),
        stage_to_tmp=machine.stage_to_tmp,
        checkpoints=checkpoints,
    )


def parsed_parameters(texts: Sequence[str], methods: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """Values by method and parameter from "NAME=V1,V2", which every method of the command gets, or "METHOD.NAME=V".

    Raises:
        InputError: a text is not of that form, or names a method that is not run,
            or one that another text named.
    """
    parameters: dict[str, dict[str, list[Any]]] = {}
    named: set[str] = set()
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name or not values:
            raise InputError(f"--param is {text!r}; it must be NAME=VALUE, such as m=96 or pq.m=48,96.")
        if name in named:
            raise InputError(f"{name} is given twice; give all its values in one --param, such as {name}=48,96.")
        named.add(name)
        method, dot, parameter = name.rpartition(".")
        if dot and method not in methods:
            raise InputError(
                f"--param {text!r} is for {method!r}, which is not one of the methods {', '.join(methods)}."
            )
        for each in [method] if dot else methods:
            parameters.setdefault(each, {})[parameter] = [value.strip() for value in values.split(",")]
    return parameters


def engines_of_file(path: Path) -> list[str]:
    """The names of engines and settings in a file, one per line; # begins a comment.

    Raises:
        InputError: the file cannot be read, or names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read --engines {str(path)!r}: {error}.") from error
    names = [name for line in lines if (name := line.partition("#")[0].strip())]
    if not names:
        raise InputError(f"--engines {str(path)!r} names no engine; write one per line, such as qdrant:int8.")
    return names


def engine_grid(engine: str, given: bool, seed: int) -> Grid:
    """The grid of a command that takes one setting of an engine; `given`: options say otherwise what to run.

    Raises:
        InputError: there is no such setting, it is several, or other options name a configuration too.
    """
    if given:
        raise InputError("give either --engine or --method with its options: an engine's setting has them all.")
    names = chosen_engines(comma_separated(engine, str, "--engine"))
    if len(names) != 1:
        raise InputError(f"--engine {engine} means {len(names)} settings, {', '.join(names)}; `sweep` takes several.")
    return Grid({}, seeds=[seed], engines=names)


def single_grid(method: str, bits: float | None, param: Sequence[str], seed: int) -> Grid:
    """The grid of a command that takes one method with either a budget or parameters."""
    if "," in method or method == ALL_METHODS:
        raise InputError(f"--method is {method!r}; this command takes one method, `sweep` takes several.")
    parameters = parsed_parameters(param, [method])
    if bits is not None and parameters:
        raise InputError("give either --bits or --param, not both: a budget sets the parameters.")
    return Grid(parsed_grid([method], parameters, [seed]), [] if bits is None else [bits], seeds=[seed])


def single_cell(
    grid: Grid,
    dataset: Dataset,
    options: Options,
    rows: tuple[int, int],
) -> Cell:
    """The one cell of that grid on rows [start, stop); InputError where there is none, or more."""
    cells, refusals = cells_of(grid, dataset, options, rows)
    if refusals:
        raise InputError(refusals[0].reason)
    if len(cells) != 1:
        raise InputError(f"this command takes one configuration, but these options make {len(cells)}; use `sweep`.")
    return cells[0]


def say_notes(dataset: Dataset, report: Reporter) -> None:
    """Show what the data set is, and what a user should know about how it was loaded."""
    report.say(
        f"{dataset.name}: {dataset.n:,} vectors of dimension {dataset.d}, {len(dataset.queries):,} queries, "
        f"metric {dataset.distance}"
    )
    if dataset.revision is not None:
        report.say(f"revision {dataset.revision}")
    for note in dataset.notes:
        report.say(note)


def finish(outcome: Outcome, refusals: Sequence[Refusal], database: Database, show: ShowOptions) -> None:
    """Show the results, and what else there is to know about them."""
    console = Terminal()
    finished = [run for run in outcome.runs if run.status == "done"]
    partial = [run for run in outcome.runs if run.status == "partial"]
    show.tables([*finished, *outcome.failed], console)
    for sentence in filter(None, map(search_sentence, finished)):
        console.print(sentence, markup=False, highlight=False)
    for run in partial:
        console.print(
            f"stored a partial row of {run.method} for rows {run.chunk_start:,} to {run.chunk_stop:,} of {run.n:,}; "
            "run `vq-benchmark merge` once all chunks are done.",
            highlight=False,
        )
    for refusal in refusals:
        console.print(f"not run: {refusal.reason}", markup=False, highlight=False)
    ran = len(outcome.runs) - outcome.skipped
    if not outcome.runs and not outcome.problems:
        raise InputError("no method has a configuration at these budgets; nothing was run.")
    if outcome.skipped:
        what = "nothing left to do" if not ran else f"ran the other {ran}"
        console.print(f"{outcome.skipped} of {len(outcome.runs)} cells were already done; {what}.", highlight=False)
    console.print(f"results: {database.path}", markup=False, highlight=False, soft_wrap=True)
    for problem in outcome.problems:
        console.print(problem, markup=False, highlight=False)


def end(outcome: Outcome) -> None:
    """End with exit code 1 if a cell failed."""
    if outcome.failed or outcome.problems:
        raise typer.Exit(SOME_FAILED)


def data_options(data: DataSpec, given: str | None = None) -> list[str]:
    """The options that select the same vectors again; `given` is how the user wrote the data set."""
    return option_words(DataSpec, data.model_dump() | ({} if given is None else {"dataset": given}))
