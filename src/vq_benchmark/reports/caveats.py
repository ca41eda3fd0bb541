"""What limits the numbers of a table or figure: its seeds, its queries, and vectors that were trained on."""

from collections.abc import Collection
from itertools import pairwise

from vq_benchmark.datasets.checks.bad_rows import LEFT_OUT_KEY
from vq_benchmark.evaluation.metric_records import record_of
from vq_benchmark.reports.comparison import Comparison, Summary, number
from vq_benchmark.reports.measured_alike import differing_settings, setting
from vq_benchmark.reports.seed_intervals import LEAST_SEEDS
from vq_benchmark.results.database import Run

FEW_QUERIES = 100
"""Number of queries below which a note says so, if the intervals hide the differences."""
RANKED_BY = {"queries": ("recall_at_10", "recall_at_1"), "judged queries": ("mrr_at_10", "ndcg_at_10")}
"""The metrics that rows are told apart by, for each kind of queries; the first that the rows have counts."""
ERROR_SECTIONS = ("Reconstruction", "Score errors", "Distances between base vectors")


def caveats(comparison: Comparison, metrics: Collection[str]) -> list[str]:
    """Notes that a reader of these metrics needs; empty if there is nothing to say."""
    found = [
        unlike_text(comparison),
        left_out_text(comparison),
        *(few_queries_text(comparison, words) for words in RANKED_BY),
    ]
    if any(record_of(metric).section in ERROR_SECTIONS for metric in metrics):
        found.append(trained_rows_text(comparison))
    return [text for text in found if text]


def interval_text(comparison: Comparison) -> str:
    """What the intervals include, to follow the word `interval`."""
    counts = {len(summary.runs) for summary in comparison.summaries if not summary.is_control}
    if not counts or max(counts) == 1:
        return f", without the randomness of training ({LEAST_SEEDS} or more --seeds include it)"
    if min(counts) >= LEAST_SEEDS:
        return " over all seeds, with the randomness of training"
    if max(counts) < LEAST_SEEDS:
        return f" over all seeds: the range of their intervals ({LEAST_SEEDS} seeds show the randomness of training)"
    return f" over all seeds, with the randomness of training in rows of {LEAST_SEEDS} or more seeds"


def trained_rows_text(comparison: Comparison) -> str:
    """A note if errors include vectors that were trained on; empty if not, or if that is unknown."""
    shown = [run for summary in comparison.summaries if not summary.is_control for run in summary.runs]
    if not any(map(_is_flattered, shown)):
        return ""
    return "errors include the vectors that were trained on, which makes them too small; lower --train-size"


def unlike_text(comparison: Comparison) -> str:
    """A note on the settings in which rows differ, with their values; empty if all were measured alike."""
    settings = [summary.settings for summary in comparison.summaries]
    values = {name: {str(setting(each, name)) for each in settings} for name in differing_settings(settings)}
    shown = [
        f"{name}={' or '.join(sorted(found, key=lambda text: (len(text), text)))}" for name, found in values.items()
    ]
    return f"not all rows were measured alike: {', '.join(shown)}" if shown else ""


def left_out_text(comparison: Comparison) -> str:
    """A note if base vectors that cannot be measured were left out; else empty."""
    left_out = [(run.environment[LEFT_OUT_KEY], run.n) for run in comparison.runs if LEFT_OUT_KEY in run.environment]
    if not left_out:
        return ""
    found, n = max(left_out, key=lambda each: int(each[0]["count"]))
    count, first = found["count"], found["first"]
    return f"{count:,} of {n:,} base rows cannot be measured and are left out, the first is row {first}"


def few_queries_text(comparison: Comparison, words: str) -> str:
    """A note if so few queries were used that most neighbouring rows cannot be told apart; else empty."""
    counts = {number(run.metrics, words.replace(" ", "_")) for run in comparison.runs}
    count = int(min((each for each in counts if each), default=FEW_QUERIES))
    if count >= FEW_QUERIES:
        return ""
    if count == 1:
        return f"too few {words}: 1 has no interval"
    if not _hides_differences(comparison, words):
        return ""
    return f"too few {words}: the intervals of {count} are wider than most differences between rows; use more"


def _is_flattered(run: Run) -> bool:
    return bool(number(run.metrics, "trained_share")) and number(run.metrics, "error_vectors") == run.n


def _hides_differences(comparison: Comparison, words: str) -> bool:
    """Whether most rows differ from the next better one by less than the half-width of an interval."""
    shown = [summary for summary in comparison.summaries if not summary.is_control]
    metric = next((name for name in RANKED_BY[words] if any(each.value(name) is not None for each in shown)), None)
    if metric is None:
        return False
    ranked = sorted((value, _half_width(each, metric)) for each in shown if (value := each.value(metric)) is not None)
    hidden = [better - value < max(half, other) for (value, half), (better, other) in pairwise(ranked)]
    return sum(hidden) > len(hidden) / 2


def _half_width(summary: Summary, metric: str) -> float:
    low, high = summary.interval(metric) or (0.0, 0.0)
    return (high - low) / 2
