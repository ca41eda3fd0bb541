"""The outcome of the cells of a study, and which of them were done before."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from vq_benchmark.datasets.checks.bad_rows import LEFT_OUT_KEY
from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.results.database import Database, Run
from vq_benchmark.studies.cells import Cell, Options
from vq_benchmark.studies.contents import Contents
from vq_benchmark.studies.identity import run_id


@dataclass
class Outcome:
    """The outcome of the cells."""

    runs: list[Run] = field(default_factory=list)
    """Rows of all cells, done before or now."""
    skipped: int = 0
    """Cells that were done before."""
    outdated: set[str] = field(default_factory=set)
    """The run_id of earlier rows whose vectors have changed since."""
    problems: list[str] = field(default_factory=list)
    """A sentence for each failure that has no failed row."""

    @property
    def failed(self) -> list[Run]:
        """Rows of the cells that failed."""
        return [run for run in self.runs if run.status == "failed"]


def done_before(
    dataset: Dataset,
    options: Options,
    cells: Sequence[Cell],
    database: Database,
    report: Reporter,
    *,
    force: bool,
) -> tuple[Outcome, list[Cell]]:
    """The rows of the cells that need not run, and the cells that do: those without a row, with a failed one, or with
    one whose vectors have changed since."""
    outcome, contents = Outcome(), Contents(dataset, report, options.machine.batch_size)
    waiting: list[Cell] = []
    for cell in cells:
        earlier = None if force else database.get(run_id(dataset, options, cell))
        redone = earlier is not None and (_is_spent_in_vain(earlier, database) or _is_refused(earlier, dataset))
        if earlier is None or earlier.status == "failed" or redone:
            waiting.append(cell)
            continue
        present = contents.present(earlier, options.measure.train_size)
        if present is None:
            report.say(f"{cell.label}: the vectors have changed since it was measured; measuring it again.")
            outcome.outdated.add(earlier.run_id)
            waiting.append(cell)
            continue
        budgets = [budget for budget in (present.budget, cell.budget) if budget is not None]
        present = replace(present, budget=min(budgets, default=None))  # so that all reports mark it where one does
        if present != earlier:
            with suppress(InputError):  # a read-only database: the next run compares the vectors again
                database.put(present)
        options.machine.checkpoints.remove(earlier.run_id)  # a kill may have come between storing the row and this
        outcome.runs.append(replace(present, budget=cell.budget))  # it may have been chosen for another one
        outcome.skipped += 1
    return outcome, waiting


def _is_spent_in_vain(run: Run, database: Database) -> bool:
    """Whether a chunk has no accumulators to merge and no finished row: `recommend` needed only its recall."""
    if run.status != "partial" or run.accumulators is not None:
        return False
    whole = database.get(run.whole_run_id)
    return whole is None or whole.status != "done"


def _is_refused(run: Run, dataset: Dataset) -> bool:
    """Whether a row left out vectors that are refused now, so that measuring it again says which."""
    return dataset.refuses_bad_rows and LEFT_OUT_KEY in run.environment
