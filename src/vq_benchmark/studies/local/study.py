"""Run a study in chunks or in several processes on this machine, and merge its rows into a results database."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vq_benchmark.datasets.dataset import Dataset
from vq_benchmark.errors import InputError
from vq_benchmark.machine.progress import Reporter
from vq_benchmark.results.database import Database
from vq_benchmark.results.merging import unite
from vq_benchmark.studies.aggregate import measurement_differences
from vq_benchmark.studies.cells import Cell, Options
from vq_benchmark.studies.expectations import say_what_to_expect
from vq_benchmark.studies.ground_truths import check_given_truth
from vq_benchmark.studies.local.outcome import Outcome, done_before
from vq_benchmark.studies.local.pool import run_study
from vq_benchmark.studies.planning import draft_manifest, plan_study
from vq_benchmark.studies.study import Study


def run_divided(
    study: Study,
    dataset: Dataset,
    options: Options,
    cells: Sequence[Cell],
    database: Database,
    report: Reporter,
    *,
    folder: Path | None = None,
    workers: int = 1,
    force: bool = False,
) -> Outcome:
    """Run the cells that have no row yet, by a manifest in a folder from which an interrupted call resumes.

    Without `folder`, one beside the database is used and removed once everything is done.

    Raises:
        InputError: the folder holds a different study, the ground truth belongs to other data, or there are fewer
            threads than workers.
        Stopped: a signal asked for it; the same call resumes.
    """
    if folder is not None and force:
        raise InputError("--force does not apply to a --study-dir; delete that folder or choose another.")
    outcome, waiting = done_before(dataset, options, cells, database, report, force=force)
    check_given_truth(dataset, options, report)
    say_what_to_expect(dataset, options, report, anything=bool(waiting))
    if not waiting:
        return outcome
    database.check_writable()
    kept = folder is not None
    planned = list(cells) if kept else waiting
    if folder is None:
        identity = draft_manifest(study, Path(), dataset, options, planned).identity()
        folder = database.path.absolute().parent / "studies" / identity
    manifest = plan_study(study, folder, dataset, options, planned)
    with _alone_in(folder):
        outcome.problems = run_study(manifest, options.machine, report, workers=workers)
    _replace_earlier(database, Database(manifest.results_path), outcome.outdated, force)
    union = unite(
        database, [manifest.results_path] if manifest.results_path.exists() else [], measurement_differences
    )
    outcome.problems += [*union.unreadable, *union.conflicts]
    ids = {configuration.run_id for configuration in manifest.configurations}
    ids -= {run.run_id for run in outcome.runs}
    outcome.runs += [run for run in database.runs("status != 'partial'") if run.run_id in ids]
    if not (kept or outcome.problems):
        shutil.rmtree(folder, ignore_errors=True)  # a second call may be removing it, or writing to it
        with suppress(OSError):  # it holds other studies
            folder.parent.rmdir()
    return outcome


def _replace_earlier(database: Database, results: Database, outdated: Collection[str], force: bool) -> None:
    """Replace rows that uniting would keep: all done rows with `force`, else only outdated ones."""
    for run in results.runs("status != 'partial'"):
        if run.status == "done" if force else run.run_id in outdated:
            database.put(run)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Refuse a second process in the same folder, which would do everything twice."""
    lock = folder / ".lock"
    try:
        held = FileLock(lock).acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"another process is running the study in {str(folder)!r}; wait for it or stop it. If there is none, "
            f"delete {str(lock)!r}."
        ) from None
    with held:
        yield
