"""What the rows of a data set know about its vectors."""

from collections.abc import Iterable

from vq_benchmark.datasets.catalog import CATALOG
from vq_benchmark.evaluation.sample_summary import NORM_QUANTILES, SAMPLE_KEY, SampleSummary
from vq_benchmark.reports.comparison import Comparison
from vq_benchmark.reports.formatting import display_name, queries_text
from vq_benchmark.reports.html.answer import size_text
from vq_benchmark.results.database import Run


def data_card(comparison: Comparison) -> list[list[str]]:
    """Names and values, in the order in which the page shows them; facts that no row knows are left out."""
    runs = comparison.runs
    facts = [
        ("data set", display_name(comparison.dataset)),
        ("base vectors", f"{comparison.n:,}"),
        ("dimensions", f"{comparison.d:,}"),
        ("distance", comparison.metric),
        ("queries", queries_text(runs)),
        ("queries that are also in the base", _stated(runs, "queries_in_base")),
        ("float32 size", size_text(4 * comparison.n * comparison.d)),
        ("stored as", _stated(runs, "base_dtype")),
        *_of_sample(stated_summary(runs), comparison.metric),
        ("fingerprint", comparison.fingerprint),
        ("contents", comparison.content),
        ("revision", _stated(runs, "dataset_revision")),
        ("licence", _licence(comparison)),
    ]
    return [[name, value] for name, value in facts if value]


def stated_summary(runs: Iterable[Run]) -> SampleSummary | None:
    """What the rows say of the training sample, that of the largest one; None if no row says anything."""
    found = (SampleSummary.from_json(run.environment.get(SAMPLE_KEY)) for run in runs)
    return max((each for each in found if each is not None), key=lambda each: each.vectors, default=None)


def spectrum_points(comparison: Comparison) -> list[list[float]]:
    """[components, share of the variance in them]; empty if no row has a spectrum."""
    summary = stated_summary(comparison.runs)
    if summary is None:
        return []
    return [[count, share] for count, share in zip(summary.components, summary.variance_shares, strict=True)]


def _of_sample(summary: SampleSummary | None, distance: str) -> list[tuple[str, str]]:
    if summary is None:
        return []
    sampled = f"of {summary.vectors:,} training vectors"
    quantiles = ", ".join(
        f"{_quantile_name(share)} {norm:.4g}" for share, norm in zip(NORM_QUANTILES, summary.norms, strict=True)
    )
    norms = "1, as cosine divides vectors by their norm" if distance == "cosine" else quantiles
    effective = summary.effective_dimension
    return [
        (f"norms {sampled}", norms),
        (f"repeated vectors {sampled}", f"{summary.repeated:,}"),
        (f"effective dimension {sampled}", "" if effective is None else f"{effective:.1f}"),
    ]


def _quantile_name(share: float) -> str:
    return {0.0: "smallest", 0.5: "median", 1.0: "largest"}.get(share, f"{100 * share:g} %")


def _licence(comparison: Comparison) -> str:
    """The licence that the catalog states for a data set of that name; empty for files of your own."""
    entry = CATALOG.get(comparison.dataset)
    hosted = any(run.environment.get("dataset_revision") for run in comparison.runs)
    return entry.licence if entry is not None and (hosted or entry.offline) else ""


def _stated(runs: Iterable[Run], name: str) -> str:
    """The values of the environments, separated by commas; empty if no row has one."""
    return ", ".join(sorted({str(value) for run in runs if (value := run.environment.get(name)) is not None}))
