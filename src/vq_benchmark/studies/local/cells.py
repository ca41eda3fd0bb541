"""Run the cells of a study in this process, one after another, and store each row as soon as it is known."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.datasets.sources.staging import staged
from vq_benchmark.errors import BadRows, InputError, Stopped
from vq_benchmark.evaluation.evaluate import GroundTruths
from vq_benchmark.evaluation.metric_records import JUDGED_DEPTHS, Need, names_needing
from vq_benchmark.evaluation.spans import Span
from vq_benchmark.evaluation.tiling import whole_tiles
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.results.database import Database, Run
from vq_benchmark.studies.cell_run import failed_row, run_cell
from vq_benchmark.studies.cells import Cell, Options
from vq_benchmark.studies.contents import Contents
from vq_benchmark.studies.ground_truths import check_given_truth, obtain_truths, say_repeated_queries
from vq_benchmark.studies.identity import run_id
from vq_benchmark.studies.measure_spec import MeasureSpec

LARGE_SHARE = 0.5
"""Of the base among the training rows, above which codebooks may fit the very rows that are measured."""


@dataclass
class Outcome:
    """What became of the cells."""

    runs: list[Run] = field(default_factory=list)
    """Rows of all cells, done before or now."""
    skipped: int = 0
    """Cells that were done before."""
    outdated: set[str] = field(default_factory=set)
    """The run_id of rows that were done before, on vectors that changed since."""
    problems: list[str] = field(default_factory=list)
    """A sentence for each part of the work that failed and is not named by a failed row."""

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
        Stopped: a signal asked for it; the rows of the cells before are stored.
    """
    for cell in cells:
        if options.measure.with_qps and (cell.start, cell.stop) != (0, dataset.n):
            raise InputError(
                f"--with-qps searches an index of the whole base, so it cannot measure the chunk {cell.start} to "
                f"{cell.stop} of {dataset.n} rows; run it once on the whole base, or the chunks without --with-qps."
            )
    outcome, waiting = done_before(dataset, options, cells, database, report, force=force)
    if waiting:
        database.check_writable()
    elif outcome.runs:
        check_given_truth(dataset, options, report)
    say_what_to_expect(dataset, options, report, anything=bool(waiting))
    truths: dict[tuple[int, int], GroundTruths] = {}
    rows_of_all = (min(cell.start for cell in waiting), max(cell.stop for cell in waiting)) if waiting else (0, 0)
    with staged_rows(dataset, options, rows_of_all, report) as dataset:
        for number, cell in enumerate(waiting, 1):
            rows = (cell.start, cell.stop)
            if options.measure.with_recall and rows not in truths:
                truths[rows] = obtain_truths(dataset, options, *rows, report)
                say_repeated_queries(dataset, truths[rows], report)
            if len(cells) > 1:
                report.say(f"cell {number} of {len(waiting)}: {cell.label}, seed {cell.seed}")
            run = _run_or_fail(dataset, options, cell, sweep_id, truths.get(rows), report)
            if run.status == "failed" and run.run_id not in outcome.outdated and _has_result(database, run.run_id):
                report.say(f"{cell.label}: the row of the earlier, successful run stays.")
            else:
                database.put(run)
            if run.status != "failed":
                options.machine.checkpoints.remove(run.run_id)
            outcome.runs.append(run)
    return outcome


@contextmanager
def staged_rows(dataset: Dataset, options: Options, rows: Span, report: Reporter) -> Iterator[Dataset]:
    """The data set with those rows read from scratch space, if the options say so and it has room."""
    if not options.machine.stage_to_tmp or rows[0] == rows[1]:
        yield dataset
        return
    with staged(dataset.base, *whole_tiles(*rows, dataset.n), report) as base:
        yield replace(dataset, base=base)


def done_before(
    dataset: Dataset,
    options: Options,
    cells: Sequence[Cell],
    database: Database,
    report: Reporter,
    *,
    force: bool,
) -> tuple[Outcome, list[Cell]]:
    """The rows of the cells that need not run, and the other cells: those that have no row yet, or a failed one, or
    one of vectors that changed since."""
    outcome, contents = Outcome(), Contents(dataset, report, options.machine.batch_size)
    waiting: list[Cell] = []
    for cell in cells:
        earlier = None if force else database.get(run_id(dataset, options, cell))
        if earlier is None or earlier.status == "failed":
            waiting.append(cell)
            continue
        present = contents.present(earlier, options.measure.train_size)
        if present is None:
            report.say(f"{cell.label}: the vectors changed since it was measured; it is measured again.")
            outcome.outdated.add(earlier.run_id)
            waiting.append(cell)
            continue
        if present is not earlier:
            with suppress(InputError):  # a database that may not be written to: the vectors are compared again then
                database.put(present)
        options.machine.checkpoints.remove(earlier.run_id)  # a kill may have come between the row and this
        outcome.runs.append(present)
        outcome.skipped += 1
    return outcome, waiting


def say_what_to_expect(dataset: Dataset, options: Options, report: Reporter, *, anything: bool) -> None:
    """Say which metrics there will not be, and, if anything is to be run, whether training sees what is measured."""
    _say_what_will_be_absent(dataset, options.measure, report)
    if anything and dataset.training_source(options.measure.train_size) is dataset.base:
        share = min(options.measure.train_size / dataset.n, 1)
        if share > LARGE_SHARE:
            report.say(
                f"methods are trained on {share:.0%} of the vectors that are measured: those that learn codebooks "
                "look better than they will on vectors they have not seen; --train-size lowers the share."
            )


def _say_what_will_be_absent(dataset: Dataset, measure: MeasureSpec, report: Reporter) -> None:
    if not measure.with_recall:
        judged = "" if dataset.judgements is None else f", nor {', '.join(JUDGED_DEPTHS)}"
        report.say(f"without ground truth there will be no {_listed('ground truth')}{judged}.")
    if measure.num_pairs == 0:
        report.say(f"without pairs (--num-pairs 0) there will be no {_listed('pairs')}.")
    if measure.with_recall and dataset.judgements is not None:
        known = {"": measure.max_candidates, "_exact": measure.k}
        absent = [
            f"{name}{suffix}"
            for name, depth in JUDGED_DEPTHS.items()
            for suffix, size in known.items()
            if size < min(depth, dataset.n)
        ]
        if absent:
            report.say(
                f"with --k {measure.k} and --max-candidates {measure.max_candidates} there will be no "
                f"{', '.join(absent)}, and no loss of {'it' if len(absent) == 1 else 'them'}."
            )


def _listed(need: Need) -> str:
    """The metrics that need something, for a sentence."""
    *names, last = names_needing(need)
    return f"{', '.join(names)} and {last}"


def _has_result(database: Database, run_id: str) -> bool:
    earlier = database.get(run_id)
    return earlier is not None and earlier.status != "failed"


def _run_or_fail(
    dataset: Dataset, options: Options, cell: Cell, sweep_id: str, truths: GroundTruths | None, report: Reporter
) -> Run:
    try:
        return run_cell(dataset, options, cell, sweep_id, truths, report)
    except (BadRows, Stopped):  # the rows are bad for every cell, and a stop is no failure
        raise
    except Exception as error:  # noqa: BLE001 - however a cell fails, its error becomes a row and the others run
        report.say(f"{cell.label} failed: {error}")
        return failed_row(dataset, options, cell, sweep_id, error)
