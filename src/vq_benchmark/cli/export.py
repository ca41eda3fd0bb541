"""`vq-benchmark export`: write the faiss index, or the codes and the model, of a method or of a stored run."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vq_benchmark.cli.measuring import say_notes, single_cell, single_grid
from vq_benchmark.cli.options import CacheOptions, MachineOptions, PluginOptions, grouped
from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.errors import ChangedData, InputError
from vq_benchmark.machine.progress import Reporter, reporter
from vq_benchmark.machine.terminal import echo
from vq_benchmark.machine.validation import option_name
from vq_benchmark.quantizers.base import Quantizer
from vq_benchmark.reports.commands import again
from vq_benchmark.results.database import Database, Run
from vq_benchmark.results.default_paths import codebooks_dir, database_path
from vq_benchmark.studies.cells import Machine, Options
from vq_benchmark.studies.contents import Contents
from vq_benchmark.studies.exporting import INDEX_SUFFIX, LEFT_OUT_FILE, check_output, is_exported, stored_model
from vq_benchmark.studies.exporting import export as write_export
from vq_benchmark.studies.fitting import fitted_model
from vq_benchmark.studies.measure_spec import DEFAULT_TRAIN_SIZE, MeasureSpec


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("export")(export)


@grouped
def export(
    data: DataSpec,
    output: Annotated[Path, Option(help="A .faiss file for an index, or a new folder for codes.npy and model.npz.")],
    machine: MachineOptions,
    cache: CacheOptions,
    plugins: PluginOptions,
    method: Annotated[str | None, Option(help="Quantizer; its model is loaded if it was fitted before.")] = None,
    bits: Annotated[float | None, Option(help="Budget in bits per dimension, instead of --param.")] = None,
    param: Annotated[list[str] | None, Option(help="Parameter as NAME=VALUE; repeat for several.")] = None,
    seed: Annotated[int, Option(help="Seed for training.")] = 0,
    train_size: Annotated[int, Option(help="Number of training vectors.")] = DEFAULT_TRAIN_SIZE,
    slow: Annotated[bool, Option("--slow", help="Allow training that takes over ten minutes.")] = False,
    run_id: Annotated[str | None, Option(help="Use the model of this stored run, instead of --method.")] = None,
    db_path: Annotated[str | None, Option(help="Database that holds the run [default: as for `run`].")] = None,
    codebooks: Annotated[
        str | None,
        Option("--codebooks-dir", help="Fitted models [default: $CODEBOOKS_DIR, else ./codebooks]."),
    ] = None,
) -> None:
    """Write a faiss index of all vectors, or their codes and the model, for production use.

    Methods without a faiss counterpart export to a folder. The export also holds the rows that a benchmark holds out
    as queries, so an id is the row number in the data.
    """
    plugins.use()
    if (method is None) == (run_id is None):
        raise InputError("give either --method or --run-id.")
    if run_id is not None and (bits is not None or param):
        raise InputError(
            "a stored run has its own parameters; omit --bits and --param, or give --method instead of --run-id."
        )
    threads, models, report = machine.apply(), codebooks_dir(codebooks), reporter()
    if method is None:
        run = _stored_run(str(run_id), Database(database_path(db_path)))
        check_output(output, run.method)
        quantizer = stored_model(run, models)
        dataset = _data_of(run, data, cache.folder, machine.batch_size, report)
        say_notes(dataset, report)
    else:
        grid = single_grid(method, bits, param or [], seed)
        check_output(output, method)
        options = Options(
            MeasureSpec.parse({"train_size": train_size, "slow": slow}, spelled=option_name),
            Machine(cache.folder, models, machine.batch_size, threads),
        )
        dataset = load_dataset(data.dataset, cache_dir=cache.folder, report=report, **data.selection)
        cell = single_cell(grid, dataset, options, (0, dataset.n))
        say_notes(dataset, report)
        quantizer = fitted_model(dataset, options, cell, report).quantizer
    _write(quantizer, dataset, output, machine.batch_size, report)


def _stored_run(run_id: str, database: Database) -> Run:
    run = database.get(run_id)
    if run is None:
        raise InputError(f"there is no run {run_id!r} in {str(database.path)!r}.")
    return run


def _data_of(run: Run, data: DataSpec, cache: Path, batch_size: int, report: Reporter) -> Dataset:
    """The data set of the options under the metric of the run; InputError if the run used another."""
    selection = data.selection | {"metric": data.metric or run.metric}
    dataset = load_dataset(data.dataset, cache_dir=cache, report=report, **selection)
    if dataset.fingerprint != run.dataset_fingerprint:
        raise InputError(
            f"run {run.run_id} used other data than {dataset.name!r} with these options: {run.n} vectors of "
            f"dimension {run.d}, metric {run.metric}; give the data options of that run."
        )
    if not Contents(dataset, report, batch_size).are_of(run):
        raise ChangedData(
            f"the vectors of {dataset.name!r} changed since run {run.run_id} was measured; {again(run)}, or "
            "export with --method."
        )
    return dataset


def _write(quantizer: Quantizer, dataset: Dataset, output: Path, batch_size: int, report: Reporter) -> None:
    base = dataset.base.with_held_out_rows()
    if is_exported(quantizer, base, dataset.fingerprint, dataset.distance, output, batch_size):
        report.say(f"{str(output)!r} already holds this export; nothing to do.")
    else:
        with report.task(f"writing {output.name}", base.n) as update:

            def on_block(done: int) -> None:
                update(done)
                if done == base.n:  # everything is read, and the output is not in place yet
                    dataset.require_unchanged()

            left_out = write_export(
                quantizer, base, dataset.distance, output,
                fingerprint=dataset.fingerprint, batch_size=batch_size, on_block=on_block,
            )  # fmt: skip
        if left_out:
            report.say(f"{left_out:,} of {base.n:,} rows cannot be measured; {_without_code(output)}.")
    echo(
        f"{base.n:,} vectors of dimension {base.d}, {quantizer.name}, {quantizer.bits_per_dim:g} bits per dimension: "
        f"{output}"
    )
    if base.n > dataset.n:
        echo(f"this includes the {base.n - dataset.n:,} vectors held out as queries.")
    if dataset.distance == "cosine":
        echo("the vectors were normalised; normalise your queries too, and the inner product is the cosine.")


def _without_code(output: Path) -> str:
    if output.suffix == INDEX_SUFFIX:
        return "they are not in the index, and the others keep their row numbers as ids"
    return f"their codes are zero bytes, and {LEFT_OUT_FILE} lists them"
