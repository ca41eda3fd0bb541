"""Cells and searches that a signal stops in a chosen block, and what the next start makes of their checkpoints."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flat_options import changed_options, flat_options

from vq_benchmark.datasets.dataset import Dataset, Judgements
from vq_benchmark.datasets.file_states import FileState
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import Stopped
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.machine.archive import ArchiveFormat, pack, unpack
from vq_benchmark.machine.signals import stopping
from vq_benchmark.results.checkpoints import Checkpoint, Checkpoints, Interval
from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import quality
from vq_benchmark.studies.cells import Cell, Options
from vq_benchmark.studies.fitting import fitted_model, model_path
from vq_benchmark.studies.identity import model_id, run_id
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.local.outcome import Outcome

N = 4 * TILE_ROWS + 500
PQ = Cell("pq", {"m": 4, "nbits": 4}, 0, 0, N)
SQ = Cell("sq", {"bits": 8}, 0, 0, N)


class Stopper:
    """A reporter that sends a signal at a remark, or once so many rows of a task are done; it keeps all remarks."""

    def __init__(self, place: str = "", rows: int | None = None, number: int = signal.SIGTERM) -> None:
        self.place, self.rows, self.number = place, rows, number
        self.said: list[str] = []
        self.tasks: list[tuple[str, int]] = []

    def say(self, text: str) -> None:
        self.said.append(text)
        if self.place and self.place in text and self.rows is None:
            os.kill(os.getpid(), self.number)

    log = say

    @contextmanager
    def busy(self, label: str) -> Iterator[None]:
        yield

    @contextmanager
    def task(self, label: str, total: int, unit: str = "rows", **_: object) -> Iterator[Callable[[int], None]]:
        if unit == "rows":
            self.tasks.append((label, total))

        def update(done: int) -> None:
            if self.rows is not None and self.place in label and done >= self.rows:
                os.kill(os.getpid(), self.number)

        yield update


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(5)
    base = rng.standard_normal((N, 8)).astype(np.float32)
    queries, judged = rng.standard_normal((2, 6, 8)).astype(np.float32)
    qrels = np.stack([np.arange(6), rng.integers(N, size=6), np.ones(6, dtype=np.int64)], axis=1)
    judgements = Judgements(judged, qrels)
    return Dataset("made", ArraySource(base), queries, "ip", judgements=judgements, fingerprint="made", files=())


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return flat_options(
        cache_dir=tmp_path / "cache",
        codebooks_dir=tmp_path / "codebooks",
        k=10,
        max_candidates=20,
        num_pairs=500,
        train_size=1000,
        batch_size=TILE_ROWS,
        checkpoints=Checkpoints(tmp_path / "kept"),
    )


@pytest.fixture
def run(dataset: Dataset, options: Options, tmp_path: Path) -> Callable[..., Outcome]:
    """Run cells as the command line does; gives the outcome, or raises Stopped."""

    def run(report: Stopper, *cells: Cell, options: Options = options, database: str = "x.db") -> Outcome:
        with stopping():
            return run_cells(dataset, options, cells or (PQ,), Database(tmp_path / database), "sweep", report)

    return run


def kept(options: Options) -> list[Path]:
    return sorted(options.machine.checkpoints.folder.iterdir()) if options.machine.checkpoints.folder.exists() else []


def next_row(path: Path) -> int:
    return unpack(path.read_bytes())[0]["next_row"]


def of_calm_run(run, options: Options, tmp_path: Path, cell: Cell = PQ) -> dict:
    calm = changed_options(
        options, cache_dir=tmp_path / "calm", codebooks_dir=tmp_path / "calm", checkpoints=Checkpoints()
    )
    (row,) = run(Stopper(), cell, options=calm, database="calm.db").runs
    assert row.status == "done"
    return quality(row.metrics)


@pytest.mark.parametrize("blocks", [1, 2, 5])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_a_cell_stops_after_its_block_and_goes_on(name, blocks, run, dataset, options, tmp_path) -> None:
    rows = min(blocks * TILE_ROWS, N)
    with pytest.raises(Stopped) as stop:
        run(Stopper("pq m=4", rows, getattr(signal, name)))
    assert (stop.value.signal, stop.value.label, stop.value.rows_done) == (name, "pq m=4 nbits=4", rows)
    (path,) = kept(options)
    assert path.stem == run_id(dataset, options, PQ)
    assert next_row(path) == rows
    again = Stopper()
    (row,) = run(again).runs
    assert again.tasks == [("pq m=4 nbits=4", N - rows)]
    assert f"pq m=4 nbits=4: resuming from checkpoint: {rows:,} rows already done." in again.said
    assert quality(row.metrics) == of_calm_run(run, options, tmp_path)
    assert kept(options) == []


def test_a_chunk_goes_on(run, options, tmp_path) -> None:
    chunk = replace(PQ, start=1000, stop=3 * TILE_ROWS + 7)
    with pytest.raises(Stopped) as stop:
        run(Stopper("pq m=4", TILE_ROWS), chunk)
    assert stop.value.rows_done == 2 * TILE_ROWS - 1000
    again = Stopper()
    parts = [*run(again, chunk).runs, *run(Stopper(), replace(PQ, stop=1000), replace(PQ, start=chunk.stop)).runs]
    assert [row.status for row in parts] == 3 * ["partial"]
    assert ("pq m=4 nbits=4", chunk.stop - 2 * TILE_ROWS) in again.tasks


def test_a_search_of_exact_neighbours_stops_and_goes_on(run, options, tmp_path) -> None:
    with pytest.raises(Stopped) as stop:
        run(Stopper("exact neighbours", TILE_ROWS))
    assert (stop.value.label, stop.value.rows_done) == ("exact neighbours of 6 queries", TILE_ROWS)
    (path,) = kept(options)
    assert next_row(path) == TILE_ROWS
    again = Stopper()
    (row,) = run(again).runs
    assert again.tasks[0] == ("exact neighbours of 6 queries", N - TILE_ROWS)
    assert quality(row.metrics) == of_calm_run(run, options, tmp_path)
    assert kept(options) == []


def test_neighbours_of_judged_queries_beside_given_ones_go_on(run, dataset, options, tmp_path) -> None:
    calm = of_calm_run(run, options, tmp_path)
    scores = dataset.queries.astype(np.float64) @ dataset.base.read(0, N).T.astype(np.float64)
    np.save(tmp_path / "given.npy", np.argsort(-scores, axis=1, kind="stable")[:, :10])
    given = changed_options(options, ground_truth_path=tmp_path / "given.npy")
    with pytest.raises(Stopped) as stop:
        run(Stopper("judged", 2 * TILE_ROWS), options=given)
    assert stop.value.rows_done == 2 * TILE_ROWS
    again = Stopper()
    (row,) = run(again, options=given).runs
    assert again.tasks[0] == ("exact neighbours of 6 judged queries", N - 2 * TILE_ROWS)
    assert quality(row.metrics) == calm
    assert kept(options) == []


def test_a_stop_during_training_keeps_the_model(run, dataset, options) -> None:
    with pytest.raises(Stopped) as stop:
        run(Stopper("fitting"), PQ, SQ)
    assert (stop.value.label, stop.value.rows_done) == ("pq m=4 nbits=4", 0)
    assert model_path(options.machine.codebooks_dir, "pq", model_id(dataset, options.measure.train_size, PQ)).exists()
    again = Stopper()
    assert [row.environment["model_reused"] for row in run(again, PQ, SQ).runs] == [True, False]


def test_a_stop_between_cells_keeps_the_rows_before(run, options, tmp_path) -> None:
    with pytest.raises(Stopped) as stop:
        run(Stopper("cell 2 of 2"), PQ, SQ)
    assert (stop.value.label, stop.value.rows_done) == ("sq bits=8", 0)
    assert [row.method for row in Database(tmp_path / "x.db").runs()] == ["pq"]
    outcome = run(Stopper(), PQ, SQ)
    assert (outcome.skipped, len(outcome.runs), outcome.failed) == (1, 2, [])


def test_a_stop_while_the_search_index_is_filled_keeps_the_measurement(run, options, monkeypatch) -> None:
    timed = changed_options(options, with_qps=True)
    with pytest.raises(Stopped) as stop:
        run(Stopper("filling", TILE_ROWS), options=timed)
    assert stop.value.rows_done == N
    monkeypatch.setattr("vq_benchmark.studies.cell_run.search_metrics", lambda *_: {"queries_per_second": 1.0})
    again = Stopper()
    (row,) = run(again, options=timed).runs
    assert (row.status, row.metrics["queries_per_second"]) == ("done", 1.0)
    assert again.tasks[0] == ("pq m=4 nbits=4", 0)
    assert kept(options) == []


@pytest.mark.parametrize(
    ("every", "written"),
    [
        (Interval(blocks=2), 2),
        (Interval(blocks=1), 5),
        (Interval(seconds=0), 5),
        (Interval(seconds=900), 0),
        (Interval(), 0),
    ],
)
def test_checkpoints_are_written_as_often_as_asked(every, written, run, options, monkeypatch) -> None:
    rows = []
    write = Checkpoint.write
    monkeypatch.setattr(Checkpoint, "write", lambda self, payload, row: (rows.append(row), write(self, payload, row)))
    often = changed_options(options, checkpoints=replace(options.machine.checkpoints, every=every), with_recall=False)
    run(Stopper(), options=often)
    assert len(rows) == written
    assert kept(options) == []


def test_without_a_folder_a_stop_loses_the_pass_only(run, options, tmp_path) -> None:
    nowhere = changed_options(options, checkpoints=Checkpoints())
    with pytest.raises(Stopped) as stop:
        run(Stopper("pq m=4", 2 * TILE_ROWS), options=nowhere)
    assert stop.value.rows_done == 0
    again = Stopper()
    (row,) = run(again, options=nowhere).runs
    assert again.tasks == [("pq m=4 nbits=4", N)]
    assert quality(row.metrics) == of_calm_run(run, options, tmp_path)


def test_where_no_checkpoint_can_be_written_the_pass_goes_on(run, options, tmp_path) -> None:
    (tmp_path / "file").touch()
    blocked = changed_options(options, checkpoints=Checkpoints(tmp_path / "file", Interval(blocks=1)))
    report = Stopper()
    (row,) = run(report, options=blocked).runs
    assert row.status == "done"
    assert any("could not write checkpoint" in text and str(tmp_path / "file") in text for text in report.said)


def changed(path: Path, **identity: str) -> bytes:
    header, arrays = unpack(path.read_bytes())
    return pack(header | {"identity": header["identity"] | identity}, arrays)


@pytest.mark.parametrize("name", ["dataset_fingerprint", "id", "release"])
def test_a_checkpoint_of_other_work_is_refused_until_it_is_deleted(name, run, options, tmp_path) -> None:
    with pytest.raises(Stopped):
        run(Stopper("pq m=4", TILE_ROWS))
    (path,) = kept(options)
    path.write_bytes(changed(path, **{name: "other"}))
    (row,) = run(Stopper()).failed
    assert str(path) in row.error
    assert f"({name.replace('_', ' ')} other, expected" in row.error
    assert kept(options) == [path]
    path.unlink()
    (row,) = run(Stopper()).runs
    assert quality(row.metrics) == of_calm_run(run, options, tmp_path)


def test_a_model_that_was_fitted_again_otherwise_does_not_get_the_old_checkpoint(
    run, dataset, options, monkeypatch
) -> None:
    with pytest.raises(Stopped):
        run(Stopper("pq m=4", TILE_ROWS))
    model_path(options.machine.codebooks_dir, "pq", model_id(dataset, options.measure.train_size, PQ)).unlink()
    monkeypatch.setattr(type(dataset), "training_sample", lambda self, size, seed: self.base.read(0, size))
    stopper = Stopper()
    (row,) = run(stopper).runs
    assert row.status == "done"
    assert "belongs to a model that was refitted since" in "\n".join(stopper.said)
    assert row.environment["model_hash"] == fitted_model(dataset, options, PQ, Stopper()).hash


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[: len(whole) // 2], lambda whole: b"", lambda whole: b"x" * 99]
)
@pytest.mark.parametrize("place", ["pq m=4", "exact neighbours"])
def test_a_damaged_checkpoint_is_set_aside_and_the_work_is_done_again(place, damage, run, options, tmp_path) -> None:
    with pytest.raises(Stopped):
        run(Stopper(place, TILE_ROWS))
    (path,) = kept(options)
    path.write_bytes(damage(path.read_bytes()))
    again = Stopper()
    (row,) = run(again).runs
    assert again.tasks[0][1] == N
    assert any("is damaged" in text and f"{path.name}.corrupt" in text for text in again.said)
    assert kept(options) == [path.with_name(f"{path.name}.corrupt")]
    assert quality(row.metrics) == of_calm_run(run, options, tmp_path)


def test_a_measurement_of_another_format_is_set_aside(run, options, monkeypatch) -> None:
    with monkeypatch.context() as future:
        future.setattr("vq_benchmark.evaluation.measurement.FORMAT", ArchiveFormat("a measurement", 99))
        with pytest.raises(Stopped):
            run(Stopper("pq m=4", TILE_ROWS))
    again = Stopper()
    assert run(again).failed == []
    assert any("its format version is 99" in text for text in again.said)


@pytest.mark.parametrize("changed", [False, True])
def test_a_checkpoint_of_other_vectors_is_not_gone_on_from(changed, dataset, options, tmp_path) -> None:
    """Other files may hold the same vectors: those done are looked at, and kept if they are the same."""

    def start(report: Stopper, data: Dataset) -> Outcome:
        with stopping():
            return run_cells(data, options, [SQ], Database(tmp_path / "x.db"), "sweep", report)

    with pytest.raises(Stopped):
        start(Stopper("sq", 2 * TILE_ROWS), dataset)
    base = dataset.base.array.copy()
    base[TILE_ROWS] *= 1.25 if changed else 1
    (tmp_path / "base.npy").touch()
    later = replace(dataset, base=ArraySource(base), files=(FileState.of(tmp_path / "base.npy"),))
    again = Stopper()
    (row,) = start(again, later).runs
    assert any("belongs to vectors that have changed since" in said for said in again.said) == changed
    assert ("sq bits=8", N if changed else N - 2 * TILE_ROWS) in again.tasks
    elsewhere = changed_options(
        options, cache_dir=tmp_path / "f", codebooks_dir=tmp_path / "f", checkpoints=Checkpoints()
    )
    (fresh,) = run_cells(later, elsewhere, [SQ], Database(tmp_path / "fresh.db"), "sweep", Stopper()).runs
    assert quality(row.metrics) == quality(fresh.metrics)
