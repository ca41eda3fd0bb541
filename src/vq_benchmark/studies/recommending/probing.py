"""Make the measurements that a search asks for: ordinary cells, stored, resumable, and reused from earlier sweeps."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import BadRows, InputError, Stopped
from vq_benchmark.evaluation.evaluate import GroundTruths
from vq_benchmark.evaluation.evidence import Evidence
from vq_benchmark.evaluation.measurement import Measurement
from vq_benchmark.evaluation.metric_records import RECORDS
from vq_benchmark.evaluation.metrics import Metrics, computed_metrics
from vq_benchmark.evaluation.second_stage import SecondStage
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.tiling import TILE_ROWS
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.results.database import Database, Run
from vq_benchmark.studies.cell_run import failed_row, run_cell
from vq_benchmark.studies.cells import Cell, Options
from vq_benchmark.studies.contents import Contents
from vq_benchmark.studies.costs.memory_estimate import cell_within_memory
from vq_benchmark.studies.fitting import fitted_model
from vq_benchmark.studies.ground_truths import truths_among
from vq_benchmark.studies.identity import run_id
from vq_benchmark.studies.local.cells import run_cells
from vq_benchmark.studies.recommending.goals import Goal, Reading
from vq_benchmark.studies.recommending.grid import Choices, cells, configurations, measured_before
from vq_benchmark.studies.recommending.search import Configuration, Probe, Search

PART = 10
"""The part is this share of the base, 1 / PART, in whole tiles."""
LEAST_PART, MOST_PART = 2 * TILE_ROWS, 256 * TILE_ROWS
LEAST_SHARE = 4
"""A base of fewer parts is measured as a whole at once."""
MOST_CANDIDATES = 4
"""Times as many rows as candidates are kept that a part must have: else it is too easy to rule anything out."""

Judge = Callable[[Sequence[Run], Sequence[Goal]], Reading | None]
"""Reads how far the rows of all seeds of a configuration are beyond the goals; None if they lack a metric."""


def part_rows(n: int, max_candidates: int) -> int | None:
    """The rows at the start of the base that are measured first; None if the base is too small for that to pay."""
    rows = min(max(n // PART // TILE_ROWS * TILE_ROWS, LEAST_PART), MOST_PART)
    return rows if rows * LEAST_SHARE <= n and rows >= MOST_CANDIDATES * max_candidates else None


def require_measurable(goals: Sequence[Goal], dataset: Dataset) -> None:
    """Raise InputError, before anything runs, if a goal needs what is not there or not measured."""
    for goal in goals:
        needs = goal.record.needs
        if needs == "judgements" and dataset.judgements is None:
            raise InputError(f"{goal.metric} needs relevance judgements, and {dataset.name!r} has none.")
        if needs == "search index":
            raise InputError(f"recommend does not time search indexes, so it cannot search for {goal.metric}.")


@dataclass
class Prober:
    """Measures configurations on one data set and reads the rows."""

    dataset: Dataset
    options: Options
    goals: Sequence[Goal]
    seeds: Sequence[int]
    database: Database
    judge: Judge
    sweep_id: str
    report: Reporter
    force: bool = False
    """Whether rows of earlier calls are measured again."""
    rows: int = 0
    """Rows measured by this call, of all cells together."""
    measured: set[str] = field(default_factory=set)
    """The run_id of the rows of this call."""

    def search(
        self, choices: Choices, vectors: int, limit: float | None = None, *, best_that_fits: bool = False
    ) -> Search:
        """A search among the choices and what was measured before in the same way; says what cannot be run."""
        grid, refusals = configurations(self.dataset, self.options, choices)
        for name in (*choices.methods, *choices.engines):
            if not any(each.method == name for each in grid):
                reasons = [each.reason for each in refusals if each.method == name]
                self.report.say(f"not searched: {reasons[-1] if reasons else name}")
        grid = [each for each in grid if self._answers(each)]
        done = self.database.runs("status = 'done'", with_accumulators=False)
        grid += measured_before(self.dataset, self.options, choices, grid, done)
        has_part = part_rows(self.dataset.n, self.options.measure.max_candidates) is not None and bool(self.falling)
        most = math.inf if limit is None else limit
        return Search(grid, vectors, most, has_part=has_part, best_that_fits=best_that_fits)

    def _answers(self, configuration: Configuration) -> bool:
        """Whether a second stage finds enough candidates for the goals among those that are kept; says if not."""
        cell, most = configuration.cell, self.options.measure.max_candidates
        assert cell is not None
        stage = SecondStage.parse(cell.rerank or "exact")
        wanted = [stage.first(int(goal.metric.rpartition("_")[2])) for goal in self.goals if cell.engine]
        if stage.has_rule and max(wanted, default=0) > most:
            self.report.say(f"not searched: {cell.engine} re-ranks {max(wanted):,} candidates; {most} are kept.")
            return False
        return True

    def rows_of(self, grid: Sequence[Configuration]) -> list[Run]:
        """The finished rows of all configurations and seeds, whoever measured them."""
        whole = (0, self.dataset.n)
        ids = {run_id(self.dataset, self.options, cell) for each in grid for cell in cells(each, self.seeds, whole)}
        return [run for run in self.database.runs("status = 'done'", with_accumulators=False) if run.run_id in ids]

    def run(self, search: Search) -> None:
        """Measure until the answer is known.

        Raises:
            Stopped: a signal asked for it; the same call resumes.
        """
        while (probe := search.next()) is not None:
            self._record(search, probe)

    @property
    def part(self) -> Span:
        """The rows of the part."""
        return 0, part_rows(self.dataset.n, self.options.measure.max_candidates) or self.dataset.n

    @property
    def falling(self) -> list[Goal]:
        """The goals that a part can rule out."""
        return [goal for goal in self.goals if goal.falls_as_the_base_grows]

    def _record(self, search: Search, probe: Probe) -> None:
        """Make one measurement, unless the size of the model makes it pointless, and tell the search."""
        configuration, goals = probe.configuration, self.falling if probe.level == "part" else self.goals
        rows = self.part if probe.level == "part" else (0, self.dataset.n)
        of_seeds = cells(configuration, self.seeds, rows)
        stored = [self._stored(cell, goals) for cell in of_seeds]
        if None in stored:
            if configuration not in search.models:
                size = self._model_bytes(of_seeds[0])
                if size is None:
                    search.failed.add(configuration)
                    return
                search.models[configuration] = size
            if not search.wants(probe):
                return
        else:
            search.models[configuration] = _model_bytes([run for run in stored if run is not None])
            if not search.wants(probe):
                return
        runs = self._part(of_seeds) if probe.level == "part" else self._whole(of_seeds)
        if len(runs) < len(of_seeds):
            search.failed.add(configuration)
            return
        reading = self.judge(runs, goals)
        if reading is None:
            names = " or ".join(goal.metric for goal in goals if goal.metric not in runs[0].metrics)
            raise InputError(f"rows of {self.dataset.name!r} have no {names}, or no interval for it.")
        (search.parts if probe.level == "part" else search.wholes)[configuration] = reading

    def _stored(self, cell: Cell, goals: Sequence[Goal]) -> Run | None:
        """The row of a cell of the vectors as they are now, with the metrics of the goals; None if there is none."""
        id_ = run_id(self.dataset, self.options, cell)
        found = None if self.force and id_ not in self.measured else self.database.get(id_)
        if found is None or found.status == "failed" or any(goal.metric not in found.metrics for goal in goals):
            return None
        contents = Contents(self.dataset, self.report, self.options.machine.batch_size)
        return contents.present(found, self.options.measure.train_size)

    def _model_bytes(self, cell: Cell) -> int | None:
        """The size of the model, which is fitted and kept; None if that fails, which leaves a failed row."""
        whole = replace(cell, start=0, stop=self.dataset.n)
        try:
            options = cell_within_memory(self.dataset, self.options, whole, with_fit=True)
            return fitted_model(self.dataset, options, whole, self.report).quantizer.model_bytes
        except (BadRows, Stopped):
            raise
        except Exception as error:  # noqa: BLE001 - however it fails, the others can be searched
            self._fail(whole, error)
            return None

    def _whole(self, of_seeds: Sequence[Cell]) -> list[Run]:
        """The finished rows of cells on the whole base."""
        force = self.force and not all(run_id(self.dataset, self.options, each) in self.measured for each in of_seeds)
        outcome = run_cells(
            self.dataset, self.options, of_seeds, self.database, self.sweep_id, self.report, force=force
        )
        self._count(outcome.runs[outcome.skipped :])
        return [run for run in outcome.runs if run.status == "done"]

    def _part(self, of_seeds: Sequence[Cell]) -> list[Run]:
        """Rows of the part, with the recall among its rows as metrics."""
        found = (self._stored(cell, self.falling) or self._measured_part(cell) for cell in of_seeds)
        return [run for run in found if run is not None]

    def _measured_part(self, cell: Cell) -> Run | None:
        truths = truths_among(self.dataset, self.options, (cell.start, cell.stop), self.report)
        try:
            run = run_cell(self.dataset, self.options, cell, self.sweep_id, truths, self.report)
        except (BadRows, Stopped):
            raise
        except Exception as error:  # noqa: BLE001 - however a cell fails, the others can be searched
            self._fail(cell, error)
            return None
        assert run.accumulators is not None
        found = part_metrics(Measurement.from_bytes(run.accumulators), truths)
        # Without its accumulators, `merge` does not wait for the other rows of the base.
        run = replace(run, metrics=found | run.metrics, accumulators=None)
        self.database.put(run)
        self.options.machine.checkpoints.remove(run.run_id)
        self._count([run])
        return run

    def _count(self, runs: Sequence[Run]) -> None:
        self.measured |= {run.run_id for run in runs}
        self.rows += sum(run.chunk_stop - run.chunk_start for run in runs if run.status != "failed")

    def _fail(self, cell: Cell, error: Exception) -> None:
        self.report.say(f"{cell.label} failed: {error}")
        self.database.put(failed_row(self.dataset, self.options, cell, self.sweep_id, error))


def part_metrics(measurement: Measurement, truths: GroundTruths) -> Metrics:
    """Sizes and recall of a measurement of some rows, among these rows alone."""
    evidence = Evidence(replace(measurement, truth=truths.queries, judged_truth=truths.judged))
    return computed_metrics(
        (each for each in RECORDS if each.section == "Size" or each.needs == "ground truth"), evidence
    )


def _model_bytes(runs: Sequence[Run]) -> int:
    return max(int(run.metrics["model_bytes"]) for run in runs)
