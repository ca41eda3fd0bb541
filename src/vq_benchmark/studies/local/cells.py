"""Run the cells of a study in this process, one after another, and store each row as soon as it is known."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import BadRows, InputError, Stopped
from vq_benchmark.evaluation.evaluate import GroundTruths
from vq_benchmark.machine.progress import Reporter, SilentReporter, Update, left_text
from vq_benchmark.results.database import Database, Run
from vq_benchmark.studies.cell_run import failed_row, run_cell
from vq_benchmark.studies.cells import Cell, Options
from vq_benchmark.studies.expectations import say_what_to_expect
from vq_benchmark.studies.ground_truths import check_given_truth, obtain_truths, say_left_out, say_repeated_queries
from vq_benchmark.studies.local.outcome import Outcome, done_before
from vq_benchmark.studies.local.time_left import Remaining
from vq_benchmark.studies.scratch_rows import staged_rows


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
    """Run every cell that has no row or a failed one; with `force`, every cell.

    A cell that fails leaves a failed row and does not stop the others.

    Raises:
        InputError: the database or the ground truth is unusable, or --with-qps was given for a chunk; nothing ran.
        Stopped: a signal asked for it; the rows of earlier cells are stored.
    """
    for cell in cells:
        if options.measure.with_qps and (cell.start, cell.stop) != (0, dataset.n):
            raise InputError(
                f"--with-qps times an index of the whole base, not rows {cell.start} to {cell.stop} of {dataset.n}; "
                "run it once on the whole base, or run the chunks without --with-qps."
            )
    outcome, waiting = done_before(dataset, options, cells, database, report, force=force)
    if waiting:
        database.check_writable()
    elif outcome.runs:
        check_given_truth(dataset, options, report)
    say_what_to_expect(dataset, options, report, anything=bool(waiting))
    ground_truths: dict[tuple[int, int], GroundTruths] = {}
    rows_of_all = (min(cell.start for cell in waiting), max(cell.stop for cell in waiting)) if waiting else (0, 0)
    remaining = Remaining(waiting)
    with (
        staged_rows(dataset, options, rows_of_all, report) as dataset,
        _one_bar(waiting, remaining, report) as update,
    ):
        for number, cell in enumerate(waiting, 1):
            rows = (cell.start, cell.stop)
            if options.measure.with_recall and rows not in ground_truths:
                ground_truths[rows] = obtain_truths(dataset, options, *rows, report)
                say_repeated_queries(dataset, ground_truths[rows], report)
                searched = ground_truths[rows].queries
                say_left_out(searched.content.left_out, dataset, searched.span, report)
            remaining.start()
            if len(cells) > 1:
                time_left = "".join(f", {text}" for text in [left_text(remaining.seconds())] if text)
                report.log(f"cell {number} of {len(waiting)}: {cell.label}, seed {cell.seed}{time_left}")
            run = _run_or_fail(dataset, options, cell, sweep_id, ground_truths.get(rows), report)
            if run.status == "failed" and run.run_id not in outcome.outdated and _has_result(database, run.run_id):
                report.say(f"{cell.label}: keeping the row of the earlier, successful run.")
            else:
                database.put(run)
            if run.status != "failed":
                options.machine.checkpoints.remove(run.run_id)
            outcome.runs.append(run)
            remaining.finish()
            update(number)
    return outcome


def _one_bar(cells: Sequence[Cell], remaining: Remaining, report: Reporter) -> AbstractContextManager[Update]:
    """A bar over all cells, if there are several."""
    reporter = report if len(cells) > 1 else SilentReporter()
    return reporter.task("all cells", len(cells), unit="cells", left=remaining.seconds)


def _has_result(database: Database, run_id: str) -> bool:
    earlier = database.get(run_id)
    return earlier is not None and earlier.status != "failed"


def _run_or_fail(
    dataset: Dataset,
    options: Options,
    cell: Cell,
    sweep_id: str,
    ground_truths: GroundTruths | None,
    report: Reporter,
) -> Run:
    try:
        return run_cell(dataset, options, cell, sweep_id, ground_truths, report)
    except (BadRows, Stopped):  # bad rows affect every cell, and a stop is not a failure
        raise
    except Exception as error:  # noqa: BLE001 - however a cell fails, its error becomes a row and the others run
        report.say(f"{cell.label} failed: {error}")
        return failed_row(dataset, options, cell, sweep_id, error)
