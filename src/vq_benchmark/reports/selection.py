"""Select the rows of a results database that a report shows."""

from collections.abc import Iterable, Sequence

from vq_benchmark.errors import InputError
from vq_benchmark.reports.measured_alike import content_of
from vq_benchmark.results.database import Database, Run

SHOWN_CHOICES = 12
"""Names that an error message lists before it counts the others."""


def select_runs(
    database: Database, *, sweep_id: str | None = None, dataset: str | None = None, methods: Sequence[str] = ()
) -> list[Run]:
    """The finished and failed rows of a database, oldest first, optionally only of a sweep, data set or methods.

    A data set is known by its name, or by the start of the digest of its contents.

    Raises:
        InputError: the database does not exist or holds no finished or failed row, or a filter matches nothing; the
            message lists what is available.
    """
    if not database.path.exists():
        raise InputError(f"no results database at {str(database.path)!r}; `vq-benchmark run` or `sweep` creates one.")
    runs = list(database.runs("status IN ('done', 'failed')"))
    if not runs:
        raise InputError(
            f"{str(database.path)!r} has no finished rows; combine its chunks with `vq-benchmark merge`."
        )
    if sweep_id is not None:
        _check_known("sweep", [sweep_id], (run.sweep_id for run in runs))
        runs = [run for run in runs if run.sweep_id == sweep_id]
    of_content = [run for run in runs if dataset and (content_of(run) or "").startswith(dataset)]
    if of_content and dataset not in {run.dataset for run in runs}:
        runs = of_content
    elif dataset is not None:
        _check_known("data set", [dataset], (run.dataset for run in runs))
        runs = [run for run in runs if run.dataset == dataset]
    if methods:
        _check_known("method", methods, (run.method for run in runs))
        runs = [run for run in runs if run.method in methods]
    return runs


def listed(names: Iterable[str]) -> str:
    """The distinct names in order, for a sentence; the first ones and a count if there are many."""
    distinct = sorted(set(names))
    more = len(distinct) - SHOWN_CHOICES
    return ", ".join(distinct[:SHOWN_CHOICES]) + (f" and {more} more" if more > 0 else "")


def _check_known(kind: str, asked: Iterable[str], known: Iterable[str]) -> None:
    there = set(known)
    for name in asked:
        if name not in there:
            raise InputError(f"no results for {kind} {name!r}; available: {listed(there)}.")
