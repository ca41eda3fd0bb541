"""The search on vectors: the answer of a sweep over the same grid, with rows that are stored and never made twice."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flat_options import flat_options

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.loading import load_dataset
from vq_benchmark.datasets.sources.vector_source import ArraySource
from vq_benchmark.errors import InputError, Stopped
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.machine.progress import SilentReporter
from vq_benchmark.reports.comparison import Summary
from vq_benchmark.reports.recommendation.advice import judge
from vq_benchmark.results.database import Database
from vq_benchmark.studies.aggregate import finish_partial_rows
from vq_benchmark.studies.cells import Cell
from vq_benchmark.studies.ground_truths import truths_among
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.local.outcome import done_before
from vq_benchmark.studies.recommending import probing
from vq_benchmark.studies.recommending.goals import Goal
from vq_benchmark.studies.recommending.grid import Choices, cells, configurations
from vq_benchmark.studies.recommending.probing import Prober, part_rows, require_measurable
from vq_benchmark.studies.recommending.search import MARGIN

PART, ROWS = TILE_ROWS, 4 * TILE_ROWS
GOAL = Goal("recall_at_10", 0.8)
CHOICES = Choices(("rabitq", "sq"), (4.0, 5.0, 6.0, 7.0, 8.0))


@pytest.fixture(scope="module")
def generated():
    rng = np.random.default_rng(3)
    spread = 1 / np.sqrt(np.arange(1, 17))
    base, queries = ((rng.standard_normal((rows, 16)) * spread).astype(np.float32) for rows in (ROWS, 40))
    return Dataset("made", ArraySource(base), queries, "l2", fingerprint="made", files=())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(autouse=True)
def small_part(monkeypatch):
    monkeypatch.setattr(probing, "LEAST_PART", PART)


@pytest.fixture(scope="module")
def searched(generated, folder):
    """A finished search and its database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probing, "LEAST_PART", PART)
        of = prober(generated, folder, folder / "searched.db")
        return of, answered(of)


def prober(dataset, folder: Path, path: Path, choices=CHOICES, goals=(GOAL,), **changes):
    options = flat_options(
        folder / "cache", folder / "codebooks", k=10, max_candidates=50, num_pairs=0, train_size=1000
    )
    found = Prober(dataset, options, goals, choices.seeds, Database(path), judge, "sweep", SilentReporter())
    return replace(found, **changes)


def answered(of: Prober, choices=CHOICES):
    search = of.search(choices, 10**6)
    of.run(search)
    return search


def test_a_second_call_measures_nothing(searched, generated, folder):
    first, search = searched
    assert search.parts and search.part_is_trusted
    assert first.rows == len(search.parts) * PART + len(search.wholes) * ROWS
    again = prober(generated, folder, first.database.path)
    assert answered(again).best() == search.best()
    assert again.rows == 0


def test_the_answer_is_that_of_a_sweep_whose_rows_are_reused(searched, generated, folder, tmp_path):
    first, search = searched
    database = Database(tmp_path / "sweep.db")
    grid, _ = configurations(generated, first.options, CHOICES)
    whole = [cell for each in grid for cell in cells(each, (0,), (0, ROWS))]
    outcome = run_cells(generated, first.options, whole, database, "sweep", SilentReporter())
    runs = {run.method + str(run.config): run for run in outcome.runs}
    reaching = [run for run in runs.values() if run.metrics["recall_at_10_ci"][0] >= GOAL.bound]
    smallest = min(reaching, key=lambda run: run.metrics["code_bytes"] * 10**6 + run.metrics["model_bytes"])
    best = search.best()
    assert (best.method, dict(best.cell.config)) == (smallest.method, smallest.config)
    for each in grid:
        run = runs[each.method + str(dict(each.cell.config))]
        assert each.code_bytes == run.metrics["code_bytes"]
        assert each.least_model_bytes <= run.metrics["model_bytes"]

    reused = prober(generated, folder, tmp_path / "sweep.db")
    assert answered(reused).best() == best
    assert reused.rows <= len(search.parts) * PART


def test_rows_of_the_part_wait_for_no_others_and_a_chunk_is_measured_anew(searched, generated):
    of, _ = searched
    partial = list(of.database.runs("status = 'partial'"))
    assert partial and all(run.accumulators is None for run in partial)
    assert finish_partial_rows(of.database).incomplete == []

    only_part = next(run for run in partial if of.database.get(run.whole_run_id) is None)
    chunk = Cell(only_part.method, only_part.config, 0, 0, only_part.chunk_stop)
    _, waiting = done_before(generated, of.options, [chunk], of.database, SilentReporter(), force=False)
    assert waiting == [chunk]


def test_an_interrupted_search_ends_with_the_same_answer_and_measures_the_rest(
    searched, generated, folder, tmp_path, monkeypatch
):
    whole, expected = searched
    interrupted = prober(generated, folder, tmp_path / "cut.db")
    put, stored = Database.put, []

    def put_some(database, run):
        if len(stored) == 2:
            raise Stopped("SIGTERM", "the search", 1, 2)
        stored.append(run)
        put(database, run)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "put", put_some)
        with pytest.raises(Stopped):
            answered(interrupted)
    rest = prober(generated, folder, tmp_path / "cut.db")
    assert answered(rest).best() == expected.best()
    assert rest.rows == whole.rows - sum(run.chunk_stop - run.chunk_start for run in stored)


def test_earlier_rows_outside_the_grid_take_part(generated, folder, tmp_path):
    of = prober(generated, folder, tmp_path / "a.db")
    run_cells(
        generated, of.options, [Cell("pq", {"m": 16, "nbits": 5}, 0, 0, ROWS)], of.database, "s", SilentReporter()
    )
    choices = Choices(("pq",), (1.0, 8.0))
    search = answered(of, choices)
    assert search.best().label == "pq m=16 nbits=5"


def test_all_seeds_count(generated, folder, tmp_path):
    choices = Choices(("rabitq",), (6.0,), seeds=(0, 1, 2))
    of = prober(generated, folder, tmp_path / "a.db", choices)
    search = answered(of, choices)
    for each, reading in search.wholes.items():
        runs = of.rows_of([each])
        assert [run.seed for run in sorted(runs, key=lambda run: run.seed)] == [0, 1, 2]
        low, high = Summary(each.method, {}, tuple(runs)).interval("recall_at_10")
        assert (reading.low, reading.high) == pytest.approx((low - GOAL.bound, high - GOAL.bound), abs=1e-6)


def test_a_configuration_that_fails_is_left_out(generated, folder, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no model")

    monkeypatch.setattr(probing, "fitted_model", fail)
    of = prober(generated, folder, tmp_path / "a.db", goals=(Goal("recall_at_10", 0.81),))
    search = answered(of, Choices(("sq",), (4.0, 6.0)))
    assert search.best() is None and len(search.failed) == 2
    assert {run.error for run in of.database.runs()} == {"RuntimeError: no model"}


def test_a_goal_that_cannot_be_measured_is_refused_before_anything_runs(generated):
    with pytest.raises(InputError, match="judgements"):
        require_measurable([Goal("mrr_at_10_loss", 0.01)], generated)


@pytest.mark.parametrize(
    ("n", "rows"), [(10_000, None), (16_384, 4096), (99_000, 8192), (1_000_000, 98_304), (10**9, 2**20)]
)
def test_the_part_is_a_tenth_in_whole_tiles_where_that_pays(n, rows):
    assert part_rows(n, 200) == rows


@pytest.mark.parametrize("name", ["generated", "sample"])
def test_recall_falls_as_the_base_grows(name, generated, folder, tmp_path):
    dataset = generated if name == "generated" else load_dataset("sample")
    parts = (TILE_ROWS, dataset.n)
    of = prober(dataset, folder, tmp_path / "a.db")
    for method, config in (("rabitq", {"bits": 2}), ("pq", {"m": 16, "nbits": 8})):
        recalls = []
        for stop in parts:
            truths = truths_among(dataset, of.options, (0, stop), SilentReporter())
            cell = Cell(method, config, 0, 0, stop)
            run = probing.run_cell(dataset, of.options, cell, "s", truths, SilentReporter())
            if run.accumulators is not None:
                measurement = probing.Measurement.from_bytes(run.accumulators)
                run = replace(run, metrics=probing.part_metrics(measurement, truths))
            recalls.append(run.metrics["recall_at_10"])
        assert all(later <= earlier + MARGIN for earlier, later in itertools.pairwise(recalls)), recalls
