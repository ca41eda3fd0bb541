"""Run the cells of a study in this process, one after another, and store each row as soon as it is known."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.staging import staged
from vq_benchmark.errors import BadRows, InputError
from vq_benchmark.evaluation.evaluate import Truths
from vq_benchmark.evaluation.grid import whole_tiles
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.results.database import Database, Run
from vq_benchmark.studies.cell import failed_row, run_cell
from vq_benchmark.studies.plan import Cell, Options, run_id
from vq_benchmark.studies.truths import obtain_truths

GROUND_TRUTH_METRICS = "recall_at_k, recall_k_at_r, rank_distortion and sum_of_scores_at_k"

LARGE_SHARE = 0.5
"""Of the base among the training rows, above which codebooks may fit the very rows that are measured."""


@dataclass
class Outcome:
    """What became of the cells."""

    runs: list[Run] = field(default_factory=list)
    """Rows of all cells, done before or now."""
    skipped: int = 0
    """Cells that were done before."""

    @property
    def failed(self) -> list[Run]:
        """Rows of the cells that failed."""
        return [run for run in self.runs if run.status == "failed"]


def run_cells(
    dataset: Dataset,
    options: Options,
    cells: Sequence[Cell],
    database: Database,
    sweep_id: str,
    report: Reporter,
    *,
    force: bool = False,
) -> Outcome:
    """Run every cell that has no row yet, or a failed one; with `force` every cell.

    A cell that fails leaves a failed row and does not stop the others.

    Raises:
        InputError: the database or the ground truth cannot be used, or a search index is to be made of a chunk;
            nothing was run.
    """
    for cell in cells:
        if options.with_qps and (cell.start, cell.stop) != (0, dataset.n):
            raise InputError(
                f"--with-qps searches an index of the whole base, so it cannot measure the chunk {cell.start} to "
                f"{cell.stop} of {dataset.n} rows; run it once on the whole base, or the chunks without --with-qps."
            )
    outcome = Outcome()
    waiting: list[Cell] = []
    for cell in cells:
        earlier = None if force else database.get(run_id(dataset, options, cell))
        if earlier is None or earlier.status == "failed":
            waiting.append(cell)
        else:
            outcome.runs.append(earlier)
            outcome.skipped += 1
    if waiting:
        database.check_writable()
    if not options.with_recall:
        report.say(f"without ground truth there will be no {GROUND_TRUTH_METRICS}.")
    if waiting and dataset.training_source(options.train_size) is dataset.base:
        share = min(options.train_size / dataset.n, 1)
        if share > LARGE_SHARE:
            report.say(
                f"methods are trained on {share:.0%} of the vectors that are measured: those that learn codebooks "
                "look better than they will on vectors they have not seen; --train-size lowers the share."
            )
    truths: dict[tuple[int, int], Truths] = {}
    with staged_rows(dataset, options, waiting, report) as dataset:
        for number, cell in enumerate(waiting, 1):
            rows = (cell.start, cell.stop)
            if options.with_recall and rows not in truths:
                truths[rows] = obtain_truths(dataset, options, *rows, report)
            if len(cells) > 1:
                report.say(f"cell {number} of {len(waiting)}: {cell.label}, seed {cell.seed}")
            run = _run_or_fail(dataset, options, cell, sweep_id, truths.get(rows), report)
            if run.status == "failed" and _has_result(database, run.run_id):
                report.say(f"{cell.label}: the row of the earlier, successful run stays.")
            else:
                database.put(run)
            outcome.runs.append(run)
    return outcome


@contextmanager
def staged_rows(dataset: Dataset, options: Options, cells: Sequence[Cell], report: Reporter) -> Iterator[Dataset]:
    """The data set with the rows of the cells read from scratch space, if the options say so and it has room."""
    if not options.stage_to_tmp or not cells:
        yield dataset
        return
    start, stop = min(cell.start for cell in cells), max(cell.stop for cell in cells)
    with staged(dataset.base, *whole_tiles(start, stop, dataset.n), report) as base:
        yield replace(dataset, base=base)


def _has_result(database: Database, run_id: str) -> bool:
    earlier = database.get(run_id)
    return earlier is not None and earlier.status != "failed"


def _run_or_fail(
    dataset: Dataset, options: Options, cell: Cell, sweep_id: str, truths: Truths | None, report: Reporter
) -> Run:
    try:
        return run_cell(dataset, options, cell, sweep_id, truths, report)
    except BadRows:  # they are so for every cell
        raise
    except Exception as error:  # noqa: BLE001 - however a cell fails, its error becomes a row and the others run
        report.say(f"{cell.label} failed: {error}")
        return failed_row(dataset, options, cell, sweep_id, error)
