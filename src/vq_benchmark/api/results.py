"""`Results`: the rows of a sweep or of a results database, for notebooks and programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vq_benchmark.api.findings import NO_RERANKING, Best, PairedDifference, best_for, difference_of
from vq_benchmark.errors import InputError
from vq_benchmark.evaluation.metric_records import RERANK_DEPTHS
from vq_benchmark.reports.comparison import Comparison, comparisons
from vq_benchmark.reports.formatting import display_name, subject_text
from vq_benchmark.reports.measured_alike import content_of
from vq_benchmark.reports.paired_rows import chosen_alike, compared
from vq_benchmark.reports.selection import listed, select_runs
from vq_benchmark.reports.sizes import Sizes, sized
from vq_benchmark.results.database import Database, Run

if TYPE_CHECKING:
    from vq_benchmark.api.plot import Plot

MOST_ROWS = 60
"""Rows of a table that a notebook shows."""


@dataclass(frozen=True, repr=False)
class Results:
    """Finished and failed rows. All methods leave them as they are.

    A configuration that was measured with several seeds is one result: their mean, with an interval over them.
    """

    runs: tuple[Run, ...]
    """The rows, each of one seed."""
    notes: tuple[str, ...] = ()
    """Why something that was asked for was not run."""

    def __repr__(self) -> str:
        groups = comparisons(self.runs)
        lines = [f"<Results: {self._counts()}>", *(f"{_counted(group)} on {subject_text(group)}" for group in groups)]
        return "\n".join([*lines, *self.notes])

    def __len__(self) -> int:
        """The number of configurations."""
        return sum(len(group.summaries) for group in comparisons(self.runs))

    def _repr_html_(self) -> str:
        """The tables of the command `results`, of at most 60 rows each."""
        from vq_benchmark.reports.documents.documents import Request, document_tables
        from vq_benchmark.reports.documents.markup import html

        tables = html(document_tables(self.runs, Request()), MOST_ROWS)
        return "\n".join([tables, *(f"<p>{escape(note)}</p>" for note in self.notes)])

    @property
    def failures(self) -> dict[str, str]:
        """The error of each configuration that failed, by its run_id."""
        return {run.run_id: run.error or "" for run in self.runs if run.status == "failed"}

    def select(self, dataset: str | None = None, methods: str | Sequence[str] = ()) -> "Results":
        """Only the rows of one data set, by its name or the start of its fingerprint or digest, or of some methods.

        Raises:
            InputError: there is no such data set or method.
        """
        names = [methods] if isinstance(methods, str) else list(methods)
        for name in names:
            if name not in {run.method for run in self.runs}:
                raise InputError(f"no results for method {name!r}; available: {listed(r.method for r in self.runs)}.")
        runs = [run for run in self.runs if not names or run.method in names]
        if dataset is not None:
            runs = [
                run
                for run in runs
                if run.dataset == dataset
                or any(digest.startswith(dataset) for digest in (run.dataset_fingerprint, content_of(run) or ""))
            ]
            if not runs:
                raise InputError(
                    f"no results for data set {dataset!r}; available: {listed(run.dataset for run in self.runs)}."
                )
        return Results(tuple(runs), self.notes)

    def to_arrow(self, *, each_seed: bool = False) -> Any:
        """A `pyarrow.Table` of all metrics: one row per configuration, or per seed, and one per failure.

        The ends of the 95 % interval of a metric are the columns NAME_low and NAME_high. `config` is JSON.
        """
        from vq_benchmark.reports.documents.documents import Request
        from vq_benchmark.reports.documents.record_formats import arrow_table

        return arrow_table(Request(each_seed=each_seed).records(self.runs))

    def to_pandas(self, *, each_seed: bool = False) -> Any:
        """The same as a `pandas.DataFrame`.

        Raises:
            InputError: pandas is not installed.
        """
        if find_spec("pandas") is None:
            raise InputError("pandas is not installed; run `pip install pandas`, or use to_arrow().")
        return self.to_arrow(each_seed=each_seed).to_pandas()

    def best(self, target: float = 0.95, *, rerank: int = NO_RERANKING, vectors: int | None = None) -> Best:
        """The smallest configuration whose recall@10 is at least the target, with its whole 95 % interval.

        Args:
            target: recall@10, above 0 and at most 1.
            rerank: candidates per query that exact vectors re-rank: 10 (none), 20, 50, 100 or 200.
            vectors: how many vectors share the model; default: the measured base.

        Raises:
            InputError: the results hold several data sets, or an argument is out of bounds.
        """
        if not 0 < target <= 1:
            raise InputError(f"target is {target}; it must be a recall above 0 and at most 1.")
        depths = (NO_RERANKING, *RERANK_DEPTHS[NO_RERANKING])
        if rerank not in depths:
            raise InputError(f"rerank is {rerank}; it must be one of {', '.join(map(str, depths))}.")
        if vectors is not None and vectors < 1:
            raise InputError(f"vectors is {vectors}; it must be at least 1.")
        group = self._only()
        return best_for(group, target, rerank, group.n if vectors is None else vectors)

    def compare(self, a: str, b: str, metric: str = "recall_at_10") -> PairedDifference:
        """The difference of two configurations, paired by query, as the command `compare` finds it.

        Args:
            a, b: a method, a method with parameters such as "pq:m=96", or the start of a run_id.
            metric: a metric with values of each query.

        Raises:
            InputError: a configuration is unknown or ambiguous, or the two were not measured with the same queries.
        """
        left, right = chosen_alike([a, b], self.runs)
        (found,) = compared([(left, right)], metric)
        return difference_of(found, metric)

    def plot(self, metric: str = "recall_at_10", *, vectors: int | None = None) -> "Plot":
        """A figure of a metric against bits per dimension, the model included; notebooks show it.

        Args:
            vectors: how many vectors share the model; default: the measured base.

        Raises:
            InputError: the results hold several data sets, or no row has the metric.
        """
        from vq_benchmark.api.plot import Plot  # not above: it loads matplotlib

        sizes = Sizes(vectors)
        (group,) = comparisons(sized(self._only().runs, sizes))
        return Plot.of(group, metric, sizes)

    def _only(self) -> Comparison:
        groups = comparisons(self.runs)
        if len(groups) == 1:
            return groups[0]
        if not groups:
            raise InputError("there are no finished results.")
        names = ", ".join(
            f"{display_name(group.dataset)} ({group.content or group.fingerprint[:8]})" for group in groups
        )
        raise InputError(f"the results are of {len(groups)} data sets: {names}; choose one with select(dataset=...).")

    def _counts(self) -> str:
        failed = len(self.failures)
        count = len(self)
        return f"{count} configuration{'' if count == 1 else 's'}" + (f", {failed} failed" if failed else "")


def load_results(path: str | Path) -> Results:
    """The finished and failed rows of a results database.

    Raises:
        InputError: the file does not exist, is not a results database, or holds no finished row.
    """
    return Results(tuple(select_runs(Database(Path(path)))))


def _counted(group: Comparison) -> str:
    methods = {summary.method for summary in group.summaries}
    return f"{len(group.summaries)} of {len(methods)} method{'' if len(methods) == 1 else 's'}"
