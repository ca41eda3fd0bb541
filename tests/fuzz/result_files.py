"""What runs leave behind: ground truth, models, checkpoints, measurements, results."""

import io
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from flat_options import flat_options
from rich.console import Console
from target import BASE, TEST, N, Target, content

from vq_benchmark.datasets.data_spec import DataSpec
from vq_benchmark.datasets.loading import prepare_dataset
from vq_benchmark.datasets.raw_dataset import RawDataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.evaluate import exact_truths
from vq_benchmark.evaluation.ground_truths.ground_truth_files import load_truths, save_truths
from vq_benchmark.evaluation.inner_products import squared_norms
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.tiling import Pass
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.quantizers.registry import get_quantizer
from vq_benchmark.reports.paired_rows import stored, values_of
from vq_benchmark.reports.selection import select_runs
from vq_benchmark.reports.tables import print_results
from vq_benchmark.results.checkpoints import Checkpoint
from vq_benchmark.results.database import Database, Run, write_database
from vq_benchmark.results.merging import unite
from vq_benchmark.results.models import load_model, save_model
from vq_benchmark.studies.aggregate import finish_partial_rows, measurement_differences
from vq_benchmark.studies.cell_run import run_cell
from vq_benchmark.studies.cells import Grid, cells_of, parsed_grid
from vq_benchmark.studies.ground_truths import belonging_of


def dataset() -> Any:
    stored = RawDataset(ArraySource(BASE.astype(np.float32)), ArraySource(TEST))
    return prepare_dataset("made", stored, DataSpec(dataset="made", metric="l2"))


def make_truths(path: Path) -> None:
    made = dataset()
    save_truths(path, exact_truths(made, 4), belonging_of(made), squared_norms(made.queries))


def read_truths(path: Path) -> Any:
    return content(load_truths(path, belonging_of(dataset()), 4, (0, N)))


def make_model(path: Path) -> None:
    model = get_quantizer("sq", bits=8).fit(BASE.astype(np.float32), seed=0)
    save_model(model, path, metadata={"fit_seconds": 1.5})


def read_model(path: Path) -> Any:
    model, metadata = load_model(path)
    return content([model.name, model.config, model.state(), metadata])


def checkpoint(path: Path) -> Checkpoint:
    return Checkpoint(path, {"id": "cell", "release": "1.0"})


def make_checkpoint(path: Path) -> None:
    checkpoint(path).write(b"payload" * 50, 9)


def read_checkpoint(path: Path) -> Any:
    saved = checkpoint(path).read(SilentReporter())
    if saved is None:
        raise InputError("it is set aside")
    return saved


@cache
def measured() -> list[Run]:
    """The row of a cell on the whole base, and its partial rows on both halves."""
    made, rows = dataset(), []
    with TemporaryDirectory() as folder:
        options = flat_options(Path(folder), Path(folder), k=3, max_candidates=6, num_pairs=20, train_size=30)
        grid = parsed_grid(["sq"], {}, [0])
        for span in ((0, N), (0, N // 2), (N // 2, N)):
            ground_truths = exact_truths(made, options.measure.k, Pass(*span))
            (cell,), _ = cells_of(Grid(grid), made, options, span)
            rows.append(run_cell(made, options, cell, "sweep", ground_truths, SilentReporter()))
    return rows


def make_measurement(path: Path) -> None:
    measurement = measured()[1].accumulators
    assert measurement is not None
    path.write_bytes(measurement)


def read_measurement(path: Path) -> Any:
    try:
        return content(Measurement.from_bytes(path.read_bytes()))
    except ValueError as error:  # what it promises; its callers name the row
        raise InputError(str(error)) from error


def make_per_query(path: Path) -> None:
    kept = measured()[0].per_query
    assert kept is not None
    path.write_bytes(kept)


def read_per_query(path: Path) -> Any:
    kept = stored(replace(measured()[0], per_query=path.read_bytes()))
    return content([kept, [values_of(measured()[0], kept, name) for name in kept.names]])


def read_results(path: Path) -> Any:
    runs = select_runs(Database(path))
    print_results(runs, Console(file=io.StringIO()))
    return content(runs)


def read_merged(path: Path) -> Any:
    target = Database(path.with_name("merged.db"))
    target.path.unlink(missing_ok=True)
    union = unite(target, [path], measurement_differences)
    if union.unreadable:
        raise InputError(union.unreadable[0])
    finish_partial_rows(target)
    return content([target.counts(), [run.run_id for run in target.runs()]])


def resealed(path: Path) -> None:
    """Rewrite the text of an archive's header as `header.json` beside it; see `reseal`."""
    with zipfile.ZipFile(path) as archive:
        header = np.lib.format.read_array(io.BytesIO(archive.read("header.npy"))).tobytes()
    path.with_suffix(".json").write_bytes(header)


def reseal(path: Path) -> Path:
    """The archive whose header was rewritten, with right sums: what is damaged is what was stored, not the file."""
    original = path.with_suffix(".npz")
    copy = path.with_name(f"resealed-{original.name}")
    with zipfile.ZipFile(original) as old, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            buffer = io.BytesIO()
            np.save(buffer, np.frombuffer(path.read_bytes(), np.uint8))
            new.writestr(name, buffer.getvalue() if name == "header.npy" else old.read(name))
    return copy


def with_header(target: Target) -> Target:
    """The same file with its header damaged before it was sealed."""
    file = str(Path(target.file).with_suffix(".json"))

    def make(path: Path) -> None:
        target.make(path.with_suffix(".npz"))
        resealed(path.with_suffix(".npz"))

    return Target(f"{target.name}, resealed", file, make, lambda path: target.read(reseal(path)), text=True)


TRUTHS = Target("ground truth of ours", "truth.npz", make_truths, read_truths, checked=True)
MODEL = Target("model", "model.npz", make_model, read_model, checked=True)
CHECKPOINT = Target("checkpoint", "cell.npz", make_checkpoint, read_checkpoint, checked=True)
MEASUREMENT = Target("measurement", "measurement.npz", make_measurement, read_measurement, checked=True)
PER_QUERY = Target("values of each query", "values.npz", make_per_query, read_per_query, checked=True)

RESULT_FILES = [
    *(
        each
        for sealed in (TRUTHS, MODEL, CHECKPOINT, MEASUREMENT, PER_QUERY)
        for each in (sealed, with_header(sealed))
    ),
    Target("results", "a.db", lambda path: write_database(path, measured()[:1]), read_results),
    Target("results to merge", "a.db", lambda path: write_database(path, measured()), read_merged),
]
