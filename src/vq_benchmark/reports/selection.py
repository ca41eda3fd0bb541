"""Which rows of a results database a report shows."""

from collections.abc import Iterable, Sequence

from vq_benchmark.errors import InputError
from vq_benchmark.results.database import Database, Run

SHOWN_CHOICES = 12
"""Names that an error message lists before it says how many more there are."""


def select_runs(
    database: Database, *, sweep_id: str | None = None, dataset: str | None = None, methods: Sequence[str] = ()
) -> list[Run]:
    """The finished and failed rows of a database, oldest first, of one sweep, one data set and some methods if asked.

    Raises:
        InputError: there is no such database, it holds no finished or failed row, or one of the filters matches
            nothing; the message lists what there is.
    """
    if not database.path.exists():
        raise InputError(f"there is no results database at {str(database.path)!r}; `run` or `sweep` makes one.")
    runs = list(database.runs("status IN ('done', 'failed')"))
    if not runs:
        raise InputError(
            f"{str(database.path)!r} holds no finished row; rows of chunks are finished by `vq-benchmark merge`."
        )
    if sweep_id is not None:
        _check_known("sweep", [sweep_id], (run.sweep_id for run in runs))
        runs = [run for run in runs if run.sweep_id == sweep_id]
    if dataset is not None:
        _check_known("data set", [dataset], (run.dataset for run in runs))
        runs = [run for run in runs if run.dataset == dataset]
    if methods:
        _check_known("method", methods, (run.method for run in runs))
        runs = [run for run in runs if run.method in methods]
    return runs


def listed(names: Iterable[str]) -> str:
    """The distinct names in order, for a sentence; the first ones where they are many."""
    distinct = sorted(set(names))
    more = len(distinct) - SHOWN_CHOICES
    return ", ".join(distinct[:SHOWN_CHOICES]) + (f" and {more} more" if more > 0 else "")


def _check_known(kind: str, asked: Iterable[str], known: Iterable[str]) -> None:
    there = set(known)
    for name in asked:
        if name not in there:
            raise InputError(f"there are no results for the {kind} {name!r}; there are results for {listed(there)}.")
